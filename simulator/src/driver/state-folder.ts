import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf, SimulatorError } from "../errors.js";
import type { LinkOverride } from "../links/board.js";
import { JOURNAL_ENTRIES_MAX } from "../limits.js";
import { WORLD_FORMAT, type Publish, type TimedCommand, type WorldState } from "../world/state.js";

/** How far the voyage has come, apart from the world itself. */
export type VoyagePhase = "prologue" | "waiting" | "running";

export interface Snapshot {
  readonly format: typeof WORLD_FORMAT;
  readonly world: WorldState;
  readonly phase: VoyagePhase;
  /** The simulated clock; the world stands at the last tick before it. */
  readonly clockMs: number;
  /** Commands up to this number are in the world. */
  readonly seq: number;
  /** What no broker has acknowledged yet. */
  readonly unacknowledged: readonly Publish[];
}

/** A command with its number, as the journal keeps it. */
export interface JournalEntry extends TimedCommand {
  readonly seq: number;
}

/**
 * Folder of the simulator. The snapshot may be seconds old: from it and from the commands since, the same messages
 * come again, and brokers that have them already store them once.
 */
export class StateFolder {
  private readonly snapshotFile: string;
  private readonly journalFile: string;
  private readonly linksFile: string;
  private journal: JournalEntry[] = [];

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    this.snapshotFile = join(folder, "snapshot.json");
    this.journalFile = join(folder, "commands.jsonl");
    this.linksFile = join(folder, "links.json");
  }

  /**
   * The last snapshot, and the commands that came after it.
   * @throws SimulatorError UNSUPPORTED_FORMAT
   */
  load(): { readonly snapshot: Snapshot; readonly commands: readonly JournalEntry[] } | undefined {
    const text = readIfThere(this.snapshotFile);
    if (text === undefined) return undefined;
    const snapshot = parse(text, this.snapshotFile) as Omit<Snapshot, "format"> & { format: number };
    if (snapshot.format !== WORLD_FORMAT) {
      const found = `is of format ${snapshot.format}, this version reads ${WORLD_FORMAT}`;
      throw new SimulatorError(
        "UNSUPPORTED_FORMAT",
        `${this.snapshotFile} ${found}: move the folder away or name another`,
      );
    }
    this.journal = journalEntries(readIfThere(this.journalFile) ?? "").filter(({ seq }) => seq > snapshot.seq);
    // What was torn by a crash goes, so that the next command does not continue its line.
    this.writeJournal();
    return { snapshot: { ...snapshot, format: WORLD_FORMAT }, commands: this.journal };
  }

  /** A command is on disk before anybody is told that it was done. */
  append(entry: JournalEntry): void {
    if (this.journal.length >= JOURNAL_ENTRIES_MAX) {
      throw new SimulatorError("OVERLOADED", `${JOURNAL_ENTRIES_MAX} commands wait to be saved: try again in a moment`);
    }
    const file = openSync(this.journalFile, "a");
    try {
      writeSync(file, `${JSON.stringify(entry)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    this.journal.push(entry);
  }

  async save(snapshot: Snapshot): Promise<void> {
    const temporary = `${this.snapshotFile}.new`;
    const file = await open(temporary, "w");
    try {
      await file.writeFile(JSON.stringify(snapshot));
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.snapshotFile);
    if (!this.journal.some(({ seq }) => seq <= snapshot.seq)) return;
    this.journal = this.journal.filter(({ seq }) => seq > snapshot.seq);
    this.writeJournal();
  }

  private writeJournal(): void {
    writeWhole(this.journalFile, this.journal.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  }

  loadLinks(): Record<string, LinkOverride> {
    const text = readIfThere(this.linksFile);
    return text === undefined ? {} : (parse(text, this.linksFile) as Record<string, LinkOverride>);
  }

  saveLinks(overrides: Readonly<Record<string, LinkOverride>>): void {
    writeWhole(this.linksFile, JSON.stringify(overrides));
  }
}

/** Entries up to the first that was not written whole. */
function journalEntries(text: string): JournalEntry[] {
  const entries: JournalEntry[] = [];
  for (const line of text.split("\n")) {
    if (line === "") continue;
    try {
      entries.push(JSON.parse(line) as JournalEntry);
    } catch {
      break;
    }
  }
  return entries;
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SimulatorError("UNSUPPORTED_FORMAT", `${file} is damaged (${messageOf(error)}): move the folder away`);
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Replaces a file as a whole: after a crash it is the old one or the new one. */
function writeWhole(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const handle = openSync(`${file}.new`, "w");
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(`${file}.new`, file);
}
