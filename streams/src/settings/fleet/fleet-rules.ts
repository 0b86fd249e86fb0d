import type { RuleKey, RulesOf } from "@landfall/proto/api";
import type { Env } from "../../env.js";
import { siteOfOrigin, type OriginId, type SiteName, type StreamName } from "../../model/names.js";
import type { Offset, StoredRecord, TimestampMs } from "../../model/record.js";
import type { Exceptions } from "../../node/node.js";
import type { StreamStore } from "../../store/store.js";
import { StreamFollower } from "../../store/stream-follower.js";
import { ownerOfSettings, readRules, RULE_KEYS, rulesTopic, settingsStream } from "./document.js";

/** Records of one topic looked at first; more only where none of them is valid. */
const LOOK_RECORDS = 8;
/** And at most so many: whoever wrote that many bad ones in a row has no rules. */
const LOOK_RECORDS_MAX = 4_096;
/** Streams that are read at once. */
const READ_PARALLEL = 16;

/** The newest valid document of one owner and key. */
export interface Ruling<K extends RuleKey = RuleKey> {
  readonly owner: string;
  readonly key: K;
  /** Null when it returns to the base. */
  readonly rules: RulesOf[K] | null;
  readonly version: Offset;
  readonly origin: OriginId;
  /** When its origin stored it. */
  readonly time: TimestampMs;
  readonly by?: string;
}

export interface FleetRulesOptions {
  readonly store: Pick<StreamStore, "streams" | "readTopic" | "onCommit">;
  readonly env: Env;
  readonly exceptions: Exceptions;
  /** Whether what was written at this site counts among the settings of that owner. */
  readonly maySet: (site: SiteName, settings: StreamName) => boolean;
}

/**
 * The rules that travel in `<owner>.settings`, as this node has them. Of each owner and key, the valid document with the
 * largest (offset, origin) is in force: a function of what the store holds, whatever the order in which it came. What is
 * not valid, or was written where that owner's settings may not be written, is told once and changes nothing.
 */
export class FleetRules {
  readonly #owners = new Map<string, ReadonlyMap<RuleKey, Ruling>>();
  readonly #listeners = new Set<(owner: string) => void>();
  /** Records that were told of, by topic. */
  readonly #told = new Map<string, ReadonlySet<string>>();
  /** Owners of whom nothing is known because their settings could not be read. */
  readonly #unread = new Set<string>();
  readonly #follower: StreamFollower;

