import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { SimulatorError } from "../errors.js";
import type { Prepared } from "./prepare.js";

const FORMAT = 1;

/** What a replay has done, so that the same command goes on there. */
export interface ReplayState {
  readonly prepared: Prepared;
  /** Added to every time of the file, ms. */
  readonly shiftMs: number;
  /** Reports in order of time that the broker has acknowledged, or that were left out. */
  readonly done: number;
  readonly sent: number;
  readonly repeated: number;
  readonly unnumbered: number;
}

interface StateFile extends ReplayState {
  readonly format: number;
  /** The file as it was when it was read. */
  readonly of: string;
}

/** Folder of one replay: of one file to one broker. Holds the file's reports in order, and how far they were sent. */
export class ReplayFolder {
  readonly runs: string;
  private readonly stateFile: string;
  private readonly of: string;

  /** @param times what the file's times become: another wish is another replay */
  constructor(data: string, file: string, url: string, times: string) {
    const path = resolve(file);
    const id = createHash("sha256").update([path, url, times].join("\n")).digest("hex").slice(0, 12);
    const folder = join(data, `${basename(file).replaceAll(/[^A-Za-z0-9.-]/g, "_")}-${id}`);
    mkdirSync(folder, { recursive: true });
    this.runs = join(folder, "runs");
    this.stateFile = join(folder, "replay.json");
    this.of = fingerprint(path);
  }

  /** How far it came; undefined when there is nothing to go on from, or the file is another one by now. */
  load(): ReplayState | undefined {
    let state: StateFile;
    try {
      state = JSON.parse(readFileSync(this.stateFile, "utf8")) as StateFile;
    } catch {
      return undefined;
    }
    return state.format === FORMAT && state.of === this.of ? state : undefined;
  }

  keep(state: ReplayState): void {
    const file: StateFile = { format: FORMAT, of: this.of, ...state };
    const aside = `${this.stateFile}.new`;
    writeFileSync(aside, JSON.stringify(file));
    renameSync(aside, this.stateFile);
  }

  /** What is sent needs no reports any more; that it was sent stays known. */
  dropRuns(): void {
    rmSync(this.runs, { recursive: true, force: true });
  }
}

function fingerprint(path: string): string {
  try {
    const { size, mtimeMs } = statSync(path);
    return `${size} ${mtimeMs}`;
  } catch (error) {
    throw new SimulatorError("NOT_FOUND", `there is no file ${path}`, { cause: error });
  }
}
