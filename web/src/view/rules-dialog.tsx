import type { OwnerRules, RulesInForce } from "@landfall/proto/api";
import { ONBOARD_THRESHOLDS, THRESHOLD_NAMES, type Threshold, type ThresholdName } from "@landfall/proto/onboard-rules";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ApiError, messageOf } from "../api/http.js";
import { endsSession } from "../effects/app.js";
import { formatBoth } from "../format/time.js";
import { limitProblems, limitsToSend, startLimits, type Limits } from "../onboard-form.js";
import type { SessionState } from "../state.js";
import { valueOf } from "../state/remote.js";
import { ALERT_WORDS } from "../status.js";
import { Dialog } from "./dialog.js";
import { Phase } from "./parts.js";
import { useAppState, useUi } from "./ui.js";
import { useRemote } from "./use-remote.js";

/** Thresholds of an owner's ships: looked at, changed, and sent to where the ships are. */
export function RulesDialog({ onClose }: { onClose: () => void }): JSX.Element {
  const { app } = useUi();
  const [remote, again] = useRemote((signal) => app.api.rules(signal));
  const [chosen, setOwner] = useState<string>();
  const session = useAppState((state) => state.session);
  const owners = valueOf(remote)?.owners ?? [];
  const owner = chosen ?? firstOwner(owners, session);
  const rules = owners.find((one) => one.owner === owner)?.keys.find(({ key }) => key === "onboard");
  return (
    <Dialog title="Rules on board" onClose={onClose}>
      <p class="dialog-lead">
        By these the ships of a company raise alerts. A change travels as a record, and each ship goes by it as soon as
        it has it.
      </p>
      <Phase
        remote={remote}
        what="The rules"
        onRetry={again}
        isEmpty={(reply) => reply.owners.length === 0}
        empty="There is no company here whose rules you may see."
      />
      {owners.length > 1 && (
        <label class="dialog-choice">
          <span>Ships of</span>
          <select name="owner" value={owner} onChange={(event) => setOwner(event.currentTarget.value)}>
            {owners.map((one) => (
              <option key={one.owner} value={one.owner}>
                {one.owner}
              </option>
            ))}
          </select>
        </label>
      )}
      {owner !== undefined && rules && (
        <LimitsForm
          key={`${owner} ${rules.version ?? 0}`}
          owner={owner}
          rules={rules}
          isLoading={remote.phase === "loading"}
          onDone={again}
        />
      )}
    </Dialog>
  );
}

/** The company that runs this site has the ships; others may, too. */
function firstOwner(owners: readonly OwnerRules[], session: SessionState): string | undefined {
  const own = session.phase === "signed-in" ? session.user.owner : undefined;
  return (owners.find((one) => one.owner === own) ?? owners[0])?.owner;
}

function LimitsForm(props: {
  owner: string;
  rules: RulesInForce;
  isLoading: boolean;
  onDone: () => void;
}): JSX.Element {
  const { owner, isLoading, onDone } = props;
  const rules = props.rules as RulesInForce<"onboard">;
  const { app } = useUi();
  const [limits, setLimits] = useState<Limits>(() => startLimits(rules));
  const [message, setMessage] = useState<string>();
  const [isSending, setSending] = useState(false);
  const problems = limitProblems(limits);
  const wanted = limitsToSend(limits, rules);
  const isChanged = JSON.stringify(wanted) !== JSON.stringify(rules.rules ?? {});

  const send = async (work: () => Promise<unknown>, notice: string): Promise<void> => {
    setSending(true);
    setMessage(undefined);
    try {
      await work();
      app.store.dispatch({ type: "command/done", key: "rules", notice });
      onDone();
    } catch (error) {
      if (endsSession(app, error)) return;
      const isOvertaken = error instanceof ApiError && error.status === 409;
      setMessage(
        isOvertaken
          ? "Somebody else has changed these rules meanwhile. Close this window, open it again to see theirs, and make your change on top."
          : messageOf(error),
      );
    }
    setSending(false);
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    if (hasAny(problems) || !isChanged) return;
    const replaces = rules.version ?? 0;
    const isBase = Object.keys(wanted).length === 0;
    void send(
      () =>
        isBase
          ? app.api.removeRules({ owner, key: "onboard", replaces })
          : app.api.putRules({ owner, key: "onboard", rules: wanted, replaces }),
      "The rules are on their way to the ships.",
    );
  };

  return (
    <form class="limits" aria-label={`Rules for ships of ${owner}`} onSubmit={submit} noValidate>
      <p class="soft limits-from">{fromWords(rules)}</p>
      <div class="limits-list">
        {THRESHOLD_NAMES.map((name) => (
          <LimitField
            key={name}
            name={name}
            text={limits[name]}
            problem={problems[name]}
            onText={(text) => setLimits({ ...limits, [name]: text })}
          />
        ))}
      </div>
      {message !== undefined && (
        <p class="message" role="alert">
          {message}
        </p>
      )}
      <p class="limits-end">
        <button
          type="submit"
          class="button button-strong"
          disabled={isSending || isLoading || !isChanged || hasAny(problems)}
        >
          {isSending ? "Sending…" : "Send to the ships"}
        </button>
        {rules.rules !== undefined && (
          <button
            type="button"
            class="button"
            disabled={isSending || isLoading}
            onClick={() =>
              void send(
                () => app.api.removeRules({ owner, key: "onboard", replaces: rules.version ?? 0 }),
                "The ships return to their own settings.",
              )
            }
          >
            Return to the ships' own settings
          </button>
        )}
      </p>
    </form>
  );
}

function hasAny(problems: Readonly<Record<string, string>>): boolean {
  return Object.keys(problems).length > 0;
}

function fromWords({ rules, time, by, site, version }: RulesInForce): string {
  if (rules === undefined || time === undefined) return "Nothing has been sent: each ship goes by its own settings.";
  const who = by === undefined ? (site ?? "") : `${by} in ${site ?? ""}`;
  return `In force since ${formatBoth(Date.parse(time))}, by ${who}. Version ${version ?? 0}.`;
}

function LimitField(props: {
  name: ThresholdName;
  text: string;
  problem: string | undefined;
  onText: (text: string) => void;
}): JSX.Element {
  const { name, text, problem, onText } = props;
  const threshold: Threshold = ONBOARD_THRESHOLDS[name];
  const { meaning, unit, min, max, of } = threshold;
  const id = `limit-${name}`;
  return (
    <div class={problem === undefined ? "limit" : "limit limit-wrong"}>
      <label for={id}>
        {meaning}
        <span class="soft"> · {of.map((type) => ALERT_WORDS[type]).join(", ")}</span>
      </label>
      <span class="limit-value">
        <input
          id={id}
          name={name}
          type="text"
          inputMode="decimal"
          value={text}
          aria-invalid={problem !== undefined}
          aria-describedby={`${id}-help`}
          onInput={(event) => onText(event.currentTarget.value)}
        />
        <span class="soft">{unit}</span>
      </span>
      <span class={problem === undefined ? "limit-help soft" : "limit-help limit-problem"} id={`${id}-help`}>
        {problem ?? `${min} to ${max}; ${threshold.default} unless set`}
      </span>
    </div>
  );
}
