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
  /** Nodes of this site: each has an equal share of a budget, for good, so that none needs to hear of the others. */
  readonly nodes?: number;
}

/** As it is on disk. */
interface StoredEntry extends LedgerEntry {
  /** Bytes a day that the budget, or this node's share of it, had then; absent in older files. */
  readonly share?: number;
}

interface Kept {
  readonly ledger: BudgetLedger;
  readonly path: string;
  readonly bytesPerDay: number;
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
    const { links, nodes = 1 } = options;
    for (const link of links) {
      if (link.budget === undefined) continue;
      const { bytesPerDay, alertsPercent } = link.budget;
      await budgets.add(nameOf(link), { bytesPerDay: Math.floor(bytesPerDay / nodes), alertsPercent });
    }
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
      await this.write(kept, kept.ledger.lastEntry()).catch((error: unknown) => this.failed(error));
    }
  }

  private async add(name: string, terms: BudgetTerms): Promise<void> {
    if (this.byName.has(name)) return;
    const { folder, disk, env } = this.options;
    await disk.createFolder(join(folder, FOLDER));
    const path = join(folder, FOLDER, `${encodeURIComponent(name)}.json`);
    const found = this.read(name, path, await disk.readFile(path), terms);
    const isNew = found?.isNew === true;
    const ledger = new BudgetLedger({
      terms,
      found: found?.entry,
      now: () => env.now(),
      soon: (work) => env.setTimer(0, work),
      write: (entry, done) => {
        kept.writing = this.writeAfter(kept, entry, done);
      },
    });
    const told = isNew ? ledger.state.until : 0;
    const { bytesPerDay } = terms;
    const kept: Kept = { ledger, path, bytesPerDay, writing: Promise.resolve(), toldOn: { urgent: told, rest: told } };
    this.byName.set(name, kept);
  }

  /**
   * What cannot be read may have been anything: today's budget counts as used up. So does the share of a node that is new in
   * its cluster, which may stand for one that has spent it; and a share that has grown since, it is another's today.
   */
  private read(
    name: string,
    path: string,
    bytes: Uint8Array | undefined,
    { bytesPerDay }: BudgetTerms,
  ): { readonly entry: LedgerEntry; readonly isNew?: boolean } | undefined {
    const { env, exceptions, nodes = 1 } = this.options;
    const day = Math.floor(env.now() / DAY_MS);
    const usedUp = usedUpOn(day, bytesPerDay);
    if (bytes === undefined) {
      if (nodes === 1) return undefined;
      const message =
        "this node is new: what another has spent of its share today is not known, it begins at 00:00 UTC";
      exceptions.report({
        code: "BUDGET_USED_UP",
        source: `budget ${name}`,
        message,
        detail: { budget: name, bytesPerDay },
      });
      return { entry: usedUp, isNew: true };
    }
    const entry = parse(bytes);
    if (entry === undefined) {
      this.failed(new LandfallError("DISK_FAILED", `${path} cannot be read: today's budget counts as used up`));
      return { entry: usedUp };
    }
    const grown = nodes === 1 || entry.day < day ? 0 : Math.max(0, bytesPerDay - (entry.share ?? bytesPerDay));
    return { entry: { ...entry, bytes: entry.bytes + grown } };
  }

  private async writeAfter(kept: Kept, entry: LedgerEntry, done: (ok: boolean) => void): Promise<void> {
    await kept.writing;
    let ok = true;
    try {
      await this.write(kept, entry);
    } catch (error) {
      ok = false;
      this.failed(error);
    }
    done(ok);
  }

  private write({ path, bytesPerDay: share }: Kept, { day, bytes, held }: LedgerEntry): Promise<void> {
    const entry: StoredEntry = { day, bytes, held, share };
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

/** Of a day of which nobody knows what was spent. */
export function usedUpOn(day: number, bytesPerDay: number): LedgerEntry {
  return { day, bytes: bytesPerDay, held: 0 };
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

function parse(bytes: Uint8Array): StoredEntry | undefined {
  try {
    const { day, bytes: spent, held, share } = JSON.parse(Buffer.from(bytes).toString()) as StoredEntry;
    return [day, spent, held, share ?? 0].every((value) => Number.isSafeInteger(value) && value >= 0)
      ? { day, bytes: spent, held, ...(share !== undefined && { share }) }
      : undefined;
  } catch {
    return undefined;
  }
}
