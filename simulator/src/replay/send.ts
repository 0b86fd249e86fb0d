import { setTimeout as wait } from "node:timers/promises";
import { SimulatorError } from "../errors.js";
import { Gateway } from "../sensors/gateway.js";
import { Outbox } from "../sensors/outbox.js";
import { isoTime } from "../world/messages.js";
import type { Publish } from "../world/state.js";
import type { AisReport } from "./ais-row.js";
import {
  FIRST_ANSWER_MS_MAX,
  KEEP_EVERY_MS,
  LOOK_EVERY_MS,
  UNNUMBERED_TOLD_MAX,
  WAITING_MESSAGES_MAX,
} from "./limits.js";
import type { ReplayState } from "./replay-folder.js";
import { compareReports } from "./sorted-runs.js";

export interface SendOptions {
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  /** Seconds of the file in one; absent: as fast as the broker takes them. */
  readonly speed?: number;
  /** IMO numbers that the file does not say, by MMSI. */
  readonly ships: Readonly<Record<string, string>>;
}

export interface SendHooks {
  onProgress(state: ReplayState, isConnected: boolean): void;
  keep(state: ReplayState): void;
}

/** How a replay came out; `stopped` when somebody ended it before. */
export interface Sent {
  readonly state: ReplayState;
  readonly stopped: boolean;
  /** MMSIs without an IMO number, as far as they are told. */
  readonly unnumbered: readonly string[];
}

/**
 * Publishes reports at QoS 1 over one connection, so that each ship's come in order, from the first that was not done yet. What was
 * sent and not acknowledged before a crash is sent again with the same bytes: the edge recognises it.
 * @throws SimulatorError UNREACHABLE when no broker lets it in at the start
 */
export async function send(
  reports: AsyncIterable<AisReport>,
  from: ReplayState,
  options: SendOptions,
  hooks: SendHooks,
  signal: AbortSignal,
): Promise<Sent> {
  const outbox = new Outbox(WAITING_MESSAGES_MAX * 2);
  const login = {
    ...(options.username !== undefined && { username: options.username }),
    ...(options.password !== undefined && { password: options.password }),
  };
  const clientId = options.username === undefined ? `replay-${process.pid}` : `${options.username}:replay`;
  const gateway = new Gateway([options.url], clientId, outbox, login);
  gateway.start();
  const unnumbered = new Set<string>();
  let state = from;
  /** State after each message that is under way: what counts is what was acknowledged. */
  const after: ReplayState[] = [];
  let kept = 0;
  let seen = from;
  const settle = (): void => {
    const done = after.length - outbox.size;
    if (done > 0) state = after.splice(0, done).at(-1) ?? state;
    if (outbox.size === 0) state = seen;
    hooks.onProgress(state, gateway.isConnected);
    if (performance.now() - kept < KEEP_EVERY_MS) return;
    kept = performance.now();
    hooks.keep(state);
  };
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo() && !signal.aborted) {
      await wait(LOOK_EVERY_MS);
      settle();
    }
  };
  try {
    await connected(gateway, options.url, signal);
    const begunMs = performance.now();
    let firstMs: number | undefined;
    let before: AisReport | undefined;
    let index = 0;
    for await (const report of reports) {
      if (signal.aborted) break;
      const isRepeated = before !== undefined && compareReports(before, report) === 0;
      before = report;
      if (index++ < from.done) continue;
      const imo = options.ships[report.mmsi] ?? from.prepared.imoOf[report.mmsi];
      if (isRepeated || imo === undefined) {
        if (!isRepeated && unnumbered.size < UNNUMBERED_TOLD_MAX) unnumbered.add(report.mmsi);
        const [repeated, lacking] = isRepeated ? [1, 0] : [0, 1];
        seen = { ...seen, done: index, repeated: seen.repeated + repeated, unnumbered: seen.unnumbered + lacking };
        continue;
      }
      firstMs ??= report.timeMs;
      const dueMs = options.speed === undefined ? 0 : begunMs + (report.timeMs - firstMs) / options.speed;
      await until(() => outbox.size < WAITING_MESSAGES_MAX && performance.now() >= dueMs);
      if (signal.aborted) break;
      seen = { ...seen, done: index, sent: seen.sent + 1 };
      after.push(seen);
      outbox.push(publishOf(report, imo, from.shiftMs));
      gateway.pump();
    }
    await until(() => outbox.size === 0);
    settle();
    hooks.keep(state);
    return { state, stopped: signal.aborted, unnumbered: [...unnumbered] };
  } finally {
    await gateway.stop();
  }
}

/** The fields in a fixed order, so that the same report is the same bytes. */
function publishOf(report: AisReport, imo: string, shiftMs: number): Publish {
  const { latitude, longitude, speedKn, courseDeg, headingDeg } = report;
  const timeMs = report.timeMs + shiftMs;
  const payload = JSON.stringify({ time: isoTime(timeMs), latitude, longitude, speedKn, courseDeg, headingDeg });
  return { via: "replay", topic: `ships/${imo}/position`, payload, timeMs };
}

async function connected(gateway: Gateway, url: string, signal: AbortSignal): Promise<void> {
  const untilMs = performance.now() + FIRST_ANSWER_MS_MAX;
  while (!gateway.isConnected && !signal.aborted) {
    if (performance.now() > untilMs) {
      throw new SimulatorError(
        "UNREACHABLE",
        `no MQTT broker lets us in at ${url}: is the fleet running (npm start), and does this edge know the sensor ` +
          `(--user, --password-file)? Why an edge refused is in its exceptions: landfall tail`,
      );
    }
    await wait(LOOK_EVERY_MS);
  }
}