  constructor(private readonly options: FleetRulesOptions) {
    const { store, env } = options;
    this.#follower = new StreamFollower({
      store,
      env,
      isFollowed: (stream) => ownerOfSettings(stream) !== undefined,
      read: (stream) => this.#read(stream),
      onFailed: (stream, error) => this.#failed(stream, error),
      parallel: READ_PARALLEL,
    });
  }

  /** Resolves when what the store holds is in force; from then on it is followed. */
  start(): Promise<void> {
    return this.#follower.start();
  }

  close(): Promise<void> {
    return this.#follower.close();
  }

  /** What travelled for an owner and key; undefined while the base alone counts. */
  rules<K extends RuleKey>(owner: string, key: K): RulesOf[K] | undefined {
    return this.ruling(owner, key)?.rules ?? undefined;
  }

  /** The newest valid document, also one that returned to the base. */
  ruling<K extends RuleKey>(owner: string, key: K): Ruling<K> | undefined {
    return this.#owners.get(owner)?.get(key) as Ruling<K> | undefined;
  }

  /** Of all owners. */
  rulings(): Ruling[] {
    return [...this.#owners.values()].flatMap((rulings) => [...rulings.values()]);
  }

  /** Whether what is written at a site counts among the settings in that stream. */
  maySet(site: SiteName, settings: StreamName): boolean {
    return this.options.maySet(site, settings);
  }

  /** Whether an owner has rules that nobody can tell: what they allow is then not known to be allowed. */
  isUnread(owner: string): boolean {
    return this.#unread.has(owner);
  }

  /** Called with an owner whose rules have changed. Returns how to stop. */
  onChange(listener: (owner: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when everything that is committed of an owner's settings is in force. */
  catchUp(owner: string): Promise<void> {
    return this.#follower.catchUp(settingsStream(owner));
  }

  async #read(stream: StreamName): Promise<void> {
    const owner = ownerOfSettings(stream) ?? "";
    const rulings = await Promise.all(RULE_KEYS.map((key) => this.#newest(stream, owner, key)));
    this.#put(owner, new Map(rulings.flatMap((ruling) => (ruling ? [[ruling.key, ruling] as const] : []))));
  }

  #failed(stream: StreamName, error: unknown): void {
    const owner = ownerOfSettings(stream) ?? "";
    const why = error instanceof Error ? error.message : String(error);
    const isKnown = this.#owners.has(owner);
    const then = isKnown ? "the former ones hold" : "nothing of this owner is allowed until they can";
    const message = `rules of ${owner} could not be read, ${then}: ${why}`;
    this.options.exceptions.report({ code: "RULES_UNREADABLE", source: stream, message });
    if (isKnown || this.#unread.has(owner)) return;
    this.#unread.add(owner);
    this.#tell(owner);
  }

  #put(owner: string, rulings: ReadonlyMap<RuleKey, Ruling>): void {
    const before = this.#owners.get(owner);
    const wasUnread = this.#unread.delete(owner);
    this.#owners.set(owner, rulings);
    const isSame = RULE_KEYS.every((key) => isSameRuling(before?.get(key), rulings.get(key)));
    if (!isSame || wasUnread) this.#tell(owner);
  }

  #tell(owner: string): void {
    for (const listener of this.#listeners) listener(owner);
  }

  /** From the newest record down to the first valid one. */
  async #newest(stream: StreamName, owner: string, key: RuleKey): Promise<Ruling | undefined> {
    const topic = rulesTopic(key);
    const bad: (readonly [StoredRecord, string])[] = [];
    let found: Ruling | undefined;
    for (let limit = LOOK_RECORDS; ; limit *= 8) {
      const records = await this.options.store.readTopic(stream, topic, { reverse: true, limit });
      for (const record of records.slice(bad.length)) {
        const read = this.#judge(stream, owner, key, record);
        if (typeof read !== "string") {
          found = read;
          break;
        }
        bad.push([record, read]);
      }
      if (found || records.length < limit || limit >= LOOK_RECORDS_MAX) break;
    }
    this.#tellBad(`${stream}:${topic}`, stream, bad);
    return found;
  }

  #judge(stream: StreamName, owner: string, key: RuleKey, record: StoredRecord): Ruling | string {
    const site = siteOfOrigin(record.origin);
    if (!this.maySet(site, stream)) return `${site} may not write into ${stream}`;
    const read = readRules(owner, key, record.value);
    if (typeof read === "string") return read;
    const { offset: version, origin, received: time } = record;
    return { owner, key, rules: read.rules, version, origin, time, ...(read.by !== undefined && { by: read.by }) };
  }

  #tellBad(topic: string, stream: StreamName, bad: readonly (readonly [StoredRecord, string])[]): void {
    const told = this.#told.get(topic);
    for (const [record, why] of bad) {
      if (told?.has(idOf(record))) continue;
      const message = `rules are left aside: ${topic}@${record.offset} of ${record.origin}: ${why}`;
      this.options.exceptions.report({ code: "BAD_RULES", source: stream, message });
    }
    if (bad.length > 0) this.#told.set(topic, new Set(bad.map(([record]) => idOf(record))));
    else this.#told.delete(topic);
  }
}

function isSameRuling(one: Ruling | undefined, other: Ruling | undefined): boolean {
  return one?.version === other?.version && one?.origin === other?.origin;
}

function idOf({ offset, origin }: StoredRecord): string {
  return `${offset} ${origin}`;
}
