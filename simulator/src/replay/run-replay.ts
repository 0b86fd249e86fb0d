import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { imoNumberError } from "@landfall/proto/identifiers";
import { progressOn, type Progress } from "../demo/progress.js";
import { messageOf, SimulatorError } from "../errors.js";
import { isoTime } from "../world/messages.js";
import { bar } from "./bar.js";
import { DAMAGES_TOLD_MAX, EDGE_TIME_MS_MIN } from "./limits.js";
import { DamageReport, prepare, type Prepared } from "./prepare.js";
import { ReplayFolder, type ReplayState } from "./replay-folder.js";
import { send, type Sent } from "./send.js";
import { readRuns } from "./sorted-runs.js";
import { brokerOf, type TargetWishes } from "./target.js";

/** What the command line said. */
export interface ReplayWishes extends TargetWishes {
  readonly csv: string;
  readonly speed?: number;
  /** Times of the file are moved so that its last report is now. */
  readonly now?: boolean;
  /** `MMSI=IMO`, for ships whose number the file does not say. */
  readonly ship?: readonly string[];
  readonly user?: string;
  readonly passwordFile?: string;
  readonly report?: string;
  /** From the beginning, whatever was sent before. */
  readonly again?: boolean;
  /** Folder for what is kept between starts. */
  readonly state: string;
}

/**
 * Sails the ships of an AIS file over MQTT: `landfall replay`. Goes on where it was stopped.
 * @throws SimulatorError
 */
export async function runReplay(wishes: ReplayWishes, signal: AbortSignal): Promise<void> {
  const url = brokerOf(wishes);
  const ships = shipsOf(wishes.ship ?? []);
  const folder = new ReplayFolder(wishes.state, wishes.csv, url, wishes.now ? "now" : "own");
  const password = wishes.passwordFile === undefined ? undefined : readPassword(wishes.passwordFile);
  const progress = progressOn(process.stderr);
  try {
    const before = wishes.again ? undefined : folder.load();
    const state = before ?? (await begin(wishes, folder, progress));
    const { counts } = state.prepared;
    if (before && before.done >= counts.reports) {
      progress.tell(`All of ${wishes.csv} was sent to ${url} before. Say --again to send it once more.`);
      return;
    }
    checkTimes(state);
    progress.step(before ? `Going on behind ${count(before.done, "report")} of ${counts.reports}` : "Sailing");
    const sent = await send(
      readRuns(folder.runs),
      state,
      {
        url,
        ships,
        ...(wishes.user !== undefined && { username: wishes.user }),
        ...(password !== undefined && { password }),
        ...(wishes.speed !== undefined && { speed: wishes.speed }),
      },
      {
        onProgress: ({ done, sent: positions }, isConnected) =>
          progress.detail(
            `${bar(done / counts.reports)}, ${count(positions, "position")}${isConnected ? "" : `; waiting for ${url}`}`,
          ),
        keep: (now) => folder.keep(now),
      },
      signal,
    );
    progress.done();
    for (const line of outcome(sent)) progress.tell(line);
    if (sent.stopped) process.exitCode = 130;
    else folder.dropRuns();
  } catch (error) {
    progress.fail();
    throw error;
  }
}

async function begin(wishes: ReplayWishes, folder: ReplayFolder, progress: Progress): Promise<ReplayState> {
  const damages = new DamageReport(wishes.report);
  let told = 0;
  progress.step(`Reading ${basename(wishes.csv)}`);
  const prepared = await prepare(wishes.csv, folder.runs, {
    onShare: (share) => progress.detail(bar(share)),
    onDamage: (line, reason) => {
      damages.add(line, reason);
      if (told++ < DAMAGES_TOLD_MAX) progress.tell(`  line ${line}: ${reason}`);
    },
  });
  await damages.close();
  progress.done();
  const more = told - DAMAGES_TOLD_MAX;
  if (more > 0) progress.tell(`  … and ${more} more${wishes.report === undefined ? ": --report FILE writes all" : ""}`);
  for (const line of found(prepared)) progress.tell(line);
  const { lastMs } = prepared;
  if (lastMs === undefined) {
    throw new SimulatorError("INVALID_ARGUMENT", `${wishes.csv} holds no position of a ship: nothing was sent`);
  }
  const shiftMs = wishes.now ? Date.now() - lastMs : 0;
  const state = { prepared, shiftMs, done: 0, sent: 0, repeated: 0, unnumbered: 0 };
  folder.keep(state);
  return state;
}

/** @throws SimulatorError INVALID_ARGUMENT when every edge would refuse them */
function checkTimes({ prepared: { firstMs = 0 }, shiftMs }: ReplayState): void {
  if (firstMs + shiftMs >= EDGE_TIME_MS_MIN) return;
  throw new SimulatorError(
    "INVALID_ARGUMENT",
    `its first report is of ${isoTime(firstMs)}, and an edge takes nothing from before 2020: say --now, and the times are ` +
      `moved so that the last report is now`,
  );
}

function found({ layout, counts, firstMs, lastMs }: Prepared): string[] {
  const left = [
    ...(counts.damaged > 0 ? [`${count(counts.damaged, "row")} damaged`] : []),
    ...(counts.partly > 0 ? [`of ${count(counts.partly, "row")} a value that cannot be is left out`] : []),
    ...(counts.withoutPosition > 0 ? [`${count(counts.withoutPosition, "row")} without a position`] : []),
    ...(counts.noShips > 0 ? [`${count(counts.noShips, "row")} of what is no ship`] : []),
  ];
  const span = firstMs === undefined || lastMs === undefined ? "" : `, from ${isoTime(firstMs)} to ${isoTime(lastMs)}`;
  return [
    `${layout === "" ? "" : `${layout}: `}${count(counts.reports, "position")} in ${count(counts.rows, "row")}${span}`,
    ...(left.length > 0 ? [`  ${left.join("; ")}`] : []),
  ];
}

function outcome({ state, stopped, unnumbered }: Sent): string[] {
  const { done, sent, repeated, unnumbered: lacking, prepared } = state;
  const rest = prepared.counts.reports - done;
  const more = lacking > 0 ? `: ${unnumbered.join(", ")}${unnumbered.length > 0 ? ", …" : ""}` : "";
  return [
    `${count(sent, "position")} sent${stopped ? `; stopped with ${rest} to go: the same command goes on there` : ""}`,
    ...(repeated > 0 ? [`  ${count(repeated, "repetition")} of the same ship and second left out`] : []),
    ...(lacking > 0
      ? [
          `  ${count(lacking, "position")} of ships whose IMO number the file does not say (MMSI${more}): --ship MMSI=IMO gives them one`,
        ]
      : []),
  ];
}

function shipsOf(words: readonly string[]): Record<string, string> {
  const ships: Record<string, string> = {};
  for (const word of words) {
    const [mmsi = "", imo = ""] = word.split("=");
    const problem = /^[0-9]{9}$/.test(mmsi) ? imoNumberError(imo) : `${mmsi} is no MMSI: want nine digits`;
    if (problem !== undefined) throw new SimulatorError("INVALID_ARGUMENT", `--ship ${word}: ${problem}`);
    ships[mmsi] = imo;
  }
  return ships;
}

function readPassword(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new SimulatorError("NOT_FOUND", `cannot read the password from ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function count(n: number, one: string): string {
  return `${n} ${one}${n === 1 ? "" : "s"}`;
}
