import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { Type, type Static } from "typebox";
import { Value } from "typebox/value";
import type { Env, TimerHandle } from "../env.js";
import { isLandfallError } from "../model/errors.js";
import { originId, streamName, type OriginId } from "../model/names.js";
import type { LocalStore, SharedLog } from "../store/store.js";
import type { FillTurn } from "./fill-turns.js";
import { DISTANCE_INFINITE, type Effect, type Key } from "./machine-state.js";
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
/** On the way out, so long for what is on its way to the log, and a last word behind it. */
const BYE_MS_MAX = 3_000;
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

/** stream, origin, whether it fills gaps or waits to, number */
const FillTurnSchema = Type.Tuple([Type.String(), Type.String(), Type.Boolean(), Type.Integer({ minimum: 0 })]);

/** A word of one node to all of its site, as JSON. */
const WordSchema = Type.Object({
  version: Type.Literal(VERSION),
  /** Of the process, or of its time since others last took it to be gone. */
  life: Type.String(),
  hello: Type.Optional(Type.Literal(true)),
  /** With `hello`, from a process that goes on: what it was bringing it has given up itself. */
  again: Type.Optional(Type.Literal(true)),
  bye: Type.Optional(Type.Literal(true)),
  /** Lives that have begun, and have been told what this node asks for. */
  welcome: Type.Optional(Type.Array(Type.String())),
  gone: Type.Optional(Type.Object({ node: Type.String(), life: Type.String() })),
  /** Each is looked at by itself. */
  claims: Type.Optional(Type.Array(Type.Unknown())),
  fills: Type.Optional(Type.Array(Type.Unknown())),
});
type Word = Static<typeof WordSchema>;

/**
 * The words of the nodes of a site whose log they share: that they live, and who of them asks for what. What follows from them is
 * the machine's (share.ts). A node that others take to be gone hears of it in the same order as all, or the log refuses what it
 * brings: it lets go of everything, and begins anew. Whoever takes over has the log refuse that first (`SharedLog.fence`).
 */
export class SiteShare {
  readonly #options: SiteShareOptions;
  readonly #sisters = new Map<string, { readonly life: string; origin: OriginId; at: number; accused: boolean }>();
  /** Lives that are over, whatever is still heard of them. */
  readonly #over = new Set<string>();
  /** Nodes of which `fence` was said, and nothing was heard since. */
  readonly #fenced = new Set<string>();
  /** Nodes that have answered this life, and lives that this node has to answer. */
  readonly #welcomedBy = new Set<string>();
  #welcome: string[] = [];
  #life = randomUUID();
  #origin: OriginId;
  #heardSelfAt = -Infinity;
  #claims: Extract<Effect, { type: "claim" }>[] = [];
  #fillTurns: FillTurn[] = [];
  #flushing: TimerHandle | undefined;
  #beat: TimerHandle | undefined;
  #listening: TimerHandle | undefined;
  #stops: readonly (() => void)[] = [];
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
    const { shared } = this.#options;
    this.#stops = [
      shared.onWords((node, origin, bytes) => this.#hear(node, origin, bytes)),
      shared.onFenced(() => this.#takenOver()),
    ];
    this.#say({ hello: true });
    this.#tick();
  }

  /** Told with what else comes up in this turn of the event loop. */
  claim(effect: Extract<Effect, { type: "claim" }>): void {
    this.#claims.push(effect);
    this.#flushSoon();
  }

  /** Likewise. */
  fillTurn(turn: FillTurn): void {
    this.#fillTurns.push(turn);
    this.#flushSoon();
  }

