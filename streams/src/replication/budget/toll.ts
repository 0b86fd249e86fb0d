import { LandfallError } from "../../model/errors.js";
import type { Message } from "../machine-state.js";
import { Allowance } from "./allowance.js";
import { CRUMBS_BYTES, type BudgetLedger } from "./ledger.js";
import type { Purse } from "./purse.js";
import { wireBytes } from "./wire-bytes.js";

/** So much the other side may send before it is allowed more. */
export const ALLOWANCE_BYTES = CRUMBS_BYTES;
/**
 * Topped up when so much of it was used: an allowance is a frame, too. What is left then, 12 KiB, is the bound of a frame
 * toward the side that keeps the budget: a longer one waits for ever.
 */
const TOP_UP_BYTES = 4 * 1024;

/** One end of a metered link: no frame leaves before its bytes are there, in order. */
export interface Toll {
  /** What blocks are paid from, before they are read. */
  readonly purse: Purse;
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
  /** The other side was told that what is left is for alerts. */
  private saidForAlerts = false;
  private isOpen = false;

  /** @param put puts a frame on the wire */
  constructor(
    readonly purse: BudgetLedger,
    put: (message: Message) => void,
  ) {
    this.queue = new PaidQueue(purse, put);
  }

  send(message: Message): void {
    if (this.isOpen) this.queue.send(message);
  }

  /** The other side has said hello and keeps to what it is lent. */
  begin(): void {
    this.isOpen = true;
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
    if (!this.isOpen) return;
    this.queue.more();
    this.lend();
  }

  /** What was lent and not used counts as spent: it may be on its way. */
  close(): void {
    this.isOpen = false;
    const { lent } = this;
    this.lent = 0;
    this.purse.settle(lent, lent);
  }

  private lend(): void {
    const lacking = ALLOWANCE_BYTES - this.lent;
    const { bytesPerDay, usedBytes, isForAlerts } = this.purse.state;
    const isNews = isForAlerts !== this.saidForAlerts;
    if (!this.isOpen || (lacking < TOP_UP_BYTES && !isNews) || this.queue.isWaiting) return;
    if (!this.purse.hold(lacking, "urgent")) return;
    this.lent += lacking;
    this.saidForAlerts = isForAlerts;
    const value = { bytes: lacking, alertsOnly: isForAlerts, bytesPerDay, usedBytes };
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
