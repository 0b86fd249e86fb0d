import { LandfallError } from "../../model/errors.js";
import type { Message } from "../machine-state.js";
import { Allowance } from "./allowance.js";
import type { BudgetLedger } from "./ledger.js";
import type { Purse } from "./purse.js";
import { wireBytes } from "./wire-bytes.js";

/**
 * So much the other side may send without asking: a frame that is longer never comes, so this is the bound of a frame
 * toward the side that keeps the budget.
 */
export const ALLOWANCE_BYTES = 16 * 1024;
/** Topped up when so much of it was used: an allowance is a frame, too. */
const TOP_UP_BYTES = 4 * 1024;

/** One end of a metered link: no frame leaves before its bytes are there, in order. */
export interface Toll {
  /** What blocks are paid from, before they are read. */
  readonly purse: Purse;
  /** Frames wait for bytes. */
  readonly isWaiting: boolean;
  /** Sends a frame when its bytes are there. Blocks were paid from `purse` by whoever read them. */
  send(message: Message): void;
  /** A frame came. Returns whether there is more to spend now. @throws LandfallError PROTOCOL_ERROR for one that was not allowed */
  received(message: Message): boolean;
  /** There may be more to spend. */
  more(): void;
  /** The link is gone. */
  close(): void;
}

/** Frames in order, each as soon as it is paid. */
class PaidQueue {
  private readonly waiting: Message[] = [];

  constructor(
    private readonly purse: Purse,
    private readonly put: (message: Message) => void,
  ) {}

  get isWaiting(): boolean {
    return this.waiting.length > 0;
  }

  send(message: Message): void {
    this.waiting.push(message);
    this.more();
  }

  more(): void {
    for (let next = this.waiting[0]; next !== undefined; next = this.waiting[0]) {
      const bytes = isPaid(next) ? 0 : wireBytes(next);
      if (!this.purse.hold(bytes, "urgent")) return;
      this.waiting.shift();
      this.put(next);
      this.purse.settle(bytes, bytes);
    }
  }
}

function isPaid({ $case }: Message): boolean {
  return $case === "data" || $case === "sealed";
}

/** The end that keeps the budget, and pays for both ways: it lends the other side what that may send. */
export class PayingToll implements Toll {
  private readonly queue: PaidQueue;
  private lent = 0;
  private isClosed = false;

  /** @param put puts a frame on the wire */
  constructor(
    readonly purse: BudgetLedger,
    put: (message: Message) => void,
  ) {
    this.queue = new PaidQueue(purse, put);
  }

  get isWaiting(): boolean {
    return this.queue.isWaiting;
  }

  send(message: Message): void {
    if (!this.isClosed) this.queue.send(message);
  }

  /** The other side has said hello and keeps to what it is lent. */
  begin(): void {
    this.lend();
  }

  received(message: Message): boolean {
    const bytes = wireBytes(message);
    if (bytes > this.lent) throw new LandfallError("PROTOCOL_ERROR", "it sent more than the link's budget allowed it");
    this.lent -= bytes;
    this.purse.settle(bytes, bytes);
    this.lend();
    return false;
  }

  more(): void {
    if (this.isClosed) return;
    this.queue.more();
    this.lend();
  }

  /** What was lent and not used counts as spent: it may be on its way. */
  close(): void {
    this.isClosed = true;
    const { lent } = this;
    this.lent = 0;
    this.purse.settle(lent, lent);
  }

  private lend(): void {
    const bytes = ALLOWANCE_BYTES - this.lent;
    if (this.isClosed || bytes < TOP_UP_BYTES || this.queue.isWaiting) return;
    if (!this.purse.hold(bytes, "urgent")) return;
    this.lent += bytes;
    const { bytesPerDay, usedBytes, leftForRestBytes } = this.purse.state;
    const value = { bytes, alertsOnly: leftForRestBytes === 0, bytesPerDay, usedBytes };
    this.queue.send({ $case: "allowance", value });
  }
}

/** The other end: sends what it was lent. */
export class LentToll implements Toll {
  readonly purse = new Allowance();
  private readonly queue: PaidQueue;
  /** What the other side last said of its budget. */
  said: { readonly bytesPerDay: number; readonly usedBytes: number } | undefined;

  constructor(put: (message: Message) => void) {
    this.queue = new PaidQueue(this.purse, put);
  }

  get isWaiting(): boolean {
    return this.queue.isWaiting;
  }

  send(message: Message): void {
    this.queue.send(message);
  }

  received(message: Message): boolean {
    if (message.$case !== "allowance") return false;
    const { bytes, alertsOnly, ...said } = message.value;
    this.said = said;
    this.purse.granted(bytes, alertsOnly);
    this.queue.more();
    return true;
  }

  more(): void {
    this.queue.more();
  }

  close(): void {
    // What was lent and not used is the other side's affair.
  }
}
