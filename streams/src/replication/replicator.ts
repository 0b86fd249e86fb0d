import type { Digest, Sealed } from "@landfall/proto/gen/landfall/v1/replication";
import type { Logger } from "pino";
import type { Counter, Registry } from "prom-client";
import type { ChangeablePolicy } from "../access/policy.js";
import type { Env, TimerHandle } from "../env.js";
import { SiteIdentity } from "../identity/site-identity.js";
import { SEALED_WINDOW_BYTES_MIN } from "../limits.js";
import { LandfallError, isLandfallError, type ErrorCode } from "../model/errors.js";
import { siteName, siteOfOrigin, type OriginId, type StreamName } from "../model/names.js";
import type { Exceptions, LinkView, PeerView, Replication, Sisters } from "../node/node.js";
import type { LinkSettings, NodeSettings, SiteEntry } from "../settings/node-settings.js";
import { decodeBlock, encodeBlock } from "../store/block.js";
import type { Batch, LocalStore } from "../store/store.js";
import type { Disk } from "../store/disk.js";
import { nodeDisk } from "../store/node-disk.js";
import type { Seq } from "../model/record.js";
import { Budgets } from "./budget/budgets.js";
import { checkPeer, isSameNode } from "./check-peer.js";
import { Dialler } from "./dialler.js";
import { ForkCheck } from "./fork-check.js";
import { ForkMending } from "./fork-mending.js";
import { Gate } from "./gate.js";
import { createGrpcTransport } from "./grpc-transport.js";
import { handedOver } from "./handed-over.js";
import { EstablishedLink, recordsIn, type Hello, type LinkEvents } from "./link.js";
import { linkViews, notHandedOver, memoryId, type LinkMemory } from "./link-views.js";
import {
  createMachine,
  heldNext,
  isOwn,
  keyId,
  type Effect,
  type Key,
  type KeyId,
  type MachineEvent,
  type RunFacts,
} from "./machine-state.js";
import { step } from "./machine.js";
import { PeerKnowledge } from "./peer-knowledge.js";
import { peerName } from "./peer-name.js";
import { Producers } from "./producers.js";
import { Refusals } from "./refusals.js";
import { countCertificate, countLinks, countShared, receivedRecords } from "./replication-metrics.js";
import { linkRights, sisterRights } from "./rights.js";
import { SealedFlow } from "./sealed-flow.js";
import { createShare } from "./share.js";
import { SisterCopies } from "./sisters.js";
import { SiteShare } from "./site-share.js";
import type { Channel, Listener, Transport } from "./transport.js";
import { URGENT_FIRST } from "./urgency.js";
import { GONE_PER_SITE_MAX } from "./wire-limits.js";

/** In whose turn a new origin is taken: one at a time. */
const REINCARNATION = "reincarnation";
/** What the store says of records that no honest peer sends. */
const FAULTS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "CORRUPT_BLOCK",
  "CLOCK_REFUSED",
  "PROTOCOL_ERROR",
  "INVALID_ARGUMENT",
  "INVALID_NAME",
  "VALUE_TOO_LARGE",
]);
/** Whether others bring now what this node was bringing. */
type IsOver = () => boolean;
/** How often stalls, pings and announcements are looked at. */
const TICK_MS = 100;
/** A log that refused to be read to its end is asked again after so long. */
const SETTLE_AGAIN_MS = 10_000;

export interface ReplicatorOptions {
  readonly store: LocalStore;
  readonly env: Env;
  readonly settings: NodeSettings;
  readonly policy: ChangeablePolicy;
  readonly log: Logger;
  readonly exceptions: Exceptions;
  readonly registry: Registry;
  /** Where budgets are written down; the real one by default. */
  readonly disk?: Disk;
  /** gRPC by default. */
  readonly transport?: Transport;
}

export interface Replicator extends Replication {
  /** Listens and dials. @throws LandfallError PORT_IN_USE */
  start(): Promise<void>;
  close(): Promise<void>;
  /** Port on which other sites are accepted; undefined for a site that only dials. */
  readonly port: number | undefined;
}

