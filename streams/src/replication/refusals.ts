import { Counter, type Registry } from "prom-client";
import type { ErrorCode } from "../model/errors.js";
import { siteOfOrigin } from "../model/names.js";
import type { Exceptions } from "../node/node.js";
import type { Hello } from "./link.js";
import type { Key } from "./machine-state.js";
import { peerName } from "./peer-name.js";
import type { Producers } from "./producers.js";

/** Tells of what peers offer and is not taken (R8): a counter for `/metrics`, a record in `<owner>.exceptions`. */
export class Refusals {
  readonly #counter: Counter<"code">;

  constructor(
    private readonly options: {
      readonly producers: Producers;
      readonly exceptions: Exceptions;
      readonly registry: Registry;
    },
  ) {
    this.#counter = new Counter({
      name: "landfall_replication_refused_total",
      help: "Histories that peers offered and that were not taken, because of who wrote them or who offers them",
      labelNames: ["code"],
      registers: [options.registry],
    });
  }

  /** A peer says that it has records which it may not have, or which should not be there. */
  offered(peer: Hello, { stream, origin }: Key): void {
    const code = this.codeOf({ stream, origin });
    const site = siteOfOrigin(origin);
    const unlisted = this.options.producers.isListed(site) ? "" : ", and is not listed under sites";
    const why =
      code === "PRODUCE_FORBIDDEN"
        ? `that were written at ${site}, which may not produce into it${unlisted}`
        : "which it may not hold";
    const name = peerName(peer.site, peer.node);
    this.#counter.inc({ code });
    this.options.exceptions.report({
      code,
      source: `link ${peer.link}`,
      message: `${name} offers records of ${stream} ${why}: none is taken`,
      detail: { peer: name, stream, origin },
    });
  }

  /** A peer says that it has records up to `next`, and does not send them, whoever asks. */
  withheld(peer: Hello, { stream, origin }: Key, next: number): void {
    const name = peerName(peer.site, peer.node);
    this.options.exceptions.report({
      code: "CLAIM_UNMET",
      source: `link ${peer.link}`,
      message: `${name} says that it has ${stream} of ${origin} up to seq ${next}, was asked for it, and sends nothing; others are asked first`,
      detail: { peer: name, stream, origin, next },
    });
  }

  /** What is wrong with a block that was not asked for, and came all the same. */
  codeOfBlock(key: Key): ErrorCode {
    const code = this.options.producers.mayProduce(key.stream, key.origin) ? "CORRUPT_BLOCK" : "PRODUCE_FORBIDDEN";
    if (code === "PRODUCE_FORBIDDEN") this.#counter.inc({ code });
    return code;
  }

  private codeOf({ stream, origin }: Key): ErrorCode {
    return this.options.producers.mayProduce(stream, origin) ? "REPLICATE_FORBIDDEN" : "PRODUCE_FORBIDDEN";
  }
}
