import { LandfallError } from "../model/errors.js";
import type { Message } from "./machine-state.js";
import { TALK_FRAMES_MAX, TALK_FRAMES_PER_SECOND } from "./wire-limits.js";

/**
 * Bounds what one link may cost without carrying a record: whoever sends frames for their own sake is cut off. Records are bounded by
 * credit. What was said to the peer lets it answer: with credit, with a word for each request, with a request for each key.
 */
export class TalkLimit {
  private left = TALK_FRAMES_MAX;
  private answers = 0;

  /** @param at ms of a monotonic clock */
  constructor(private at: number) {}

  sent(message: Message): void {
    if (message.$case === "announce") this.answers += message.value.holdings.length;
    else if (message.$case === "data" || message.$case === "sealed" || message.$case === "request") this.answers++;
  }

  /** @param message undefined for a kind of frame that is not known here. @throws LandfallError OVERLOADED */
  received(message: Message | undefined, now: number): void {
    if (message?.$case === "data" || message?.$case === "sealed") {
      // Behind it may be a gap.
      this.answers++;
      return;
    }
    this.left = Math.min(TALK_FRAMES_MAX, this.left + ((now - this.at) * TALK_FRAMES_PER_SECOND) / 1_000);
    this.at = now;
    if (this.answers > 0) this.answers--;
    else if (this.left >= 1) this.left--;
    else throw new LandfallError("OVERLOADED", "more frames without records than anybody has to say");
  }
}
