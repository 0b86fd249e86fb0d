import type { JSX } from "preact";
import { formatCount, formatRate } from "../format/quantities.js";
import { CLASS_WORDS, LINK_WORDS } from "../words.js";
import { LinkControls } from "./link-controls.js";
import { LinkMark } from "./marks.js";
import { Fact, Phase, Section } from "./parts.js";
import { Contact, useLinkViews } from "./sites-tab.js";
import { useAppState } from "./ui.js";

export function LinkCard({ id }: { id: string }): JSX.Element {
  const remote = useAppState((state) => state.sites);
  const mayControl = useAppState((state) => state.session.phase === "signed-in" && state.session.user.mayControl);
  const view = useLinkViews().find(({ link }) => link.id === id);
  if (!view) {
    return remote.phase === "ready" ? (
      <p class="phase">There is no link of this name that you may see.</p>
    ) : (
      <Phase remote={remote} what="The link" />
    );
  }
  const { link, look, control } = view;
  const name = `${view.fromName} – ${view.toName}`;
  return (
    <article class="card">
      <h2 class="card-title">{name}</h2>
      <p class={`state state-${look}`}>
        <LinkMark look={look} />
        <strong>{capital(LINK_WORDS[look])}</strong>
        <span class="soft">{CLASS_WORDS[link.class]}</span>
      </p>
      <dl class="facts">
        <Fact name="Waiting, both ways">
          {link.backlogRecords === undefined ? "not known here" : `${formatCount(link.backlogRecords)} records`}
        </Fact>
        {link.recordsPerSecond !== undefined && (
          <Fact name="Records now">{`${formatCount(link.recordsPerSecond)} per second`}</Fact>
        )}
        {link.bytesPerSecond !== undefined && <Fact name="Rate now">{formatRate(link.bytesPerSecond)}</Fact>}
        {link.roundTripMs !== undefined && <Fact name="Round trip">{`${Math.round(link.roundTripMs)} ms`}</Fact>}
        <Fact name="Last contact">
          {link.lastContact === undefined ? "none yet" : <Contact time={link.lastContact} />}
        </Fact>
      </dl>
      {mayControl && control && (
        <Section title="Voyage controls">
          <LinkControls control={control} name={name} />
        </Section>
      )}
    </article>
  );
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
