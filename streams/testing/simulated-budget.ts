import { BudgetLedger, type LedgerEntry } from "../src/replication/budget/ledger.js";
import { usedUpOn } from "../src/replication/budget/budgets.js";
import type { SimSite } from "./simulated-site.js";

/** So short are the days of simulated budgets, ms. */
const DAY_MS = 3_000;
const BYTES_PER_DAY = 250_000;
/** Now and then a disk takes long. */
const SLOW_WRITE_MS = 600;

/** The budget of one site's antenna: its file survives crashes, its ledger does not; and what really crossed is counted. */
export class SimulatedBudget {
  ledger: BudgetLedger;
  private file: LedgerEntry | undefined;
  /** Days on which nothing was left in the end. */
  readonly tightDays = new Set<number>();

  /** @param nodes of the site, which share its budget */
  constructor(
    private readonly site: SimSite,
    private readonly nodes: number,
  ) {
    this.ledger = this.open();
  }

  restart(): void {
    this.ledger = this.open();
  }

  /** The folder is lost, and with it what is known of today: a node of several takes its share for spent. */
  lose(): void {
    this.file = this.nodes === 1 ? undefined : usedUpOn(this.today, this.share);
    const { spent } = this.site.fleet;
    if (this.nodes > 1) return;
    for (const dayOfSite of spent.keys()) if (dayOfSite.startsWith(`${this.site.site} `)) spent.delete(dayOfSite);
  }

  tick(): void {
    this.ledger.tick();
    if (this.ledger.state.isUsedUp) this.tightDays.add(this.today);
  }

  /** Bytes are on the wire, in either direction. */
  cross(bytes: number): void {
    const { spent } = this.site.fleet;
    const sum = (spent.get(this.dayOfSite) ?? 0) + bytes;
    spent.set(this.dayOfSite, sum);
    if (sum > BYTES_PER_DAY) this.site.fleet.fail(`${this.site.site} spends ${sum} bytes on day ${this.today} (R7)`);
  }

  private get share(): number {
    return Math.floor(BYTES_PER_DAY / this.nodes);
  }

  private get dayOfSite(): string {
    return `${this.site.site} ${this.today}`;
  }

  /** As the ledger has it: with a clock that was ahead once, it stays on its day until that is over. */
  private get today(): number {
    return this.ledger.state.until / DAY_MS - 1;
  }

  private get clock(): number {
    return Math.max(0, this.site.fleet.time.now + this.site.clockErrorMs);
  }

  private open(): BudgetLedger {
    const { time, random } = this.site.fleet;
    const { life } = this.site;
    return new BudgetLedger({
      terms: { bytesPerDay: this.share, alertsPercent: 0 },
      found: this.file,
      now: () => this.clock,
      dayMs: DAY_MS,
      soon: (work) => time.after(0, work),
      write: (entry, done) => {
        const isLate = () => this.site.life !== life;
        time.after(1 + random() * (random() < 0.2 ? SLOW_WRITE_MS : 5), () => {
          if (isLate()) return;
          this.file = entry;
          // Durable, and not known to be: a crash may come in between.
          time.after(random() * 2, () => {
            if (!isLate()) done(true);
          });
        });
      },
    });
  }
}
