import type { AlertType, ApiAlert } from "@landfall/proto/api";
import { ONBOARD_THRESHOLDS, type Threshold } from "@landfall/proto/onboard-rules";
import { formatContainerNumber } from "@landfall/proto/identifiers";
import type { JSX } from "preact";
import { formatPosition, withUnit } from "../format/quantities.js";
import { offPort } from "../geo/off-port.js";
import { valueOf } from "../state/remote.js";
import { ALERT_STATUS, ALERT_WORDS } from "../status.js";
import type { Selection } from "../url-state.js";
import { readable } from "../words.js";
import { AlertReadings } from "./alert-readings.js";
import { AlertWords } from "./alert-words.js";
import { StatusMark } from "./marks.js";
import { Ago, Fact, Moment, Phase, Section } from "./parts.js";
import { useAppState, useFleetDayMs, useUi } from "./ui.js";
import { useRemote } from "./use-remote.js";

/** One alert: what and where, what led to it and came after, by which rule, and what people said on it. */
export function AlertCard({ id }: { id: string }): JSX.Element {
  const listed = useAppState((state) => valueOf(state.alerts)?.find((alert) => alert.id === id));
  const { app } = useUi();
  // Asked for again when something about it has changed.
  const [remote, retry] = useRemote(
    (signal) => app.api.alert(id, signal),
    `${listed?.state} ${listed?.acknowledgements?.length ?? 0}`,
  );
  const reply = valueOf(remote);
  const alert = listed ?? reply?.alert;
  return (
    <article class="card">
      <h2 class="card-title">{alert ? title(alert) : "Alert"}</h2>
      {alert && <Facts alert={alert} />}
      <Phase
        remote={remote}
        what="The alert"
        missing="There is no such alert that you may see. The link to it may be wrong, or your view of its container has ended."
        onRetry={retry}
      />
      {alert && (reply || remote.phase !== "failed") && (
        <>
          <AlertWords alert={alert} maySpeak={reply?.mayAcknowledge === true} />
          <AlertReadings alert={alert} readings={reply?.readings} />
          <Rule type={alert.type} rule={alert.rule} />
        </>
      )}
    </article>
  );
}

function title({ type, container }: ApiAlert): string {
  return container === undefined ? ALERT_WORDS[type] : `${ALERT_WORDS[type]} ${formatContainerNumber(container)}`;
}

function Facts({ alert }: { alert: ApiAlert }): JSX.Element {
  const { app } = useUi();
  const now = useFleetDayMs();
  const ship = useAppState((state) => (alert.vessel === undefined ? undefined : valueOf(state.ships)?.[alert.vessel]));
  const go = (selection: Selection) => () => app.store.dispatch({ type: "view/selected", selection });
  const { container, vessel, latitude, longitude } = alert;
  return (
    <>
      <p class="state">
        <StatusMark status={ALERT_STATUS[alert.type]} />
        <strong>{alert.state === "raised" ? "Open" : "Over"}</strong>
        <span class="soft">{alert.owner}</span>
      </p>
      <p class="alert-message">{readable(alert.message)}</p>
      <dl class="facts">
        {container !== undefined && (
          <Fact name="Container">
            <button type="button" class="link number" onClick={go({ kind: "container", id: container })}>
              {formatContainerNumber(container)}
            </button>
          </Fact>
        )}
        {vessel !== undefined && (
          <Fact name="Ship">
            <button type="button" class="link" onClick={go({ kind: "ship", id: vessel })}>
              {ship?.name ?? `IMO ${vessel}`}
            </button>
          </Fact>
        )}
        {latitude !== undefined && longitude !== undefined && (
          <Fact name="Where">
            {[offPort(alert), formatPosition(latitude, longitude)].filter((words) => words !== undefined).join(", ")}
          </Fact>
        )}
        <Fact name="Raised">
          <Moment time={alert.time} nearMs={now} />, <Ago time={alert.time} />
        </Fact>
        {alert.clearedAt !== undefined && (
          <Fact name="Over since">
            <Moment time={alert.clearedAt} nearMs={now} />, <Ago time={alert.clearedAt} />
          </Fact>
        )}
        <Fact name="Known here since">
          <Moment time={alert.knownSince} />, <Ago time={alert.knownSince} clock="own" />
        </Fact>
      </dl>
    </>
  );
}

function Rule({ type, rule }: { type: AlertType; rule: ApiAlert["rule"] }): JSX.Element | null {
  if (rule === undefined) return null;
  const known: Readonly<Record<string, Threshold>> = ONBOARD_THRESHOLDS;
  const limits = Object.entries(rule.limits).flatMap(([name, value]) => {
    const threshold = known[name];
    return threshold === undefined ? [] : [[name, threshold, value] as const];
  });
  return (
    <Section title={`The rule for “${ALERT_WORDS[type]}” as it stood then`}>
      <dl class="facts facts-wordy">
        {limits.map(([name, { meaning, unit }, value]) => (
          <Fact key={name} name={meaning}>
            {withUnit(value, unit, Number.isInteger(value) ? 0 : 1)}
          </Fact>
        ))}
        <Fact name="In force by">
          {rule.version === undefined ? "the ship's own settings" : `version ${rule.version} of the rules`}
        </Fact>
      </dl>
    </Section>
  );
}
