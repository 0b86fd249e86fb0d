import type { LinkTuning, Message } from "../src/replication/machine-state.js";
import { LentToll, PayingToll } from "../src/replication/budget/toll.js";
import { METERED_BLOCK_BYTES } from "../src/replication/link-classes.js";
import { CONNECTION_BYTES, wireBytes } from "../src/replication/budget/wire-bytes.js";
import type { SimulatedBudget } from "./simulated-budget.js";
import type { SimSite } from "./simulated-site.js";
import type { SimulatedFleet } from "./simulated-fleet.js";

export const RECORD_BYTES = 200;
const RECORDS_PER_BLOCK = 64;
/** Each end notices a cut within this time. */
const NOTICE_MS_MAX = 50;

const TUNING: LinkTuning = {
  cost: 1,
  stallMs: 600,
  stopMs: 4_000,
  windowBytes: 64 * 1024,
  windowBytesMin: 16 * 1024,
  windowBytesMax: 1024 * 1024,
  blockBytes: RECORDS_PER_BLOCK * RECORD_BYTES,
  announceMs: 1_000,
  gapMs: 300,
};

export interface SimConn {
  readonly id: number;
  readonly link: SimLink;
  readonly peer: SimSite;
}

export class SimLink {
  /** Records that crossed it. */
  records = 0;
  up = false;
  wanted = true;
  /** Messages in this direction vanish: the link is half-open. */
  black: [boolean, boolean] = [false, false];
  #generation = 0;
  /** When both ends surely know of the last cut. */
  #noticedAt = 0;
  #free: [number, number] = [0, 0];

  constructor(
    readonly fleet: SimulatedFleet,
    readonly a: SimSite,
    readonly b: SimSite,
    readonly latencyMs: number,
    readonly bytesPerMs: number,
    /** What `a` pays for both ways from. */
    readonly budget?: SimulatedBudget,
  ) {}

  open(): void {
    if (this.up || !this.wanted || !this.a.up || !this.b.up) return;
    const hasNoticed = this.fleet.time.now >= this.#noticedAt;
    if (!hasNoticed || this.budget?.ledger.hold(CONNECTION_BYTES, "urgent") === false) {
      this.fleet.time.after(hasNoticed ? 200 : NOTICE_MS_MAX, () => this.open());
      return;
    }
    this.budget?.cross(CONNECTION_BYTES);
    this.budget?.ledger.settle(CONNECTION_BYTES, CONNECTION_BYTES);
    this.up = true;
    this.black = [false, false];
    this.#generation++;
    this.#free = [this.fleet.time.now, this.fleet.time.now];
    const id = this.fleet.nextConn++;
    this.a.conns.set(id, { id, link: this, peer: this.b });
    this.b.conns.set(id, { id, link: this, peer: this.a });
    this.#id = id;
    const blockBytes = this.budget === undefined ? TUNING.blockBytes : METERED_BLOCK_BYTES;
    const connected = {
      type: "connected",
      conn: id,
      sister: this.a.site === this.b.site,
      tuning: { ...TUNING, blockBytes },
      tellsGaps: true,
      sealed: true,
    } as const;
    const tolls = this.budget === undefined ? undefined : this.#meter(this.budget);
    this.#tolls = tolls;
    const [a, b] = [this.a.name, this.b.name];
    this.a.event({ ...connected, peer: b, rights: this.a.rules.rightsOf(b), purse: tolls?.[0].purse });
    this.b.event({ ...connected, peer: a, rights: this.b.rules.rightsOf(a), purse: tolls?.[1].purse });
  }
  #id = 0;
  #tolls: readonly [PayingToll, LentToll] | undefined;
  #endMetering: () => void = () => undefined;

  #meter({ ledger }: SimulatedBudget): readonly [PayingToll, LentToll] {
    const generation = this.#generation;
    const put = (direction: 0 | 1) => (message: Message) => {
      if (generation === this.#generation) this.#put(direction, message);
    };
    const paying = new PayingToll(ledger, put(0));
    const id = this.#id;
    const stop = ledger.onMore(() => {
      paying.more();
      this.a.event({ type: "funds", conn: id });
    });
    this.#endMetering = () => {
      stop();
      paying.close();
    };
    paying.begin();
    return [paying, new LentToll(put(1))];
  }

  /** From now on one direction is silent; a connection never gets back what it lost. */
  goHalfOpen(direction: 0 | 1): void {
    this.black[direction] = true;
  }

  /** Both ends notice, each a little later; what is under way is lost. */
  cut(): void {
    if (!this.up) return;
    this.up = false;
    this.#noticedAt = this.fleet.time.now + NOTICE_MS_MAX;
    this.#generation++;
    const id = this.#id;
    const endMetering = this.#endMetering;
    for (const site of [this.a, this.b]) {
      const { life } = site;
      this.fleet.time.after(this.fleet.random() * NOTICE_MS_MAX, () => {
        if (site === this.a) endMetering();
        site.conns.delete(id);
        if (site.up && site.life === life) site.event({ type: "disconnected", conn: id });
      });
    }
  }

  reopenSoon(): void {
    this.fleet.time.after(60 + this.fleet.random() * 200, () => this.open());
  }

  carry(from: SimSite, message: Message): void {
    const direction = from === this.a ? 0 : 1;
    if (this.#tolls === undefined) this.#put(direction, message);
    else this.#tolls[direction].send(message);
  }

  #put(direction: 0 | 1, message: Message): void {
    const bytes = sizeOf(message);
    this.fleet.bytes += bytes;
    if (!this.up) return;
    if (message.$case === "data") this.records += message.value.count;
    this.budget?.cross(wireBytes(message));
    if (this.black[direction]) return;
    const start = Math.max(this.fleet.time.now, this.#free[direction]);
    this.#free[direction] = start + bytes / this.bytesPerMs;
    const generation = this.#generation;
    const to = direction === 0 ? this.b : this.a;
    const id = this.#id;
    this.fleet.time.after(this.#free[direction] - this.fleet.time.now + this.latencyMs, () => {
      if (generation !== this.#generation || this.black[direction] || !to.up) return;
      const conn = to.conns.get(id);
      if (conn === undefined) return;
      const isMore = this.#tolls?.[direction === 0 ? 1 : 0].received(message) === true;
      if (message.$case !== "allowance") to.receive(conn, message);
      if (isMore) to.event({ type: "funds", conn: id });
    });
  }
}

function sizeOf(message: Message): number {
  if (message.$case === "data") return message.value.count * RECORD_BYTES;
  return message.$case === "sealed" ? message.value.bytes.byteLength : 40;
}
