import type { Env, TimerHandle } from "../env.js";
import type { LinkSettings } from "../settings/node-settings.js";
import { LINK_CLASSES } from "./link-classes.js";
import type { Channel, Transport } from "./transport.js";

/** Keeps one link dialled for as long as it runs: dials, waits with jitter, dials again. */
export class Dialler {
  #timer: TimerHandle | undefined;
  #stopped = false;
  #failures = 0;
  #channel: Channel | undefined;

  constructor(
    readonly link: LinkSettings,
    private readonly transport: Transport,
    private readonly env: Env,
    private readonly credentials: { site: string; token: string },
    private readonly open: (channel: Channel) => void,
  ) {}

  start(): void {
    void this.#dial();
  }

  /** To be called when the channel that this dialler opened has closed. */
  closed(lived: boolean): void {
    this.#channel = undefined;
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
      const channel = await this.transport.dial(this.link.address, this.credentials);
      if (this.#stopped) {
        channel.close("this site is stopping");
        return;
      }
      this.#channel = channel;
      this.open(channel);
    } catch {
      // A ship at sea dials ports that do not answer for weeks: nothing to say about that.
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