/** Joins the protocol machine to the store, the network and the clock. All decisions are the machine's. */
export function createReplicator(options: ReplicatorOptions): Replicator {
  return new NodeReplicator(options);
}

class NodeReplicator implements Replicator {
  readonly #machine;
  readonly #identity: SiteIdentity | undefined;
  readonly #gate: Gate;
  readonly #transport: Transport;
  readonly #links = new Map<number, EstablishedLink>();
  readonly #memory = new Map<string, LinkMemory>();
  readonly #diallers: Dialler[] = [];
  readonly #knowledge = new PeerKnowledge();
  readonly #copies: SisterCopies;
  readonly #share: SiteShare | undefined;
  readonly #sealed: SealedFlow;
  /** Counts how often this node has given up what it brings: what came before that counts no more. */
  #term = 0;
  /** Applies of one key go one after another; keys do not wait for each other. */
  readonly #applying = new Map<KeyId, Promise<void>>();
  readonly #received: Counter;
  #budgets: Budgets | undefined;
  #listener: Listener | undefined;
  #timer: TimerHandle | undefined;
  #nextLinkId = 1;
  #closed = false;
  #stopListening: () => void = () => undefined;
  readonly #forks: ForkCheck;
  readonly #mending: ForkMending;
  readonly #self: SiteEntry;
  readonly #producers: Producers;
  readonly #refusals: Refusals;
  /** Forks that were reported, by key and peer. */
  readonly #forked = new Set<string>();

