import { LentToll, PayingToll } from "../src/replication/budget/toll.js";
import { wireBytes } from "../src/replication/budget/wire-bytes.js";
import { siteOfOrigin } from "../src/model/names.js";
import type { LinkRights, LinkTuning, Message } from "../src/replication/machine-state.js";
import type { SimLink } from "./simulated-link.js";
import type { SimSite } from "./simulated-site.js";

export const RECORD_BYTES = 200;

/** As `linkRights` has them (replication/rights.ts): what rules allow, the link carries, and the sites want. */
function rightsOver({ isNarrow }: SimLink, site: SimSite, peer: SimSite): LinkRights {
  const rules = site.rules.rightsOf(peer.name);
  return {
    maySend: (...key) => rules.maySend(...key) && !isNarrow && peer.wants,
    mayRequest: (...key) => rules.mayRequest(...key) && !isNarrow && site.wants,
    mayProbe: (...key) => rules.mayProbe(...key) && !isNarrow && (site.wants || siteOfOrigin(key[1]) === site.site),
    mayBeProbed: (...key) => rules.mayBeProbed(...key) && !isNarrow && siteOfOrigin(key[1]) === peer.site,
    mayAnnounce: (...key) => rules.mayAnnounce(...key) && (peer.wants || siteOfOrigin(key[1]) === peer.site),
    mayBelieve: (...key) => rules.mayBelieve(...key),
    urgency: (stream) => rules.urgency(stream),
  };
}

/** A frame that is overtaken, or comes again, does so within this time. */
const ASTRAY_MS_MAX = 60;
/** Each end notices within this time that the other is gone; */
const NOTICE_MS_MAX = 50;
/** but now and then one learns of it only when its keepalive tells. */
const LATE_NOTICE_MS_MAX = 4_000;

/** From the side that dialled to the other, and back. */
export type Direction = 0 | 1;

/** One open connection as one of its sites sees it. */
export interface SimConn {
  readonly id: number;
  readonly connection: SimConnection;
  readonly peer: SimSite;
}

/**
 * One connection over a link. Its ends are two things: each is over when its own site says so, or hears of it, and what is
 * under way to an end that is still open arrives there.
 */
export class SimConnection {
  readonly #isOpen: [boolean, boolean];
  /** Nothing that is sent in this direction arrives any more, nor what is under way in it. */
  readonly #isSilent: [boolean, boolean] = [false, false];
  /** Arrived, at a process that sleeps. */
  readonly #unread: readonly [Message[], Message[]] = [[], []];
  #isCut = false;
  /** The network has doubled frames, or changed their order: it broke what a connection promises. */
  #isMangled = false;
  readonly #free: [number, number];
  #tolls: readonly [PayingToll, LentToll] | undefined;
  #endMetering: () => void = () => undefined;
  /** What the dialler has said so far, where somebody may say it again. */
  readonly #said: Message[] = [];

  /** @param isReplayed only the listener knows of it: somebody in between repeats what the dialler said */
  constructor(
    readonly id: number,
    readonly link: SimLink,
    isReplayed = false,
  ) {
    const { now } = link.fleet.time;
    this.#isOpen = [!isReplayed, true];
    this.#free = [now, now];
  }

  get isMangled(): boolean {
    return this.#isMangled;
  }

  /** Both ends are open, and neither waits to hear that the other is not. */
  get isUp(): boolean {
    return this.#isOpen[0] && this.#isOpen[1] && !this.#isCut;
  }

  get isOpenAtDialler(): boolean {
    return this.#isOpen[0];
  }

  get isHalfOpen(): boolean {
    return this.#isSilent.includes(true);
  }

