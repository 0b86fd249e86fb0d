import type { Env, TimerHandle } from "../env.js";
import { isLandfallError, type LandfallError } from "../model/errors.js";
import type { LinkSettings } from "../settings/node-settings.js";
import { LINK_CLASSES } from "./link-classes.js";
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
    if (this.#stopped) return;
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
    }
  }

  #later(): void {
    if (this.#stopped) return;
    const { redialMsMin, redialMsMax } = LINK_CLASSES[this.link.class];
    const ceiling = Math.min(redialMsMax, redialMsMin * 2 ** Math.min(this.#failures++, 10));
    this.#timer = this.env.setTimer(ceiling * (0.5 + this.env.random() / 2), () => void this.#dial());
  }
}
