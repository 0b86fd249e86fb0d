import type { ApiAlert } from "@landfall/proto/api";
import { formatContainerNumber } from "@landfall/proto/identifiers";
import type { JSX } from "preact";
import { valueOf } from "../state/remote.js";
import { ALERT_STATUS, ALERT_WORDS } from "../status.js";
import { readable } from "../words.js";
import { StatusMark } from "./marks.js";
import { Ago, Phase, Section } from "./parts.js";
import { useAppState, useUi } from "./ui.js";

/** Cleared alerts that are listed; the whole history is with each container. */
const CLEARED_SHOWN = 50;

export function AlertsTab(): JSX.Element {
  const { loading } = useUi();
  const remote = useAppState((state) => state.alerts);
  const alerts = (valueOf(remote) ?? []).toSorted((a, b) => b.time.localeCompare(a.time));
  const open = alerts.filter(({ state }) => state === "raised");
  const cleared = alerts.filter(({ state }) => state === "cleared").slice(0, CLEARED_SHOWN);
  return (
    <>
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

export function AlertRows({ alerts }: { alerts: readonly ApiAlert[] }): JSX.Element {
  const { app } = useUi();
  const pick = ({ container, vessel }: ApiAlert): void => {
    if (container !== undefined)
      app.store.dispatch({ type: "view/selected", selection: { kind: "container", id: container } });
    else if (vessel !== undefined)
      app.store.dispatch({ type: "view/selected", selection: { kind: "ship", id: vessel } });
  };
  return (
    <ul class="rows">
      {alerts.map((alert) => (
        <li key={alert.id}>
          <button
            type="button"
            class={
              alert.state === "cleared" ? "row row-over" : alert.severity === "critical" ? "row row-critical" : "row"
            }
            onClick={() => pick(alert)}
          >
            <StatusMark status={ALERT_STATUS[alert.type]} />
            <span class="row-main">
              <span class="row-title">
                {ALERT_WORDS[alert.type]}
                {alert.container !== undefined && <span class="number"> {formatContainerNumber(alert.container)}</span>}
              </span>
              <span class="row-sub row-wrap">{readable(alert.message)}</span>
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
