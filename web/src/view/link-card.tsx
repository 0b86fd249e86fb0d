import type { JSX } from "preact";
import { directions, type LinkView } from "../fleet-model.js";
import { formatBytes, formatCount, formatRate } from "../format/quantities.js";
import { formatDuration } from "../format/time.js";
import { budgetWords } from "../map/tooltips.js";
import { CLASS_WORDS, LINK_WORDS } from "../words.js";
import { LinkControls } from "./link-controls.js";
import { LinkMark } from "./marks.js";
import { Fact, Moment, Phase, Section } from "./parts.js";
import { Contact, useLinkViews } from "./sites-tab.js";
import { useAppState, useFleetDayMs, useUi } from "./ui.js";

export function LinkCard({ id }: { id: string }): JSX.Element {
  const { loading } = useUi();
  const remote = useAppState((state) => state.sites);
  const mayControl = useAppState((state) => state.session.phase === "signed-in" && state.session.user.mayControl);
  const now = useFleetDayMs();
  const view = useLinkViews().find(({ link }) => link.id === id);
  if (!view) {
    return remote.phase === "ready" ? (
      <p class="phase">There is no link of this name that you may see.</p>
    ) : (
      <Phase remote={remote} what="The link" onRetry={() => loading.everything()} />
    );
  }
  const { link, look, control } = view;
  const name = `${view.fromName} – ${view.toName}`;
  return (
    <article class="card">
      <h2 class="card-title">{name}</h2>
      <p class={`state state-${look}`}>
        <LinkMark look={look} kind={link.class} />
        <strong>{capital(LINK_WORDS[look])}</strong>
        <span class="soft">{CLASS_WORDS[link.class]}</span>
      </p>
      <dl class="facts">
        {link.problem !== undefined && look !== "out-of-reach" && <Fact name="Down because">{link.problem}</Fact>}
        <Fact name="Waiting, both ways">
          {link.backlogRecords === undefined ? "not known here" : `${formatCount(link.backlogRecords)} records`}
          {link.backlogBytes !== undefined && `, about ${formatBytes(link.backlogBytes)}`}
        </Fact>
        {link.secondsToGo !== undefined && (
          <Fact name="Time to go">{formatDuration(link.secondsToGo * 1000)}, at the rate of now</Fact>
        )}
        {link.recordsPerSecond !== undefined && (
          <Fact name="Records now">{`${formatCount(link.recordsPerSecond)} per second`}</Fact>
        )}
        {link.bytesPerSecond !== undefined && <Fact name="Rate now">{formatRate(link.bytesPerSecond)}</Fact>}
        {link.budget && <Fact name="Budget">{budgetWords(link.budget)}</Fact>}
        {link.roundTripMs !== undefined && <Fact name="Round trip">{`${Math.round(link.roundTripMs)} ms`}</Fact>}
        <Fact name="Last contact">
          {link.lastContact === undefined ? "none yet" : <Contact time={link.lastContact} />}
        </Fact>
        {link.certificateExpires !== undefined && (
          <Fact name="Certificate good until">
            <Moment time={link.certificateExpires} nearMs={now} />
          </Fact>
        )}
      </dl>
      <Directions view={view} />
      {mayControl && control && (
        <Section title="Control room">
          <LinkControls control={control} name={name} />
        </Section>
      )}
    </article>
  );
}

/** What waits and moves each way. */
function Directions({ view }: { view: LinkView }): JSX.Element | null {
  const ways = directions(view);
  if (ways.length === 0) return null;
  return (
    <Section title="Each way">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">To</th>
            <th scope="col" class="figure">
              Waiting
            </th>
            <th scope="col" class="figure">
              Records/s
            </th>
            <th scope="col" class="figure">
              Rate
            </th>
          </tr>
        </thead>
        <tbody>
          {ways.map(({ to, of }) => (
            <tr key={to}>
              <td>{to}</td>
              <td class="figure">{of.backlogRecords > 0 ? formatCount(of.backlogRecords) : "–"}</td>
              <td class="figure">{of.recordsPerSecond === undefined ? "–" : formatCount(of.recordsPerSecond)}</td>
              <td class="figure">{of.bytesPerSecond === undefined ? "–" : formatRate(of.bytesPerSecond)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