  /** Both machines hear of it. */
  begin(tuning: LinkTuning): void {
    const { a, b, budget } = this.link;
    if (budget !== undefined && this.#isOpen[0]) this.#meter();
    [a, b].forEach((site, i) => {
      const side = i as Direction;
      const peer = side === 0 ? b : a;
      if (!this.#isOpen[side]) return;
      site.conns.set(this.id, { id: this.id, connection: this, peer });
      site.event({
        type: "connected",
        conn: this.id,
        peer: peer.name,
        sister: a.site === b.site,
        tuning,
        tellsGaps: true,
        sealed: true,
        rights: rightsOver(this.link, site, peer),
        purse: this.#tolls?.[side].purse,
      });
    });
  }

  /** From now on one direction is silent; a connection never gets back what it lost. */
  goHalfOpen(direction: Direction): void {
    this.#isSilent[direction] = true;
  }

  /** Nothing that is said from now on crosses. What is under way is lost, or arrives where the end is still open. */
  cut(): void {
    const { a, b, fleet } = this.link;
    this.#isCut = true;
    if (fleet.random() < 0.5) this.#isSilent.fill(true);
    for (const site of [a, b]) {
      // Who sleeps first reads what has come.
      const asleepMs = Math.max(0, site.sleepsUntil - fleet.time.now);
      fleet.time.after(asleepMs + noticeMs(fleet.random), () => this.end(site));
    }
  }

  /** One site hangs up, or is gone; the other notices. */
  close(site: SimSite): void {
    this.end(site);
    this.cut();
  }

  /** The connection is over at this site. */
  end(site: SimSite): void {
    const side = this.#sideOf(site);
    if (!this.#isOpen[side]) return;
    this.#isOpen[side] = false;
    if (side === 0) this.#endMetering();
    // Not of a site that has crashed meanwhile: it knows of nothing.
    if (site.conns.delete(this.id)) site.event({ type: "disconnected", conn: this.id });
  }

  carry(from: SimSite, message: Message): void {
    const direction = this.#sideOf(from);
    if (this.#tolls === undefined) this.#put(direction, message);
    else this.#tolls[direction].send(message);
  }

  /** Says to the listener of another connection whatever the dialler of this one has said. */
  replayOver(other: SimConnection): void {
    other.#isMangled = true;
    for (const message of this.#said) other.#send(0, message, 0);
  }

  #sideOf(site: SimSite): Direction {
    return site === this.link.a ? 0 : 1;
  }

  #put(direction: Direction, message: Message): void {
    const { fleet, budget, mangling } = this.link;
    fleet.bytes += sizeOf(message);
    if (!this.#isOpen[direction] || this.#isCut) return;
    if (message.$case === "data") this.link.records += message.value.count;
    // What is sent to an antenna that has hung up does not cross it.
    if (this.#isOpen[0]) budget?.cross(wireBytes(message));
    if (fleet.isUnruly && direction === 0) this.#said.push(message);
    if (mangling === undefined) {
      this.#send(direction, message, 0);
      return;
    }
    const astray = () => fleet.random() * ASTRAY_MS_MAX;
    const isLate = fleet.random() < mangling.late;
    const isDoubled = fleet.random() < mangling.doubled;
    if (isLate || isDoubled) this.#isMangled = true;
    this.#send(direction, message, isLate ? astray() : 0);
    if (isDoubled) this.#send(direction, message, astray());
  }

  #send(direction: Direction, message: Message, astrayMs: number): void {
    const { fleet, latencyMs, bytesPerMs } = this.link;
    if (this.#isSilent[direction]) return;
    const start = Math.max(fleet.time.now, this.#free[direction]);
    this.#free[direction] = start + sizeOf(message) / bytesPerMs;
    const wait = this.#free[direction] - fleet.time.now + latencyMs + astrayMs;
    fleet.time.after(wait, () => this.#arrive(direction, message));
  }

  #arrive(direction: Direction, message: Message): void {
    const to = direction === 0 ? this.link.b : this.link.a;
    const conn = to.conns.get(this.id);
    if (this.#isSilent[direction] || !to.up || conn === undefined) return;
    const unread = this.#unread[direction];
    if (unread.length === 0 && to.sleepsUntil > this.link.fleet.time.now) this.#wake(direction, to);
    if (unread.length > 0 || to.sleepsUntil > this.link.fleet.time.now) {
      unread.push(message);
      return;
    }
    this.#take(direction, message);
  }

  /** What came while the process slept is read when it goes on, in its order. */
  #wake(direction: Direction, to: SimSite): void {
    const { time } = this.link.fleet;
    time.after(to.sleepsUntil - time.now, () => {
      if (to.sleepsUntil > time.now) {
        this.#wake(direction, to);
        return;
      }
      for (const message of this.#unread[direction].splice(0)) this.#take(direction, message);
    });
  }

  #take(direction: Direction, message: Message): void {
    const to = direction === 0 ? this.link.b : this.link.a;
    const conn = to.conns.get(this.id);
    if (!to.up || conn === undefined) return;
    const isMore = this.#tolls?.[direction === 0 ? 1 : 0].received(message) === true;
    if (message.$case !== "allowance") to.receive(conn, message);
    if (isMore) to.event({ type: "funds", conn: this.id });
  }

  #meter(): void {
    const { a, budget } = this.link;
    if (budget === undefined) return;
    const paying = new PayingToll(budget.ledger, (message) => this.#put(0, message));
    const stop = budget.ledger.onMore(() => {
      paying.more();
      a.event({ type: "funds", conn: this.id });
    });
    this.#endMetering = () => {
      stop();
      paying.close();
    };
    this.#tolls = [paying, new LentToll((message) => this.#put(1, message))];
    paying.begin();
  }
}

/** How long it takes until one end knows that the other is gone. */
export function noticeMs(random: () => number): number {
  return random() * (random() < 0.2 ? LATE_NOTICE_MS_MAX : NOTICE_MS_MAX);
}

function sizeOf(message: Message): number {
  if (message.$case === "data") return message.value.count * RECORD_BYTES;
  return message.$case === "sealed" ? message.value.bytes.byteLength : 40;
}