  constructor(private readonly options: ReplicatorOptions) {
    const { site, node } = options.settings;
    const { shared } = options.store;
    const name = peerName(site, node);
    this.#machine = createMachine(name, options.store.origin, shared && createShare());
    this.#share = shared && new SiteShare({ ...options, shared, self: name, run: (event) => this.#run(event) });
    this.#copies = new SisterCopies(this.#machine);
    this.#sealed = new SealedFlow(options.store, options.env, this.#machine);
    const { env, exceptions, settings } = options;
    this.#identity = openIdentity(options);
    const identity = this.#identity;
    this.#gate = new Gate({ sites: settings.sites, identity, exceptions });
    this.#transport = options.transport ?? createGrpcTransport({ env, ...(identity !== undefined && { identity }) });
    this.#forks = new ForkCheck(options.store);
    this.#mending = new ForkMending({
      ...options,
      machine: this.#machine,
      sealed: this.#sealed,
      run: (event) => this.#run(event),
      failed: (what, key, error) => this.#storeFailed(what, key, error),
      mended: (key) => this.#mended(key),
    });
    const self = this.#siteEntry(settings.site);
    if (self === undefined)
      throw new LandfallError("INVALID_SETTINGS", `site ${settings.site} is not listed under sites`);
    this.#self = self;
    this.#producers = new Producers(options.policy, settings.sites);
    this.#refusals = new Refusals({ ...options, producers: this.#producers });
    countLinks(options.registry, () => this.links());
    const share = this.#share;
    if (share !== undefined) countShared(options.registry, () => this.#sharing(share));
    this.#received = receivedRecords(options.registry);
  }

  get port(): number | undefined {
    return this.#listener?.port;
  }

  async start(): Promise<void> {
    const { store, settings, env } = this.options;
    this.#identity?.start();
    const { exceptions, disk = nodeDisk } = this.options;
    const { data: folder, links, cluster } = settings;
    const nodes = cluster?.nodes.length ?? 1;
    this.#budgets = await Budgets.open({ folder, disk, env, exceptions, links, nodes });
    const stopCommits = store.onCommit((committed) => {
      for (const { stream, origin, nextSeq } of committed) {
        this.#run({ type: "committed", stream, origin, nextSeq });
      }
    });
    const stopGaps = store.onGaps((gaps) => this.#run({ type: "holes", ...gaps }));
    const stopRules = this.options.policy.onChange((what) => {
      if (what === "rules") this.#onRules();
    });
    this.#stopListening = () => {
      stopCommits();
      stopGaps();
      stopRules();
    };
    for (const stream of store.streams()) {
      const gaps = store.gaps(stream);
      const vector = store.vector(stream);
      // Of an origin whose very first records are lost, only the gap is known.
      const origins = new Set([...(Object.keys(vector) as OriginId[]), ...gaps.map(({ origin }) => origin)]);
      for (const origin of origins) {
        const holes = gaps.filter((gap) => gap.origin === origin);
        this.#run({ type: "holes", stream, origin, nextSeq: vector[origin] ?? 0, holes });
      }
    }
    for (const origin of store.restoredOrigins()) this.#run({ type: "restored", origin });
    for (const { stream, origin } of store.appendedAgain()) this.#run({ type: "again", key: keyId(stream, origin) });
    for (const writer of await store.resumeSealed()) {
      const { stream, origin, ...run } = writer.run;
      this.#sealed.goOn(keyId(stream, origin), writer);
      this.#run({ type: "staged", stream, origin, run, blocks: writer.blocks });
    }
    if (settings.replication.listen !== undefined) {
      this.#listener = await this.#transport.listen(settings.replication.listen, {
        admit: (caller) => this.#gate.admit(caller),
        accept: (channel, { site, takesHello }) => this.#accepted(channel, site, takesHello === true),
        turnedAway: (why, from) => this.#gate.turnedAway(why, from),
      });
    }
    for (const link of settings.links) {
      const ledger = this.#budgets.of(link);
      const credentials = { site: settings.site, token: settings.replication.token ?? "" };
      const dialler: Dialler = new Dialler(
        link,
        this.#transport,
        env,
        credentials,
        (channel) => this.#dialled(channel, link, dialler),
        (why) => this.#gate.dialFailed(link.id, why),
        ledger,
      );
      this.#diallers.push(dialler);
      const { id, carries } = link;
      this.#memory.set(id, { id, peer: siteName(link.to), class: link.class, carries, ...(ledger && { ledger }) });
      dialler.start();
    }
    this.#share?.start();
    this.#tick();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    this.#stopListening();
    this.#copies.close();
    this.#identity?.stop();
    for (const dialler of this.#diallers) dialler.stop();
    for (const link of this.#links.values()) link.close("this site is stopping");
    await this.#listener?.close();
    const applied = Promise.allSettled(this.#applying.values());
    if (this.#share === undefined) await applied;
    else await this.#share.close(applied);
    await this.#sealed.close();
    await this.#budgets?.close();
  }

  links(): LinkView[] {
    return linkViews({
      memory: this.#memory.values(),
      established: [...this.#links.values()],
      problems: new Map(this.#diallers.map(({ link, problem }) => [link.id, problem])),
      machine: this.#machine,
      knowledge: this.#knowledge,
      now: this.options.env.monotonic(),
    });
  }

  peers(): PeerView[] {
    return this.#knowledge.views();
  }

  arrivedOver(stream: StreamName, origin: string) {
    return this.#knowledge.arrivedOver(keyId(stream, origin));
  }

  get sisters(): Sisters {
    return this.#copies;
  }

  certificateExpires(): number | undefined {
    return this.#identity?.expiresAt;
  }

  shared() {
    return this.#share && this.#sharing(this.#share);
  }

  handedOver(stream: StreamName, origin: OriginId): number {
    const { settings, policy } = this.options;
    const given = { settings, policy, memory: this.#memory.values(), knowledge: this.#knowledge };
    const key = keyId(stream, origin);
    // Whoever holds more of what this node wrote than the node itself holds something else, or lies.
    const most = isOwn(this.#machine, key) ? heldNext(this.#machine, key) : Infinity;
    return handedOver(given, stream, origin, most);
  }

  notHandedOver(): { readonly stream: StreamName; readonly records: number }[] {
    return notHandedOver(this.#machine, this.#knowledge);
  }

  #sharing({ sisters }: SiteShare) {
    return { nodes: sisters, asksFor: this.#machine.sources.size };
  }

  #accepted(channel: Channel, site: string, greets: boolean): void {
    // What the link is called and which class it has is said by the dialler's hello.
    this.#open(channel, { id: "", to: site, class: "wan", address: "", carries: ["*"] }, undefined, greets);
  }

  #dialled(channel: Channel, settings: LinkSettings, dialler: Dialler): void {
    this.#open(channel, settings, dialler, true);
  }

  #open(channel: Channel, settings: LinkSettings, dialler: Dialler | undefined, greets: boolean): void {
    const { env, settings: own } = this.options;
    const dialled = dialler !== undefined;
    const ledger = this.#budgets?.of(settings);
    const hello: Hello = {
      site: own.site,
      node: own.node,
      link: settings.id,
      linkClass: settings.class,
      carries: settings.carries,
      wants: own.replication.wants,
      tellsGaps: true,
      takesSealed: true,
      inflates: true,
      urgent: settings.urgent ?? URGENT_FIRST,
    };
    const id = this.#nextLinkId++;
    const events: LinkEvents = {
      established: (link, peer) => this.#established(link, peer, settings),
      message: (link, message) => {
        this.#received.inc(recordsIn(message));
        if (message.$case === "data") this.#onData(link, message.value);
        else if (message.$case === "sealed") this.#onSealed(link, message.value);
        else {
          if (message.$case === "announce") this.#onAnnounce(link, message.value.holdings);
          this.#run({ type: "message", conn: link.id, message });
          if (message.$case === "announce") this.#copies.heard(message.value.holdings);
        }
      },
      funds: (link) => this.#run({ type: "funds", conn: link.id }),
      roundTrip: (link, ms) => {
        this.#run({ type: "roundTrip", conn: link.id, ms });
        this.#copies.answered(link.id);
      },
      closed: (link, why) => {
        this.#links.delete(id);
        dialler?.closed(link !== undefined, why);
        this.#gate.ended(dialled ? settings.id : undefined, settings.to, why);
        if (link?.peer === undefined) return;
        const peer = peerName(link.peer.site, link.peer.node);
        this.options.log.info({ link: link.peer.link, peer, reason: why.message }, "link down");
        this.#run({ type: "disconnected", conn: id });
      },
    };
    this.#links.set(id, new EstablishedLink(id, channel, dialled, hello, env, events, ledger, greets));
  }

  #established(link: EstablishedLink, peer: Hello, expected: LinkSettings): void {
    const { settings, policy } = this.options;
    const entry = checkPeer(peer, expected, settings);
    for (const other of this.#links.values()) {
      // A peer that dials again has lost the old connection, whether or not we have noticed.
      if (other !== link && other.peer?.link === peer.link && isSameNode(other.peer, peer)) {
        other.close("the other side opened this link again");
      }
    }
    const site = siteName(peer.site);
    const sister = peer.site === settings.site;
    const { carries, urgent, node } = peer;
    const common = { producers: this.#producers, self: this.#self, carries, urgent };
    const wanted = { peerWants: peer.wants, ownWants: settings.replication.wants };
    const rights = sister ? sisterRights(common) : linkRights({ policy, peer: entry, ...common, ...wanted });
    const ledger = link.dialled ? this.#memory.get(peer.link)?.ledger : undefined;
    this.#forgetGone(site);
    this.#memory.set(memoryId(link), {
      id: peer.link,
      peer: site,
      node,
      class: link.linkClass,
      carries,
      rights,
      ...(ledger && { ledger }),
    });
    this.#knowledge.contact({ site, node }, this.options.env.now(), link.linkClass);
    const name = peerName(site, node);
    this.options.log.info({ link: peer.link, peer: name, class: link.linkClass }, "link up");
    const { tuning, purse } = link;
    const sealed = peer.takesSealed && tuning.windowBytes >= SEALED_WINDOW_BYTES_MIN;
    this.#run({
      type: "connected",
      conn: link.id,
      peer: name,
      sister,
      tuning,
      rights,
      sealed,
      tellsGaps: peer.tellsGaps,
      purse,
      roundTripMs: link.greetedAfterMs,
    });
  }

  /** Of links that others dial, so many are remembered: what they and their nodes are called they say themselves. */
  #forgetGone(site: string): void {
    const open = new Set([...this.#links.values()].map(memoryId));
    const own = new Set(this.#diallers.map(({ link }) => link.id));
    const gone = [...this.#memory].filter(([id, { peer }]) => peer === site && !open.has(id) && !own.has(id));
    for (const [id] of gone.slice(0, Math.max(0, gone.length - GONE_PER_SITE_MAX))) this.#memory.delete(id);
  }

  /** What links may carry is asked anew, of those that are up and of those that were. */
  #onRules(): void {
    this.#producers.forget();
    for (const { rights } of this.#memory.values()) rights?.forget();
    for (const link of this.#links.values()) if (link.peer !== undefined) this.#run({ type: "rights", conn: link.id });
    for (const { id, peer } of this.#links.values()) {
      for (const [key, { next }] of this.#machine.conns.get(id)?.announced ?? []) {
        const names = this.#machine.keys.get(key);
        if (peer !== undefined && names !== undefined) this.#knowledge.holds(peer, names, next);
      }
    }
  }

  #siteEntry(site: string): SiteEntry | undefined {
    return this.options.settings.sites.find((entry) => entry.site === site);
  }

  #onAnnounce(link: EstablishedLink, holdings: readonly { stream: string; origin: string; next: number }[]): void {
    const rights = this.#memory.get(memoryId(link))?.rights;
    if (link.peer === undefined) return;
    for (const { stream, origin, next } of holdings) {
      const key = { stream: stream as StreamName, origin: origin as never };
      if (rights?.mayBelieve(key.stream, key.origin) === true) this.#knowledge.says(link.peer, key, next);
    }
  }

  #onData(link: EstablishedLink, data: { id: number; firstSeq: number; count: number; block: Uint8Array }): void {
    const standing = this.#machine.requests.get(data.id);
    const key = standing === undefined ? undefined : this.#machine.keys.get(standing.key);
    if (standing?.conn !== link.id || key === undefined) {
      link.close(`data for request ${data.id}, which is not standing`, "PROTOCOL_ERROR");
      return;
    }
    const batch = this.#decode(link, data.block);
    if (batch === undefined) return;
    const asked = batch.stream === key.stream && batch.origin === key.origin;
    if (!asked || batch.firstSeq !== data.firstSeq || batch.records.length !== data.count) {
      this.#refuseBlock(
        link,
        this.#refusals.codeOfBlock(batch),
        `a block of ${batch.stream} from ${batch.origin}, which is not what was asked for`,
      );
      return;
    }
    this.#knowledge.arrived(standing.key, link.linkClass);
    if (link.peer !== undefined) this.#knowledge.holds(link.peer, key, data.firstSeq + data.count);
    const { firstSeq, count, block } = data;
    this.#run({
      type: "data",
      conn: link.id,
      requestId: data.id,
      firstSeq,
      count,
      bytes: block.byteLength,
      payload: batch,
    });
  }

  #onSealed(link: EstablishedLink, { id, run: name, runBytes, bytes: payload, ...said }: Sealed): void {
    const standing = this.#machine.requests.get(id);
    const key = standing === undefined ? undefined : this.#machine.keys.get(standing.key);
    if (standing?.conn === link.id && key !== undefined) {
      this.#knowledge.arrived(standing.key, link.linkClass);
      if (link.peer !== undefined && said.next === said.blocks) this.#knowledge.holds(link.peer, key, said.to);
    }
    const { first, next, ...facts } = said;
    const run: RunFacts = { ...facts, from: said.from as Seq, to: said.to as Seq, id: name, bytes: runBytes };
    this.#run({ type: "sealed", conn: link.id, requestId: id, run, first, next, bytes: payload.byteLength, payload });
  }

  #decode(link: EstablishedLink, block: Uint8Array): Batch | undefined {
    try {
      return decodeBlock(block);
    } catch (error) {
      this.#refuseBlock(link, "CORRUPT_BLOCK", error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  #refuseBlock(link: EstablishedLink, code: ErrorCode, message: string): void {
    link.close(message, code);
  }

  #tick(): void {
    if (this.#closed) return;
    for (const link of this.#links.values()) {
      link.tick();
      const stale = this.#gate.refusalOf(link.channel);
      if (stale !== undefined) link.close(stale.message, stale.code);
      if (link.peer !== undefined) this.#knowledge.contact(link.peer, link.lastContact, link.linkClass);
    }
    this.#budgets?.tick();
    this.#run({ type: "tick" });
    this.#sealed.tick();
    this.#timer = this.options.env.setTimer(TICK_MS, () => this.#tick());
  }

  #run(event: MachineEvent): void {
    if (this.#closed) return;
    for (const effect of step(this.#machine, event, this.options.env.monotonic())) this.#perform(effect);
  }

  #perform(effect: Effect): void {
    const link = "conn" in effect ? this.#links.get(effect.conn) : undefined;
    switch (effect.type) {
      case "send":
        link?.send(effect.message);
        break;
      case "read":
        void this.#read(effect);
        break;
      case "apply":
      case "stage":
        this.#enqueueApply(effect);
        break;
      case "note":
        this.#inTurn(
          effect.key,
          this.#inTerm((isOver) => this.#note(effect, isOver)),
        );
        break;
      case "digest":
        // Behind what is on its way to the disk.
        this.#inTurn(effect.key, () => this.#digest(effect));
        break;
      case "compare":
        void this.#compare(effect);
        break;
      case "match":
        this.#inTurn(effect.key, () => this.#match(effect));
        break;
      case "fork":
        this.#reportFork(effect.key, link?.peer?.site ?? "");
        break;
      case "reincarnate":
        this.#inTurn(REINCARNATION, () => this.#mending.reincarnate(effect, link?.peer?.site ?? ""));
        break;
      case "refused":
        if (link?.peer !== undefined) this.#refusals.offered(link.peer, effect.names);
        break;
      case "refuted":
        this.#reportRefuted(effect.key, effect.next, link?.peer?.site ?? "");
        break;
      case "withheld":
        if (link?.peer !== undefined)
          this.#refusals.withheld(link.peer, this.#machine.keys.get(effect.key) as Key, effect.next);
        break;
      case "appendAgain":
        this.#inTurn(effect.key, () => this.#mending.appendAgain(effect));
        break;
      case "setAside":
        this.#inTurn(effect.key, () => this.#mending.setAside(effect));
        break;
      case "claim":
        this.#share?.claim(effect);
        break;
      case "fillTurn":
        this.#share?.fillTurn(effect);
        break;
      case "settle":
        // Behind what came before: that may be refused, and then is not to be taken for what comes next.
        this.#inTurn(
          effect.key,
          this.#inTerm((isOver) => this.#settle(effect, isOver)),
        );
        break;
      case "giveUp":
        this.#term++;
        this.options.store.shared?.giveUp();
        break;
      case "close":
        this.options.log.warn({ link: link?.peer?.link, reason: effect.reason }, "closing a link");
        link?.close(effect.reason, effect.code);
        break;
    }
  }

  /** What other nodes of this site have brought is here. */
  async #settle(effect: Extract<Effect, { type: "settle" }>, isOver: IsOver): Promise<void> {
    const { key, stream, origin, settling } = effect;
    if (isOver()) return;
    try {
      await this.options.store.shared?.settled(stream, origin, settling.why);
      if (!isOver()) this.#run({ type: "settled", key, settling });
    } catch (error) {
      if (isLandfallError(error, "TAKEN_OVER") || isLandfallError(error, "CLOSED")) return;
      this.#storeFailed("read", key, error);
      // Others wait for whoever has the turn.
      this.options.env.setTimer(SETTLE_AGAIN_MS, () => {
        if (!this.#closed && !isOver()) this.#perform(effect);
      });
    }
  }

  async #read(effect: Extract<Effect, { type: "read" }>): Promise<void> {
    const { conn, requestId, key, stream, origin, from, to, maxBytes, digests } = effect;
    const answer = { type: "block", conn, requestId, key, firstSeq: from } as const;
    const nothing = { ...answer, count: 0, block: new Uint8Array(0) };
    const { store } = this.options;
    try {
      if (await this.#forks.isFork(effect, digests)) {
        this.#run({ ...nothing, isFork: true });
        return;
      }
      const prepared = (): void => this.#run({ type: "prepared", conn, requestId, key });
      const part = effect.sealed ? await this.#sealed.read(effect, prepared) : undefined;
      if (part === "preparing") {
        this.#run({ type: "preparing", conn, requestId, key });
        return;
      }
      if (part !== undefined) {
        this.#run({ type: "part", conn, requestId, key, ...part });
        return;
      }
      const records = (await store.readOrigin(stream, origin, from as Seq, maxBytes)).slice(0, to - from);
      if (records.length > 0) {
        const block = encodeBlock({ stream, origin, firstSeq: from as Seq, records });
        this.#run({ ...answer, count: records.length, block });
        return;
      }
    } catch (error) {
      this.#storeFailed("read", key, error);
    }
    const hole = await store.holeAt(stream, origin, from as Seq).catch((error: unknown) => {
      this.#storeFailed("read", key, error);
      return undefined;
    });
    this.#run({ ...nothing, hole });
  }

  async #compare({ conn, requestId, key, digests }: Extract<Effect, { type: "compare" }>): Promise<void> {
    try {
      const isFork = await this.#forks.isFork(this.#machine.keys.get(key) as Key, digests);
      this.#run({ type: "compared", conn, requestId, key, isFork });
    } catch (error) {
      this.#storeFailed("compare", key, error);
    }
  }

  async #match({ key, payload }: Extract<Effect, { type: "match" }>): Promise<void> {
    const [shown] = (payload as Batch | undefined)?.records ?? [];
    try {
      const isSame = shown && (await this.#forks.holds(this.#machine.keys.get(key) as Key, shown));
      this.#run({ type: "matched", key, isSame });
    } catch (error) {
      this.#storeFailed("compare", key, error);
      this.#run({ type: "matched", key, isSame: undefined, isUnread: true });
    }
  }

  /** What is stored of one key is stored in order; keys do not wait for each other. */
  #inTurn(key: KeyId, work: () => Promise<void>): void {
    this.#applying.set(key, (this.#applying.get(key) ?? Promise.resolve()).then(work));
  }

  /** Work that is told, whenever it looks, whether what this node brought when the work came up has been given up since. */
  #inTerm(work: (isOver: IsOver) => Promise<void>): () => Promise<void> {
    const term = this.#term;
    return () => work(() => term !== this.#term);
  }

  #enqueueApply(effect: Extract<Effect, { type: "apply" | "stage" }>): void {
    const arrivedAt = this.options.env.monotonic();
    this.#inTurn(
      effect.key,
      this.#inTerm((isOver) => this.#apply(effect, arrivedAt, isOver)),
    );
  }

  async #apply(effect: Extract<Effect, { type: "apply" | "stage" }>, arrivedAt: number, isOver: IsOver): Promise<void> {
    const { conn, key, bytes } = effect;
    const fill = effect.type === "apply" && effect.fill;
    const { env } = this.options;
    let isRefused = isOver() || !this.#counts(key);
    let ok = true;
    let fault: LandfallError | undefined;
    let standsAgain = false;
    try {
      if (isRefused) {
        if (!fill) await this.#sealed.drop(key);
      } else if (effect.type === "stage") {
        await this.#sealed.stage(effect, isOver);
      } else {
        const batch = effect.payload as Batch;
        if (!fill) await this.#sealed.drop(key);
        standsAgain = fill && (await this.#mending.standsAgain(batch));
        if (!standsAgain) await this.options.store.apply(batch);
      }
    } catch (error) {
      ok = false;
      isRefused = isLandfallError(error, "TAKEN_OVER");
      // What is wrong with it is told when the link ends.
      if (isLandfallError(error) && FAULTS.has(error.code) && this.#links.has(conn)) fault = error;
      else if (!isRefused) this.#storeFailed("store", key, error);
    }
    const tookMs = env.monotonic() - arrivedAt;
    this.#run({ type: "applied", conn, key, bytes, ok, fault, fill, standsAgain, isRefused, tookMs });
  }

  /** Asked again before anything is stored: rules may have changed since it came. */
  #counts(key: KeyId): boolean {
    const { stream, origin } = this.#machine.keys.get(key) as Key;
    return siteOfOrigin(origin) === this.#self.site || this.#producers.mayProduce(stream, origin);
  }

  async #note({ key, hole }: Extract<Effect, { type: "note" }>, isOver: IsOver): Promise<void> {
    const names = this.#machine.keys.get(key) as Key;
    if (isOver() || !this.#counts(key)) {
      this.#run({ type: "unnoted", key });
      return;
    }
    try {
      await this.#sealed.drop(key);
      await this.options.store.noteGap(names.stream, names.origin, hole);
    } catch (error) {
      if (!isLandfallError(error, "TAKEN_OVER")) this.#storeFailed("note a gap of", key, error);
      this.#run({ type: "unnoted", key });
    }
  }

  async #digest({ requestId, key, seqs }: Extract<Effect, { type: "digest" }>): Promise<void> {
    let digests: Digest[] = [];
    try {
      digests = await this.#forks.of(this.#machine.keys.get(key) as Key, seqs);
    } catch (error) {
      this.#storeFailed("digest", key, error);
    }
    this.#run({ type: "digested", requestId, digests });
  }

  #reportFork(key: KeyId, peer: string): void {
    if (this.#forked.has(`${key} ${peer}`)) return;
    this.#forked.add(`${key} ${peer}`);
    const message = `${key}: ${peer} holds other records under the same numbers; nothing is taken from it, nor sent to it`;
    this.options.exceptions.report({ code: "FORK", source: "replication", message, detail: { peer } });
  }

  #reportRefuted(key: KeyId, next: number, peer: string): void {
    const message = `${key}: ${peer} says that it holds what this node wrote up to seq ${next}, and cannot show it; it is not believed`;
    this.options.exceptions.report({ code: "PROTOCOL_ERROR", source: "replication", message, detail: { peer } });
  }

  #mended(key: KeyId): void {
    this.#forks.forget();
    for (const met of this.#forked) if (met.startsWith(`${key} `)) this.#forked.delete(met);
  }

  #storeFailed(what: string, key: KeyId, error: unknown): void {
    if (isLandfallError(error, "CLOSED")) return;
    const code = isLandfallError(error) ? error.code : "DISK_FAILED";
    const message = `could not ${what} ${key}: ${error instanceof Error ? error.message : String(error)}`;
    this.options.exceptions.report({ code, source: "replication", message });
  }
}

function openIdentity({ settings, env, exceptions, registry }: ReplicatorOptions): SiteIdentity | undefined {
  const { site, node, replication } = settings;
  if (replication.tls === undefined) return undefined;
  const trouble = (code: string, message: string) => exceptions.report({ code, source: "replication.tls", message });
  const identity = new SiteIdentity({ files: replication.tls, self: { site, node }, env, trouble });
  countCertificate(registry, () => (identity.expiresAt - env.now()) / 1_000);
  return identity;
}
