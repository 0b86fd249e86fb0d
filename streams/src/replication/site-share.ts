import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { Type, type Static } from "typebox";
import { Value } from "typebox/value";
import type { Env, TimerHandle } from "../env.js";
import { isLandfallError } from "../model/errors.js";
import { originId, streamName, type OriginId } from "../model/names.js";
import type { LocalStore, SharedLog } from "../store/store.js";
import { DISTANCE_INFINITE, type Effect } from "./machine-state.js";
import type { HeardClaim, ShareEvent } from "./share.js";

export interface SiteShareOptions {
  readonly store: Pick<LocalStore, "origin">;
  readonly shared: SharedLog;
  /** Name of this node, `site.node`. */
  readonly self: string;
  readonly env: Env;
  readonly log: Logger;
  readonly run: (event: ShareEvent) => void;
}

/** How often a node says that it lives, beside others and alone. */
const BEAT_MS = 1_000;
const BEAT_ALONE_MS = 10_000;
/** Of a node that was silent for so long, others do the work. */
const SILENT_MS = 6_000;
/** So long, others have to answer a node that begins. */
const LISTEN_MS = 1_500;
/** Claims of one word; a record of Kafka holds far more. */
const CLAIMS_PER_WORD_MAX = 1_000;
/** On the way out, so long for a last word. */
const BYE_MS_MAX = 1_000;
const VERSION = 1;

/** stream, origin, distance (null: none), whether it asks, whether it is overdue, number */
const ClaimSchema = Type.Tuple([
  Type.String(),
  Type.String(),
  Type.Union([Type.Number({ minimum: 0 }), Type.Null()]),
  Type.Boolean(),
  Type.Boolean(),
  Type.Integer({ minimum: 0 }),
]);

/** A word of one node to all of its site, as JSON. */
const WordSchema = Type.Object({
  version: Type.Literal(VERSION),
  /** Of the process, or of its time since others last took it to be gone. */
  life: Type.String(),
  hello: Type.Optional(Type.Literal(true)),
  bye: Type.Optional(Type.Literal(true)),
  gone: Type.Optional(Type.Object({ node: Type.String(), life: Type.String() })),
  /** Each is looked at by itself. */
  claims: Type.Optional(Type.Array(Type.Unknown())),
});
type Word = Static<typeof WordSchema>;

/**
 * The words of the nodes of a site whose log they share: that they live, and who of them asks for what. What follows from them is
 * the machine's (share.ts). A node that others take to be gone hears of it in the same order as all, lets go of everything, and
 * begins anew.
 */
export class SiteShare {
  readonly #options: SiteShareOptions;
  readonly #sisters = new Map<string, { readonly life: string; origin: OriginId; at: number; accused: boolean }>();
  /** Lives that are over, whatever is still heard of them. */
  readonly #over = new Set<string>();
  #life = randomUUID();
  #origin: OriginId;
  #heardSelfAt = -Infinity;
  #claims: Extract<Effect, { type: "claim" }>[] = [];
  #flushing: TimerHandle | undefined;
  #beat: TimerHandle | undefined;
  #listening: TimerHandle | undefined;
  #stop: () => void = () => undefined;
  #isClosed = false;

  constructor(options: SiteShareOptions) {
    this.#options = options;
    this.#origin = options.store.origin;
  }

  /** Other nodes of the site that live, sorted. */
  get sisters(): string[] {
    return [...this.#sisters.keys()].sort();
  }

  start(): void {
    this.#stop = this.#options.shared.onWords((node, origin, bytes) => this.#hear(node, origin, bytes));
    this.#say({ hello: true });
    this.#tick();
  }

  /** Told with what else comes up in this turn of the event loop. */
  claim(effect: Extract<Effect, { type: "claim" }>): void {
    this.#claims.push(effect);
    if (this.#claims.length === 1) this.#flushing = this.#options.env.setTimer(0, () => this.#flush());
  }

  async close(): Promise<void> {
    this.#flush();
    this.#isClosed = true;
    this.#beat?.cancel();
    this.#listening?.cancel();
    this.#flushing?.cancel();
    this.#stop();
    const { env, shared } = this.#options;
    let timer: TimerHandle | undefined;
    const late = new Promise<void>((resolve) => (timer = env.setTimer(BYE_MS_MAX, resolve)));
    // Others notice by themselves if it is not heard.
    await Promise.race([shared.say(this.#encode({ bye: true })).catch(() => undefined), late]);
    timer?.cancel();
  }

  #flush(): void {
    const claims = this.#claims;
    this.#claims = [];
    for (let i = 0; i < claims.length; i += CLAIMS_PER_WORD_MAX) {
      this.#say({
        claims: claims
          .slice(i, i + CLAIMS_PER_WORD_MAX)
          .map(({ stream, origin, distance, asks, overdue, number }) => [
            stream,
            origin,
            distance >= DISTANCE_INFINITE ? null : distance,
            asks,
            overdue,
            number,
          ]),
      });
    }
  }

  #tick(): void {
    const { env, store, self } = this.#options;
    if (this.#origin !== store.origin) {
      // Under another origin it is another node to the others.
      this.#origin = store.origin;
      this.#beginAnew();
    } else {
      this.#say({});
    }
    const now = env.monotonic();
    // A log that takes nothing makes everybody silent.
    const isHeard = now - this.#heardSelfAt < 2 * BEAT_MS;
    for (const [node, sister] of this.#sisters) {
      if (!isHeard || sister.accused || now - sister.at < SILENT_MS) continue;
      sister.accused = true;
      this.#options.log.warn({ node, self }, "a node of this site is silent; others do its work");
      this.#say({ gone: { node, life: sister.life } });
    }
    this.#beat = env.setTimer(this.#sisters.size > 0 ? BEAT_MS : BEAT_ALONE_MS, () => this.#tick());
  }

  #beginAnew(): void {
    this.#options.run({ type: "sisterGone", node: this.#options.self });
    this.#over.add(this.#life);
    this.#life = randomUUID();
    this.#claims = [];
    this.#listening?.cancel();
    this.#say({ hello: true });
  }

