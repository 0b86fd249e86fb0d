import type { AcknowledgementValue, AlertReading, AlertReply, AlertValue, ApiAlert } from "@landfall/proto/api";
import type { Policy, Principal } from "@landfall/streams/access/policy";
import type { Env } from "@landfall/streams/env";
import { LandfallError } from "@landfall/streams/model/errors";
import { ownerOfStream, type StreamName } from "@landfall/streams/model/names";
import type { TimestampMs } from "@landfall/streams/model/record";
import type { StreamStore } from "@landfall/streams/store/store";
import { readableHistory, type ReadableHistoryParts } from "../history/readable-history.js";
import { thin } from "../history/thin.js";
import { iso } from "../view/moves.js";
import { notFound } from "../http/refusals.js";
import { ACKNOWLEDGEMENT_CHARS_MAX, ALERT_READINGS_MAX, AROUND_ALERT_MS } from "../limits.js";
import { alertTime, isOpen, toApiAlert, topicOf, type AlertTrace } from "../view/alerts.js";
import { isExcerpt } from "../view/excerpt.js";
import type { FleetSync } from "../view/fleet-sync.js";
import type { Perspectives } from "../view/perspectives.js";

export interface AlertsDeskParts extends ReadableHistoryParts {
  readonly store: Pick<StreamStore, "append">;
  readonly policy: Pick<Policy, "allows" | "scope">;
  readonly env: Pick<Env, "now">;
  readonly sync: Pick<FleetSync, "catchUp">;
  readonly perspectives: Perspectives;
}

/** One alert as it is shown, and whose it is and whose readings stand in it: those are told who looked. */
export interface ShownAlert {
  readonly reply: AlertReply;
  readonly owners: readonly string[];
}

/** Shows one alert with what led to it, and takes down what people say on it. */
export class AlertsDesk {
  constructor(private readonly parts: AlertsDeskParts) {}

  /** @throws LandfallError NOT_FOUND, and what `containerHistory` throws */
  async show(principal: Principal, id: string): Promise<ShownAlert> {
    const { perspectives } = this.parts;
    const trace = this.find(id, perspectives.of(principal).readable);
    const alert = trace && toApiAlert(trace);
    if (!trace || !alert) throw notFound("alert");
    const { readings, streams } = await this.readingsAround(principal, trace, alert);
    return {
      reply: { alert, readings, mayAcknowledge: this.mayAcknowledge(principal, trace.stream) },
      owners: [trace.stream, ...streams].map(ownerOfStream),
    };
  }

  /**
   * Writes a person's word into the alert's own stream, from where it goes wherever the alert goes. Saying the same twice in a row is
   * saying it once.
   * @throws LandfallError NOT_FOUND for what is not there, or not theirs to speak on; INVALID_ARGUMENT; and whatever the store's
   *   `append` throws: PRODUCE_FORBIDDEN where this site may not write there
   */
  async acknowledge(principal: Principal, id: string, text: string): Promise<ApiAlert> {
    const { store, env, sync, view } = this.parts;
    const streams = new Set([...view.alerts.keys()].filter((stream) => this.mayAcknowledge(principal, stream)));
    const trace = this.find(id, streams);
    const alert = trace && toApiAlert(trace);
    if (!trace || !alert) throw notFound("alert");
    const message = text.trim();
    if (message === "" || message.length > ACKNOWLEDGEMENT_CHARS_MAX) {
      const wanted = `want a word on it, up to ${ACKNOWLEDGEMENT_CHARS_MAX} characters`;
      throw new LandfallError("INVALID_ARGUMENT", `body/message: ${wanted}`);
    }
    const last = trace.acknowledged?.at(-1)?.value;
    if (last?.by === principal.user && last.message === message) return alert;
    const now = env.now();
    const value = acknowledgement(alert, { by: principal.user, message, time: new Date(now).toISOString() });
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    const headers = { kind: "acknowledgement" };
    await store.append(trace.stream, [{ topic: topicOf(alert), timestamp: now as TimestampMs, value: bytes, headers }]);
    await sync.catchUp(trace.stream);
    return toApiAlert(view.alerts.get(trace.stream)?.get(id) ?? trace) ?? alert;
  }

  /** Whoever is shown the whole stream, and has a name: what was shared with somebody is theirs to look at. */
  private mayAcknowledge(principal: Principal, stream: StreamName): boolean {
    if (isExcerpt(stream) || principal.link !== undefined) return false;
    return this.parts.policy.allows(principal, "read", stream);
  }

  private find(id: string, streams: ReadonlySet<StreamName>): AlertTrace | undefined {
    for (const [stream, alerts] of this.parts.view.alerts) {
      const trace = streams.has(stream) ? alerts.get(id) : undefined;
      if (trace) return trace;
    }
    return undefined;
  }

  /**
   * What its container measured from before its cause to after its end, as far as that is here and may be shown, and the
   * streams that it stands in. Not what it measured for another company, before or after: who is told that somebody looked
   * at their readings would hear of this alert.
   */
  private async readingsAround(
    principal: Principal,
    trace: AlertTrace,
    { container, before, evidence }: AlertValue,
  ): Promise<{ readonly readings: AlertReading[]; readonly streams: ReadonlySet<StreamName> }> {
    if (container === undefined) return { readings: [], streams: new Set() };
    const causes = [alertTime(trace), Date.parse(before?.[0]?.time ?? ""), Date.parse(evidence?.lastSeen ?? "")];
    const end = isOpen(trace) ? alertTime(trace) : (trace.cleared?.time ?? alertTime(trace));
    const range = {
      from: Math.min(...causes.filter((time) => !Number.isNaN(time))) - AROUND_ALERT_MS,
      to: end + AROUND_ALERT_MS,
    };
    const owner = ownerOfStream(trace.stream);
    const { readings } = await readableHistory(this.parts, principal, container, range);
    const own = readings.filter(({ record }) => ownerOfStream(record.stream) === owner || isNobodys(record.stream));
    const shown = thin(own, ALERT_READINGS_MAX);
    return {
      readings: shown.map(({ record, ...reading }) => ({ time: iso(record.timestamp), ...reading })),
      streams: new Set(shown.map(({ record }) => record.stream)),
    };
  }
}

/** Of a container that no booking was known of. */
function isNobodys(stream: StreamName): boolean {
  return stream.endsWith(".unassigned");
}

function acknowledgement(
  { id, type, container, vessel }: ApiAlert,
  said: Pick<AcknowledgementValue, "by" | "message" | "time">,
): AcknowledgementValue {
  return {
    id,
    type,
    state: "acknowledged",
    ...(container !== undefined && { container }),
    ...(vessel !== undefined && { vessel }),
    ...said,
  };
}
