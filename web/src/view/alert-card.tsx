import type { AlertReply, AlertType, ApiAlert } from "@landfall/proto/api";
import { ONBOARD_THRESHOLDS, type Threshold } from "@landfall/proto/onboard-rules";
import { formatContainerNumber } from "@landfall/proto/identifiers";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ApiError, isAbort, messageOf } from "../api/http.js";
import { endsSession } from "../effects/app.js";
import { formatPosition, withUnit } from "../format/quantities.js";
import { formatTime, toMs } from "../format/time.js";
import { offPort } from "../geo/off-port.js";
import { valueOf, type Remote } from "../state/remote.js";
import { ALERT_STATUS, ALERT_WORDS } from "../status.js";
import type { Selection } from "../url-state.js";
import { readable } from "../words.js";
import { AlertReadings } from "./alert-readings.js";
import { AlertWords } from "./alert-words.js";
import { StatusMark } from "./marks.js";
import { Ago, Fact, Phase, Section } from "./parts.js";
import { useAppState, useFleetDayMs, useUi } from "./ui.js";

/** One alert: what and where, what led to it and came after, by which rule, and what people said on it. */
export function AlertCard({ id }: { id: string }): JSX.Element {
  const listed = useAppState((state) => valueOf(state.alerts)?.find((alert) => alert.id === id));
  const [remote, retry] = useAlert(id, listed);
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
      {alert && remote.phase !== "failed" && (
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

/** The alert with its readings; asked for again when something about it changed. */
function useAlert(id: string, listed: ApiAlert | undefined): [Remote<AlertReply>, () => void] {
  const { app } = useUi();
  const [remote, setRemote] = useState<Remote<AlertReply>>({ phase: "idle" });
  const [tries, setTries] = useState(0);
  const version = `${listed?.state} ${listed?.acknowledgements?.length ?? 0}`;
  useEffect(() => {
    const abort = new AbortController();
    app.api.alert(id, abort.signal).then(
      (value) => setRemote({ phase: "ready", value }),
      (error: unknown) => {
        if (abort.signal.aborted || isAbort(error) || endsSession(app, error)) return;
        const missing = error instanceof ApiError && error.status === 404;
        setRemote({ phase: "failed", message: messageOf(error), missing });
      },
    );
    return () => abort.abort();
  }, [app, id, version, tries]);
  return [remote, () => setTries((before) => before + 1)];
}

function Facts({ alert }: { alert: ApiAlert }): JSX.Element {
  const { app } = useUi();
  const now = useFleetDayMs();
  const ship = useAppState((state) => (alert.vessel === undefined ? undefined : valueOf(state.ships)?.[alert.vessel]));
  const go = (selection: Selection) => () => app.store.dispatch({ type: "view/selected", selection });
  const { container, vessel, latitude, longitude } = alert;
  const [raised, cleared, known] = [alert.time, alert.clearedAt, alert.knownSince].map(toMs);
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
        {raised !== undefined && (
          <Fact name="Raised">
            {formatTime(raised, now)} UTC, <Ago time={alert.time} />
          </Fact>
        )}
        {cleared !== undefined && (
          <Fact name="Over since">
            {formatTime(cleared, now)} UTC, <Ago time={alert.clearedAt} />
          </Fact>
        )}
        {known !== undefined && (
          <Fact name="Known here since">
            {formatTime(known)} UTC, <Ago time={alert.knownSince} clock="own" />
          </Fact>
        )}
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