  #hear(node: string, origin: OriginId, bytes: Uint8Array): void {
    const word = decode(bytes);
    if (word === undefined || this.#isClosed || this.#over.has(word.life)) return;
    if (node === this.#options.self) this.#hearSelf(node, word);
    else this.#hearSister(node, origin, word);
  }

  #hearSelf(node: string, word: Word): void {
    const { env, run } = this.#options;
    // What a former process of this name has said is over.
    if (word.life !== this.#life) return;
    this.#heardSelfAt = env.monotonic();
    if (word.hello === true) {
      this.#listening = env.setTimer(LISTEN_MS, () => run({ type: "listened" }));
    }
    this.#hearRest(node, word);
  }

  #hearSister(node: string, origin: OriginId, word: Word): void {
    const { env, log, run } = this.#options;
    const { life } = word;
    const known = this.#sisters.get(node);
    if (word.bye === true) {
      if (known?.life === life) this.#gone(node, life);
      return;
    }
    if (known === undefined || known.life !== life) {
      if (known !== undefined) this.#over.add(known.life);
      log.info({ node }, "another node of this site is there");
      this.#sisters.set(node, { life, origin, at: env.monotonic(), accused: false });
      run({ type: "sisterHere", node, origin });
      this.#soon();
    } else {
      known.at = env.monotonic();
    }
    this.#hearRest(node, word);
  }

  #hearRest(node: string, { gone, claims }: Word): void {
    const { run, self } = this.#options;
    if (gone !== undefined) {
      if (gone.node !== self) this.#gone(gone.node, gone.life);
      else if (gone.life === this.#life) {
        this.#options.log.warn("the other nodes of this site took this one to be gone; it begins anew");
        this.#beginAnew();
        return;
      }
    }
    if (claims === undefined) return;
    const heard = claims.map(readClaim).filter((claim) => claim !== undefined);
    if (heard.length < claims.length) {
      const passed = claims.length - heard.length;
      this.#options.log.warn(
        { node, claims: passed },
        "a node of this site says what nobody can read; it is passed over",
      );
    }
    run({ type: "claims", node, claims: heard });
  }

  #gone(node: string, life: string): void {
    this.#over.add(life);
    if (this.#sisters.get(node)?.life !== life) return;
    this.#sisters.delete(node);
    this.#options.log.info({ node }, "a node of this site is gone");
    this.#options.run({ type: "sisterGone", node });
  }

  /** The next beat at once: whoever has just begun hears that this node is there. */
  #soon(): void {
    this.#beat?.cancel();
    this.#beat = this.#options.env.setTimer(0, () => this.#tick());
  }

  #say(rest: Omit<Word, "version" | "life">): void {
    if (this.#isClosed) return;
    this.#options.shared.say(this.#encode(rest)).catch((error: unknown) => {
      if (!isLandfallError(error, "CLOSED")) this.#options.log.warn({ err: error }, "the site's nodes were not told");
    });
  }

  #encode(rest: Omit<Word, "version" | "life">): Uint8Array {
    return new TextEncoder().encode(JSON.stringify({ version: VERSION, life: this.#life, ...rest } satisfies Word));
  }
}

/**
 * Undefined for what is no word, or one of a later version. What stands in the log is heard by every node at each of its
 * starts: nothing in it may throw.
 */
function decode(bytes: Uint8Array): Word | undefined {
  try {
    const word: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return Value.Check(WordSchema, word) ? word : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined for one that names no stream or origin: those beside it in the word count. */
function readClaim(claim: unknown): HeardClaim | undefined {
  if (!Value.Check(ClaimSchema, claim)) return undefined;
  const [stream, origin, distance, asks, overdue, number] = claim;
  try {
    return {
      stream: streamName(stream),
      origin: originId(origin),
      distance: distance ?? DISTANCE_INFINITE,
      asks,
      overdue,
      number,
    };
  } catch (error) {
    if (!isLandfallError(error)) throw error;
    return undefined;
  }
}
