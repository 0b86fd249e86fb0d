import type { GrantReply, VoyageSpan } from "@landfall/proto/api";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { messageOf } from "../api/http.js";
import { endsSession } from "../effects/app.js";
import { formatTime } from "../format/time.js";
import { shareUrl } from "../share.js";
import { valueOf } from "../state/remote.js";
import { Moment, Phase, Section } from "./parts.js";
import { useFleetDayMs, useUi } from "./ui.js";
import { useRemote } from "./use-remote.js";

const DAY_MS = 86_400_000;
const DAYS_DEFAULT = 14;
const DAYS_MAX = 366;

/** What there is to share, and with whom it is shared. */
interface Sharing {
  readonly voyages: readonly VoyageSpan[];
  readonly grants: readonly GrantReply[];
}

/** Shows a container to others for the span of one voyage: a link, or a grant to somebody; and takes it back. */
export function ShareSection({ id, owner }: { id: string; owner: string }): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  if (isOpen) return <OpenShare id={id} owner={owner} />;
  return (
    <p class="exports">
      <button type="button" class="button" onClick={() => setOpen(true)}>
        Share…
      </button>
    </p>
  );
}

function OpenShare({ id, owner }: { id: string; owner: string }): JSX.Element {
  const { app } = useUi();
  const [remote, again] = useRemote(async (signal): Promise<Sharing> => {
    const [known, made] = await Promise.all([app.api.voyages(id, signal), app.api.grants(owner, signal)]);
    return {
      voyages: known.voyages.filter((one) => one.owner === owner),
      grants: made.grants.filter(({ state, topics }) => state === "in-force" && topics?.includes(id)),
    };
  });
  const now = useFleetDayMs();
  const [voyage, setVoyage] = useState(0);
  const [subject, setSubject] = useState("");
  const [days, setDays] = useState(DAYS_DEFAULT);
  const [url, setUrl] = useState<string>();
  const [message, setMessage] = useState<string>();
  const { voyages, grants } = valueOf(remote) ?? { voyages: [], grants: [] };

  /** Does something, and shows how things stand after it. */
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    setMessage(undefined);
    try {
      await work();
      again();
    } catch (error) {
      if (!endsSession(app, error)) setMessage(messageOf(error));
    }
  };
  const share = (event: Event): void => {
    event.preventDefault();
    const chosen = voyages[voyage];
    if (!chosen) return;
    void attempt(async () => {
      const { from, to } = chosen;
      // The one that lasts ends with its gate-out, which the server will hear of.
      const span = to === undefined && voyage === 0 ? { voyage: true } : { from, ...(to !== undefined && { to }) };
      const validUntil = new Date(app.nowMs() + days * DAY_MS).toISOString();
      const made = await app.api.share({ owner, subject: subject.trim() || "link", topics: [id], ...span, validUntil });
      setUrl(made.token === undefined ? undefined : shareUrl(window.location.origin, made.token));
    });
  };
  const takeBack = (grant: string): void =>
    void attempt(async () => {
      await app.api.takeBack(owner, grant);
      setUrl(undefined);
    });

  return (
    <Section title="Share this container">
      <Phase
        remote={remote}
        what="Its voyages"
        onRetry={again}
        isEmpty={(sharing) => sharing.voyages.length === 0}
        empty="There is no voyage of this container to share yet. One begins with its gate-in or loading, or with a booking."
      />
      {voyages.length > 0 && (
        <form class="share" onSubmit={share}>
          <label>
            <span>Voyage</span>
            <select name="voyage" onChange={(event) => setVoyage(Number(event.currentTarget.value))}>
              {voyages.map(({ from, to }, index) => (
                <option key={from} value={index} selected={index === voyage}>
                  {formatTime(Date.parse(from), now)} to{" "}
                  {to === undefined ? "gate-out" : formatTime(Date.parse(to), now)}, UTC
                </option>
              ))}
            </select>
          </label>
          <label>
            <span>With</span>
            <input
              name="subject"
              placeholder="whoever has the link, or u:name, g:group"
              spellcheck={false}
              autocapitalize="none"
              value={subject}
              onInput={(event) => setSubject(event.currentTarget.value)}
            />
          </label>
          <label>
            <span>For days</span>
            <input
              name="days"
              type="number"
              min={1}
              max={DAYS_MAX}
              required
              value={days}
              onInput={(event) => setDays(Number(event.currentTarget.value))}
            />
          </label>
          <button type="submit" class="button button-strong">
            {subject.trim() === "" ? "Make a link" : "Share"}
          </button>
        </form>
      )}
      {message !== undefined && (
        <p class="message" role="alert">
          {message}
        </p>
      )}
      {url !== undefined && (
        <label class="share-url">
          <span>Copy this link now: it is shown only once.</span>
          <input name="url" readOnly value={url} onFocus={(event) => event.currentTarget.select()} />
        </label>
      )}
      <ul class="share-list">
        {grants.map((grant) => (
          <li key={grant.id}>
            <span>
              {grant.subject === "link" ? "A link" : grant.subject}
              {grant.validUntil !== undefined && (
                <>
                  , until <Moment time={grant.validUntil} nearMs={now} />
                </>
              )}
            </span>
            <button type="button" class="button" onClick={() => takeBack(grant.id)}>
              Take back
            </button>
          </li>
        ))}
      </ul>
    </Section>
  );
}
