import type { AlertType, ApiAlert } from "@landfall/proto/api";
import { formatContainerNumber } from "@landfall/proto/identifiers";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { plural } from "../format/quantities.js";
import { offPort } from "../geo/off-port.js";
import { valueOf } from "../state/remote.js";
import { ALERT_STATUS, ALERT_WORDS } from "../status.js";
import { readable } from "../words.js";
import { StatusMark } from "./marks.js";
import { Ago, Phase, Section } from "./parts.js";
import { RulesDialog } from "./rules-dialog.js";
import { useAppState, useUi } from "./ui.js";

/** Cleared alerts that are listed; the whole history is with each container. */
const CLEARED_SHOWN = 50;
const TYPES = Object.keys(ALERT_WORDS) as readonly AlertType[];

/** What of the alerts is listed: all, one type, or those on which nobody has said a word. */
type Filter = "all" | "unspoken" | AlertType;

export function AlertsTab(): JSX.Element {
  const { loading } = useUi();
  const remote = useAppState((state) => state.alerts);
  const [filter, setFilter] = useState<Filter>("all");
  const all = (valueOf(remote) ?? []).toSorted((a, b) => b.time.localeCompare(a.time));
  const alerts = all.filter((alert) => passes(alert, filter));
  const open = alerts.filter(({ state }) => state === "raised");
  const cleared = alerts.filter(({ state }) => state === "cleared").slice(0, CLEARED_SHOWN);
  return (
    <>
      <Head filter={filter} onFilter={setFilter} hasAlerts={all.length > 0} />
      {open.length > 0 && (
        <Section title="Open" aside={open.length}>
          <AlertRows alerts={open} />
        </Section>
      )}
      {cleared.length > 0 && (
        <Section title="Over">
          <AlertRows alerts={cleared} />
        </Section>
      )}
      {all.length > 0 && alerts.length === 0 && (
        <p class="phase" role="status">
          None of {plural(all.length, "alert")} is of this kind. Choose <em>Everything</em> to see them all.
        </p>
      )}
      <Phase
        remote={remote}
        what="Alerts"
        onRetry={() => loading.everything()}
        isEmpty={(value) => value.length === 0}
        empty="No alerts. When a container is lost, opened, without power or out of its range, it shows here within seconds."
      />
    </>
  );
}

function passes(alert: ApiAlert, filter: Filter): boolean {
  if (filter === "all") return true;
  if (filter === "unspoken") return alert.state === "raised" && alert.acknowledgements === undefined;
  return alert.type === filter;
}

function Head(props: { filter: Filter; onFilter: (filter: Filter) => void; hasAlerts: boolean }): JSX.Element | null {
  const [isRuling, setRuling] = useState(false);
  const mayRule = useAppState(({ session }) => session.phase === "signed-in" && session.user.mayRule === true);
  if (!props.hasAlerts && !mayRule) return null;
  return (
    <div class="alerts-head">
      {props.hasAlerts && (
        <label>
          <span>Show</span>
          <select
            name="alerts"
            value={props.filter}
            onChange={(event) => props.onFilter(event.currentTarget.value as Filter)}
          >
            <option value="all">Everything</option>
            <option value="unspoken">Not acknowledged</option>
            {TYPES.map((type) => (
              <option key={type} value={type}>
                {ALERT_WORDS[type]}
              </option>
            ))}
          </select>
        </label>
      )}
      {mayRule && (
        <button type="button" class="button" onClick={() => setRuling(true)}>
          Rules…
        </button>
      )}
      {isRuling && <RulesDialog onClose={() => setRuling(false)} />}
    </div>
  );
}

export function AlertRows({ alerts }: { alerts: readonly ApiAlert[] }): JSX.Element {
  const { app } = useUi();
  return (
    <ul class="rows">
      {alerts.map((alert) => (
        <li key={alert.id}>
          <button
            type="button"
            class={
              alert.state === "cleared" ? "row row-over" : alert.severity === "critical" ? "row row-critical" : "row"
            }
            onClick={() => app.store.dispatch({ type: "view/selected", selection: { kind: "alert", id: alert.id } })}
          >
            <StatusMark status={ALERT_STATUS[alert.type]} />
            <span class="row-main">
              <span class="row-title">
                {ALERT_WORDS[alert.type]}
                {alert.container !== undefined && <span class="number"> {formatContainerNumber(alert.container)}</span>}
              </span>
              <span class="row-sub row-wrap">
                {[offPort(alert), readable(alert.message)].filter(Boolean).join(" · ")}
              </span>
              <Spoken alert={alert} />
            </span>
            <span class="row-side">
              <Ago time={alert.time} />
              {alert.state === "cleared" && <span>over</span>}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}

/** The newest word on it, so that nobody looks after what somebody else is looking after. */
function Spoken({ alert }: { alert: ApiAlert }): JSX.Element | null {
  const last = alert.acknowledgements?.at(-1);
  return last === undefined ? null : (
    <span class="row-sub row-wrap spoken">
      {last.by}: {last.message}
    </span>
  );
}
