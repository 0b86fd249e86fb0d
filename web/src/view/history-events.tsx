import type { JSX } from "preact";
import { portName } from "../fleet-model.js";
import { eventWords } from "../words.js";
import { valueOf } from "../state/remote.js";
import { Moment, Section } from "./parts.js";
import { useAppState, useFleetDayMs, useUi } from "./ui.js";

/** The newest are shown; the chart and the track have all of them. */
const EVENTS_SHOWN = 30;

/** What happened to the selected container or ship; a click shows that moment on track and chart. */
export function HistoryEvents({ title }: { title: string }): JSX.Element | null {
  const { app, selectors } = useUi();
  const open = useAppState((state) => selectors.openHistory(state));
  const ships = useAppState((state) => valueOf(state.ships));
  const now = useFleetDayMs();
  const events = open?.model.events ?? [];
  if (events.length === 0) return null;
  return (
    <Section title={title} aside={events.length > EVENTS_SHOWN ? `newest ${EVENTS_SHOWN}` : undefined}>
      <ol class="events">
        {events
          .slice(-EVENTS_SHOWN)
          .toReversed()
          .map((event) => (
            <li key={`${event.ms} ${event.type} ${event.location ?? ""}`}>
              <button type="button" onClick={() => app.store.dispatch({ type: "view/at", atMs: event.ms })}>
                <Moment time={event.ms} nearMs={now} compact />
                <span>
                  {eventWords(
                    event.type,
                    event.vessel === undefined ? undefined : (ships?.[event.vessel]?.name ?? `IMO ${event.vessel}`),
                  )}
                  {event.location === undefined ? "" : `, ${portName(event.location)}`}
                  {event.voyage === undefined ? "" : <span class="soft"> · voyage {event.voyage}</span>}
                </span>
              </button>
            </li>
          ))}
      </ol>
    </Section>
  );
}
