import type { JSX } from "preact";
import { positionText } from "../format/quantities.js";
import type { Incident } from "../incidents.js";
import { incidentWords } from "../words.js";
import { Moment, Section } from "./parts.js";
import { useAppState, useFleetDayMs, useUi } from "./ui.js";

/** The newest are listed; the chart has all of them. */
const SHOWN = 20;

/** Doors, power cuts and shocks; a click shows that moment. Defrosting is how it should be: the chart alone marks it. */
export function Incidents(): JSX.Element | null {
  const { app, selectors } = useUi();
  const open = useAppState((state) => selectors.openHistory(state));
  const now = useFleetDayMs();
  const incidents = (open?.model.incidents ?? []).filter(({ kind }) => kind !== "defrost");
  if (incidents.length === 0) return null;
  return (
    <Section title="Door, power, shocks" aside={incidents.length > SHOWN ? `newest ${SHOWN}` : undefined}>
      <ol class="events">
        {incidents
          .slice(-SHOWN)
          .toReversed()
          .map((incident) => (
            <li key={`${incident.kind} ${incident.fromMs}`}>
              <button type="button" onClick={() => app.store.dispatch({ type: "view/at", atMs: incident.fromMs })}>
                <Moment time={incident.fromMs} nearMs={now} compact />
                <span>
                  <IncidentMark kind={incident.kind} /> {incidentWords(incident)}
                  <span class="soft">{positionText(incident, ", ")}</span>
                </span>
              </button>
            </li>
          ))}
      </ol>
    </Section>
  );
}

const PATHS: Readonly<Record<Incident["kind"], string>> = {
  defrost: "M1 6H11",
  door: "M2 1H10V11H2Z",
  power: "M6 1L11 11H1Z",
  shock: "M6 0L12 6L6 12L0 6Z",
};

/** As the track draws it. */
function IncidentMark({ kind }: { kind: Incident["kind"] }): JSX.Element {
  return (
    <svg class={`mark incident-${kind}`} viewBox="-1 -1 14 14" aria-hidden="true">
      <path d={PATHS[kind]} />
    </svg>
  );
}
