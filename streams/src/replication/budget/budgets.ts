import { join } from "node:path";
import type { Env } from "../../env.js";
import { isLandfallError, LandfallError } from "../../model/errors.js";
import type { Exceptions } from "../../node/node.js";
import type { LinkSettings } from "../../settings/node-settings.js";
import type { Disk } from "../../store/disk.js";
import { replaceFile } from "../../store/replace-file.js";
import { BudgetLedger, DAY_MS, type BudgetTerms, type LedgerEntry } from "./ledger.js";

const FOLDER = "budgets";

export interface BudgetsOptions {
  /** The node's data folder. */
  readonly folder: string;
  readonly disk: Disk;
  readonly env: Env;
  readonly exceptions: Exceptions;
  readonly links: readonly LinkSettings[];
}

interface Kept {
  readonly ledger: BudgetLedger;
  readonly path: string;
  /** Writes of the file go one after another. */
  writing: Promise<void>;
  /** Days on which it was told that the budget, or what is not for alerts, is used up. */
  toldOn: { urgent: number; rest: number };
}

/** The budgets of the links that this node dials, each in a small file of its own in the data folder. */
export class Budgets {
  private readonly byName = new Map<string, Kept>();

  private constructor(private readonly options: BudgetsOptions) {}

  /** @throws LandfallError DISK_FAILED, DISK_FULL */
  static async open(options: BudgetsOptions): Promise<Budgets> {
    const budgets = new Budgets(options);
    for (const link of options.links) if (link.budget !== undefined) await budgets.add(nameOf(link), link.budget);
    return budgets;
  }

  /** The budget that pays for a link; undefined for one without. */
  of(link: LinkSettings): BudgetLedger | undefined {
    return link.budget === undefined ? undefined : this.byName.get(nameOf(link))?.ledger;
  }

  /** To be called some times a second: turns the day, and tells once a day what is used up. */
  tick(): void {
    for (const [name, kept] of this.byName) {
      kept.ledger.tick();
      this.tellUsedUp(name, kept);
    }
  }

  /** Writes down what was spent, so that the rest of a chunk is not lost. No link may be open any more. */
  async close(): Promise<void> {
    for (const kept of this.byName.values()) {
      await kept.writing;
      await this.write(kept.path, kept.ledger.lastEntry()).catch((error: unknown) => this.failed(error));
    }
  }

  private async add(name: string, terms: BudgetTerms): Promise<void> {
    if (this.byName.has(name)) return;
    const { folder, disk, env } = this.options;
    await disk.createFolder(join(folder, FOLDER));
    const path = join(folder, FOLDER, `${encodeURIComponent(name)}.json`);
    const found = this.read(path, await disk.readFile(path), terms);
    const ledger = new BudgetLedger({
      terms,
      found,
      now: () => env.now(),
      soon: (work) => env.setTimer(0, work),
      write: (entry, done) => {
        kept.writing = this.writeAfter(kept.writing, path, entry, done);
      },
    });
    const kept: Kept = { ledger, path, writing: Promise.resolve(), toldOn: { urgent: 0, rest: 0 } };
    this.byName.set(name, kept);
  }

  /** What cannot be read may have been anything: today's budget counts as used up. */
  private read(path: string, bytes: Uint8Array | undefined, { bytesPerDay }: BudgetTerms): LedgerEntry | undefined {
    if (bytes === undefined) return undefined;
    const entry = parse(bytes);
    if (entry !== undefined) return entry;
    this.failed(new LandfallError("DISK_FAILED", `${path} cannot be read: today's budget counts as used up`));
    return { day: Math.floor(this.options.env.now() / DAY_MS), bytes: bytesPerDay, held: 0 };
  }

  private async writeAfter(
    former: Promise<void>,
    path: string,
    entry: LedgerEntry,
    done: (ok: boolean) => void,
  ): Promise<void> {
    await former;
    let ok = true;
    try {
      await this.write(path, entry);
    } catch (error) {
      ok = false;
      this.failed(error);
    }
    done(ok);
  }

  private write(path: string, { day, bytes, held }: LedgerEntry): Promise<void> {
    const entry = { day, bytes, held };
    return replaceFile(this.options.disk, path, () => `${JSON.stringify(entry)}\n`);
  }

  private tellUsedUp(name: string, { ledger, toldOn }: Kept): void {
    const { isForAlerts, isUsedUp, until, bytesPerDay } = ledger.state;
    const tell = (purpose: "urgent" | "rest", message: string) => {
      if (toldOn[purpose] === until) return;
      toldOn[purpose] = until;
      const detail = { budget: name, bytesPerDay, until: new Date(until).toISOString() };
      this.options.exceptions.report({ code: "BUDGET_USED_UP", source: `budget ${name}`, message, detail });
    };
    if (isForAlerts) tell("rest", `of its budget only the share for alerts is left until ${timeOf(until)}`);
    if (isUsedUp) tell("urgent", usedUpUntil(until));
  }

  private failed(error: unknown): void {
    const code = isLandfallError(error) ? error.code : "DISK_FAILED";
    const message = error instanceof Error ? error.message : String(error);
    this.options.exceptions.report({ code, source: "replication", message });
  }
}

/** @param until ms since 1970 */
export function usedUpUntil(until: number): string {
  return `budget used up until ${timeOf(until)}`;
}

function timeOf(until: number): string {
  return `${new Date(until).toISOString().slice(11, 16)} UTC`;
}

/** Links with a shared budget name it; others have one of their own. */
function nameOf({ id, budget }: LinkSettings): string {
  return budget?.shared ?? `link ${id}`;
}

function parse(bytes: Uint8Array): LedgerEntry | undefined {
  try {
    const { day, bytes: spent, held } = JSON.parse(Buffer.from(bytes).toString()) as LedgerEntry;
    return [day, spent, held].every((value) => Number.isSafeInteger(value) && value >= 0)
      ? { day, bytes: spent, held }
      : undefined;
  } catch {
    return undefined;
  }
}