  /** @param brought all that this node was bringing is in the log: who hears that it is gone goes on behind that */
  async close(brought: Promise<unknown>): Promise<void> {
    this.#flush();
    this.#isClosed = true;
    this.#beat?.cancel();
    this.#listening?.cancel();
    this.#flushing?.cancel();
    for (const stop of this.#stops) stop();
    const { env, shared } = this.#options;
    let timer: TimerHandle | undefined;
    const late = new Promise<void>((resolve) => (timer = env.setTimer(BYE_MS_MAX, resolve)));
    const bye = brought.then(() => shared.say(this.#encode({ bye: true }))).catch(() => undefined);
    // Others notice by themselves if it is not heard, and see to it that nothing comes any more.
    await Promise.race([bye, late]);
    timer?.cancel();
  }

  #flushSoon(): void {
    if (this.#claims.length + this.#fillTurns.length > 1) return;
    this.#flushing = this.#options.env.setTimer(0, () => this.#flush());
  }

  #flush(): void {
    const claims = this.#claims;
    this.#claims = [];
    const turns = this.#fillTurns.splice(0);
    for (let i = 0; i < turns.length; i += CLAIMS_PER_WORD_MAX) {
      const part = turns.slice(i, i + CLAIMS_PER_WORD_MAX);
      this.#say({ fills: part.map(({ stream, origin, fills, number }) => [stream, origin, fills, number]) });
    }
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
      // Behind what it asks for, which each that has begun was told.
      this.#flush();
      const welcome = this.#welcome.splice(0);
      this.#say(welcome.length > 0 ? { welcome } : {});
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
    this.#fillTurns = [];
    this.#welcomedBy.clear();
    this.#listening?.cancel();
    this.#say({ hello: true, again: true });
  }

  #takenOver(): void {
    if (this.#isClosed) return;
    this.#options.log.warn("the other nodes of this site took this one to be gone; it begins anew");
    this.#beginAnew();
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
      this.#listening = env.setTimer(LISTEN_MS, () => {
        this.#fenceSilent();
        for (const left of this.#options.shared.left()) run({ type: "left", ...left });
        run({ type: "listened" });
      });
    }
    this.#hearRest(node, word);
  }

  #hearSister(node: string, origin: OriginId, word: Word): void {
    const { env, log, run } = this.#options;
    const { life } = word;
    const known = this.#sisters.get(node);
    this.#fenced.delete(node);
    if (word.welcome?.includes(this.#life) === true) this.#welcomedBy.add(node);
    if (word.bye === true) {
      if (known?.life === life) this.#gone(node, life);
      return;
    }
    if (known === undefined || known.life !== life) {
      if (known !== undefined) this.#over.add(known.life);
      // Its former process has left no word, and may be asleep.
      if (known !== undefined && word.hello === true && word.again !== true) this.#fence(node);
      log.info({ node }, "another node of this site is there");
      this.#sisters.set(node, { life, origin, at: env.monotonic(), accused: false });
      run({ type: "sisterHere", node, origin });
      this.#welcome.push(life);
      this.#soon();
    } else {
      known.at = env.monotonic();
    }
    this.#hearRest(node, word);
  }

  #hearRest(node: string, { gone, claims, fills }: Word): void {
    const { run, self } = this.#options;
    if (gone !== undefined) {
      if (gone.node !== self) {
        if (this.#sisters.get(gone.node)?.life === gone.life) this.#fence(gone.node);
        this.#gone(gone.node, gone.life);
      } else if (gone.life === this.#life) {
        this.#takenOver();
        return;
      }
    }
    if (claims !== undefined) run({ type: "claims", node, claims: this.#readable(node, claims, readClaim) });
    if (fills !== undefined) run({ type: "fillTurns", node, turns: this.#readable(node, fills, readFillTurn) });
  }

  #readable<T>(node: string, said: readonly unknown[], read: (one: unknown) => T | undefined): T[] {
    const heard = said.map(read).filter((one) => one !== undefined);
    if (heard.length < said.length) {
      const passed = said.length - heard.length;
      this.#options.log.warn(
        { node, claims: passed },
        "a node of this site says what nobody can read; it is passed over",
      );
    }
    return heard;
  }

  #gone(node: string, life: string): void {
    this.#over.add(life);
    if (this.#sisters.get(node)?.life !== life) return;
    this.#sisters.delete(node);
    this.#options.log.info({ node }, "a node of this site is gone");
    this.#options.run({ type: "sisterGone", node });
  }

  /** Who has not answered may be asleep, and ask for something of which this node was not told. */
  #fenceSilent(): void {
    const { shared, self } = this.#options;
    for (const node of shared.nodes()) {
      if (node !== self && !this.#welcomedBy.has(node) && !this.#fenced.has(node)) this.#fence(node);
    }
  }

  #fence(node: string): void {
    this.#fenced.add(node);
    this.#options.shared.fence(node);
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
  const key = readKey(stream, origin);
  return key && { ...key, distance: distance ?? DISTANCE_INFINITE, asks, overdue, number };
}

function readFillTurn(turn: unknown): FillTurn | undefined {
  if (!Value.Check(FillTurnSchema, turn)) return undefined;
  const [stream, origin, fills, number] = turn;
  const key = readKey(stream, origin);
  return key && { ...key, fills, number };
}

function readKey(stream: string, origin: string): Key | undefined {
  try {
    return { stream: streamName(stream), origin: originId(origin) };
  } catch (error) {
    if (!isLandfallError(error)) throw error;
    return undefined;
  }
}
