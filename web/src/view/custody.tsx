import type { ComponentChildren, JSX } from "preact";
import type { Stay } from "../custody.js";
import { portName } from "../fleet-model.js";
import { valueOf } from "../state/remote.js";
import { Moment, Section } from "./parts.js";
import { useAppState, useFleetDayMs, useUi } from "./ui.js";

/** Who had the container when: terminals, ships and roads, the newest first. */
export function Custody(): JSX.Element | null {
  const { selectors } = useUi();
  const open = useAppState((state) => selectors.openHistory(state));
  const custody = open?.model.custody ?? [];
  if (custody.length === 0) return null;
  return (
    <Section title="Who had it when">
      <ol class="events custody">
        {custody.toReversed().map((stay) => (
          <li key={`${stay.kind} ${stay.fromMs}`}>
            <StayRow stay={stay} />
          </li>
        ))}
      </ol>
    </Section>
  );
}

function StayRow({ stay }: { stay: Stay }): JSX.Element {
  const { app } = useUi();
  const now = useFleetDayMs();
  const isLost = useAppState((state) => valueOf(state.detail)?.status === "lost");
  const { vessel, fromMs, toMs } = stay;
  const ship = useAppState((state) => (vessel === undefined ? undefined : valueOf(state.ships)?.[vessel]?.name));
  const still = stay.kind === "ship" ? (isLost ? "lost on the way" : "still aboard") : "still there";
  return (
    <button
      type="button"
      onClick={() => {
        if (vessel === undefined) app.store.dispatch({ type: "view/at", atMs: fromMs });
        else app.store.dispatch({ type: "view/selected", selection: { kind: "ship", id: vessel } });
      }}
    >
      <span>
        {headOf(stay, ship)}
        <br />
        {placeBefore(stay.from, stay)}
        <Moment time={fromMs} nearMs={now} compact /> –{" "}
        {toMs === undefined ? (
          still
        ) : (
          <>
            {placeBefore(stay.to, stay)}
            <Moment time={toMs} nearMs={now} compact />
          </>
        )}
      </span>
    </button>
  );
}

function headOf({ kind, from, vessel, voyage }: Stay, ship: string | undefined): ComponentChildren {
  switch (kind) {
    case "ship":
      return (
        <>
          <strong>{ship ?? (vessel === undefined ? "A ship" : `IMO ${vessel}`)}</strong>
          {voyage !== undefined && <span class="soft"> · voyage {voyage}</span>}
        </>
      );
    case "terminal":
      return <strong>Terminal{from === undefined ? "" : `, ${portName(from)}`}</strong>;
    case "road":
      return (
        <>
          <strong>On the road</strong>
          {from !== undefined && <span class="soft"> · out of the gate in {portName(from)}</span>}
        </>
      );
  }
}

/** A ship's stay names both ports; a terminal is named above, and a road begins at its gate. */
function placeBefore(place: string | undefined, { kind }: Stay): string {
  return place === undefined || kind !== "ship" ? "" : `${portName(place)}, `;
}
