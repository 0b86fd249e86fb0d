import type { Env, TimerHandle } from "../env.js";
import { isLandfallError, type LandfallError } from "../model/errors.js";
import type { LinkSettings } from "../settings/node-settings.js";
import { usedUpUntil } from "./budget/budgets.js";
import { CRUMBS_BYTES, type BudgetLedger } from "./budget/ledger.js";
import { CONNECTION_BYTES } from "./budget/wire-bytes.js";
import { tuningOf, type ClassTuning } from "./link-classes.js";
import type { Channel, Credentials, Transport } from "./transport.js";

/** Keeps one link dialled for as long as it runs: dials, waits with jitter, dials again. */
export class Dialler {
  #timer: TimerHandle | undefined;
  #stopped = false;
  #failures = 0;
  #channel: Channel | undefined;
  #problem: string | undefined;

  constructor(
    readonly link: LinkSettings,
    private readonly transport: Transport,
    private readonly env: Env,
    private readonly credentials: Credentials,
    private readonly open: (channel: Channel) => void,
    private readonly failed: (why: LandfallError) => void,
    /** Budget that pays for connections. */
    private readonly ledger?: BudgetLedger,
  ) {}

  /** Why the last attempt failed; undefined while the link is up and before the first attempt. */
  get problem(): string | undefined {
    return this.#problem;
  }

  start(): void {
    void this.#dial();
  }

  /** To be called when the channel that this dialler opened has closed. */
  closed(lived: boolean, why: LandfallError): void {
    this.#channel = undefined;
    this.#problem = why.message;
    if (lived) this.#failures = 0;
    this.#later();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#channel?.close("this site is stopping");
  }

  async #dial(): Promise<void> {
    if (this.#stopped || !this.#isPaid()) return;
    try {
      const channel = await this.transport.dial(this.link.address, this.link.to, this.credentials);
      if (this.#stopped) {
        channel.close("this site is stopping");
        return;
      }
      this.#channel = channel;
      this.#problem = undefined;
      this.open(channel);
    } catch (error) {
      if (!isLandfallError(error)) throw error;
      this.#problem = error.message;
      if (!this.#stopped) this.failed(error);
      this.#later();
    } finally {
      this.ledger?.settle(CONNECTION_BYTES, CONNECTION_BYTES);
    }
  }

  /** Sets a connection's bytes aside; where they are not there, dials later. */
  #isPaid(): boolean {
    const { ledger } = this;
    if (ledger === undefined) return true;
    // A connection over which nothing more could be said would be a waste.
    const isWorthIt = ledger.covers(CONNECTION_BYTES + CRUMBS_BYTES, "urgent");
    if (isWorthIt && ledger.hold(CONNECTION_BYTES, "urgent")) return true;
    const { redialMsMin, redialMsMax } = this.#tuning;
    // Where it is, its bytes are being written down.
    if (!isWorthIt) this.#problem = usedUpUntil(ledger.state.until);
    this.#timer = this.env.setTimer(isWorthIt ? redialMsMin : redialMsMax, () => void this.#dial());
    return false;
  }

  get #tuning(): ClassTuning {
    return tuningOf(this.link.class, this.ledger !== undefined);
  }

  #later(): void {
    if (this.#stopped) return;
    const { redialMsMin, redialMsMax } = this.#tuning;
    const ceiling = Math.min(redialMsMax, redialMsMin * 2 ** Math.min(this.#failures++, 10));
    this.#timer = this.env.setTimer(ceiling * (0.5 + this.env.random() / 2), () => void this.#dial());
  }
}
