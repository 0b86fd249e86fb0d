import type { JSX } from "preact";
import { siteName } from "../fleet-model.js";
import { formatBoth } from "../format/time.js";
import type { Missing } from "../history-model.js";
import { valueOf } from "../state/remote.js";
import { missingTimes, missingWords } from "../words.js";
import { Section } from "./parts.js";
import { useAppState, useFleetDayMs, useUi } from "./ui.js";

/** What people call a site. */
export function useSiteName(): (site: string) => string {
  const sites = useAppState((state) => valueOf(state.sites)?.sites);
  const ships = useAppState((state) => valueOf(state.ships));
  return (site) =>
    siteName(
      sites?.find((one) => one.site === site),
      site,
      ships ?? {},
    );
}

/** What this site knows to lack of the open history, and why. A click shows the time on track and chart. */
export function MissingList(): JSX.Element | null {
  const { app, selectors } = useUi();
  const open = useAppState((state) => selectors.openHistory(state));
  const now = useFleetDayMs();
  const nameOf = useSiteName();
  const missing = open?.model.missing ?? [];
  if (missing.length === 0) return null;
  return (
    <Section title="What is missing">
      <ol class="events missing">
        {missing.toReversed().map((one) => {
          const moment = one.toMs ?? one.fromMs;
          return (
            <li key={`${one.fromMs ?? ""} ${one.toMs ?? ""} ${one.reason}`}>
              <button
                type="button"
                disabled={moment === undefined}
                onClick={() => moment !== undefined && app.store.dispatch({ type: "view/at", atMs: moment })}
              >
                <span title={bothTimes(one, now)}>
                  <strong>{capital(missingTimes(one, now))}</strong>
                  <br />
                  {missingWords(one, nameOf)}
                </span>
              </button>
            </li>
          );
        })}
      </ol>
    </Section>
  );
}

/** Its ends as far as they are known, with the reader's own clock beside each. */
function bothTimes({ fromMs, toMs }: Missing, nearMs: number): string {
  return [fromMs, toMs].flatMap((ms) => (ms === undefined ? [] : [formatBoth(ms, nearMs)])).join(" – ");
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
