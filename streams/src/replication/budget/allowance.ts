import type { Purpose, Purse } from "./purse.js";

/** What the other side of a metered link, which keeps the budget, lets this side send. */
export class Allowance implements Purse {
  private bytes = 0;
  private alertsOnly = false;

  granted(bytes: number, alertsOnly: boolean): void {
    this.bytes += bytes;
    this.alertsOnly = alertsOnly;
  }

  covers(_bytes: number, purpose: Purpose): boolean {
    return purpose === "urgent" || !this.alertsOnly;
  }

  hold(bytes: number, purpose: Purpose): boolean {
    if (!this.covers(bytes, purpose) || bytes > this.bytes) return false;
    this.bytes -= bytes;
    return true;
  }

  settle(held: number, spent: number): void {
    this.bytes += held - spent;
  }
}
