import { GapReason } from "@landfall/proto/gen/landfall/v1/replication";
import { beforeEach, describe, expect, it } from "vitest";
import { originId, siteOfOrigin, streamName, type OriginId, type StreamName } from "../src/model/names.js";
import type { Hole } from "../src/model/gap.js";
import type { Seq } from "../src/model/record.js";
import { tuningOf } from "../src/replication/link-classes.js";
import {
  createMachine,
  keyId,
  type Effect,
  type LinkRights,
  type MachineEvent,
  type MachineState,
} from "../src/replication/machine-state.js";
import { step } from "../src/replication/machine.js";

const STREAM = streamName("duckworks.containers");
const GOOD = originId("ship.a~1");
const BAD = originId("stranger.a~1");
const PEER = 1;
const RUN = { id: "r", from: 0 as Seq, to: 300 as Seq, count: 300, blocks: 2, bytes: 9, rawBytes: 9, packed: true };

/** Sites that may produce, and peers that may relay, as rules of a test have it. */
class Rules {
  readonly producers = new Set(["ship"]);
  relays = true;
  readonly rights: LinkRights = {
    maySend: (_stream, origin) => this.counts(origin),
    mayRequest: (_stream, origin) => this.counts(origin) && this.relays,
    mayProbe: () => true,
    mayBeProbed: () => true,
    mayAnnounce: (_stream, origin) => this.counts(origin),
    mayBelieve: (_stream, origin) => this.counts(origin),
    urgency: () => 0,
  };

  private counts(origin: OriginId): boolean {
    return this.producers.has(siteOfOrigin(origin));
  }
}

describe("R8: the machine takes in nothing of an origin that may not produce", () => {
  let state: MachineState;
  let rules: Rules;
  let now: number;

  const event = (given: MachineEvent): Effect[] => step(state, given, (now += 1_000));
  const message = (body: Extract<MachineEvent, { type: "message" }>["message"]) =>
    event({ type: "message", conn: PEER, message: body });
  const announce = (origin: OriginId, next: number, stream: StreamName = STREAM) =>
    message({ $case: "announce", value: { holdings: [{ stream, origin, next, distance: 5, holes: [] }] } });
  const sent = (effects: Effect[]) => effects.flatMap((one) => (one.type === "send" ? [one.message] : []));
  const requests = (effects: Effect[]) => sent(effects).flatMap((one) => (one.$case === "request" ? [one.value] : []));
  /** What would reach the store. */
  const stored = (effects: Effect[]) => effects.filter(({ type }) => ["apply", "stage", "note"].includes(type));
  const data = (requestId: number, firstSeq: number, count: number) =>
    event({ type: "data", conn: PEER, requestId, firstSeq, count, bytes: 100, payload: "block" });
  const later = (ticks = 200) => Array.from({ length: ticks }, () => event({ type: "tick" })).flat();

  beforeEach(() => {
    now = 0;
    state = createMachine("tokyo.a", originId("tokyo.a~1"));
    rules = new Rules();
    event({
      type: "connected",
      conn: PEER,
      peer: "duckworks.a",
      sister: false,
      tuning: tuningOf("wan", false),
      rights: rules.rights,
      tellsGaps: true,
      sealed: true,
    });
  });

  it("announcements: refused once, never asked for, and no key is made of them; others go on", () => {
    expect(announce(BAD, 10)).toEqual([{ type: "refused", conn: PEER, names: { stream: STREAM, origin: BAD } }]);
    expect(announce(BAD, 20)).toEqual([]);
    expect(requests(announce(GOOD, 10))).toMatchObject([{ origin: GOOD, from: 0 }]);
    expect(requests(later())).toEqual([]);
    expect(state.keys.has(keyId(STREAM, BAD))).toBe(false);
  });

  it("data and sealed runs that were asked for before rules changed are not taken in", () => {
    const [request] = requests(announce(GOOD, 500));
    const id = request?.id ?? 0;
    expect(stored(data(id, 0, 10))).toHaveLength(1);
    rules.producers.clear();
    expect(sent(event({ type: "rights", conn: PEER }))).toMatchObject([{ $case: "stop", value: { id } }]);
    expect(stored(data(id, 10, 10))).toEqual([]);
    const part = { conn: PEER, requestId: id, run: { ...RUN, from: 20 as Seq }, bytes: 9, payload: "blocks" };
    expect(stored(event({ type: "sealed", first: 0, next: 2, ...part }))).toEqual([]);
    const hole = { from: 10, to: 500, reason: GapReason.EXPIRED };
    expect(stored(message({ $case: "gap", value: { id, hole } }))).toEqual([]);
    expect(stored(later())).toEqual([]);
  });

  it("what had come and was not on disk is given up with the rule, and asked for anew with the next", () => {
    const [request] = requests(announce(GOOD, 500));
    data(request?.id ?? 0, 0, 10);
    rules.producers.clear();
    event({ type: "rights", conn: PEER });
    const answer = {
      type: "applied",
      conn: PEER,
      key: keyId(STREAM, GOOD),
      bytes: 100,
      fill: false,
      tookMs: 1,
    } as const;
    expect(event({ ...answer, ok: true, isRefused: true }).filter(({ type }) => type === "close")).toEqual([]);
    message({ $case: "stopped", value: { id: request?.id ?? 0 } });
    expect(requests(later(5))).toEqual([]);
    rules.producers.add("ship");
    expect(requests(event({ type: "rights", conn: PEER }))).toMatchObject([{ origin: GOOD, from: 0 }]);
  });

  it("gaps: a hole that a refused history is said to have is not noted", () => {
    rules.producers.clear();
    const holes = [{ from: 0, to: 5, reason: GapReason.EXPIRED }];
    message({
      $case: "announce",
      value: { holdings: [{ stream: STREAM, origin: GOOD, next: 9, distance: 5, holes }] },
    });
    expect(stored(later())).toEqual([]);
  });

  it("fills: a gap of a refused history is not filled, and one under way stops", () => {
    const hole: Hole = { from: 2 as Seq, to: 6 as Seq, reason: "missed" };
    const held = { type: "holes", stream: STREAM, origin: GOOD, nextSeq: 10, holes: [hole] } as const;
    event(held);
    announce(GOOD, 10);
    const [digest] = later(1).filter((one) => one.type === "digest");
    expect(digest).toBeDefined();
    const fill = state.fills.get(keyId(STREAM, GOOD));
    expect(fill).toMatchObject({ next: 2, to: 6 });
    rules.producers.clear();
    event({ type: "rights", conn: PEER });
    expect(stored(data(fill?.requestId ?? 0, 2, 4))).toEqual([]);
    expect(state.fills.size).toBe(0);
    expect(later().filter((one) => one.type === "digest")).toEqual([]);
    rules.producers.add("ship");
    event({ type: "rights", conn: PEER });
    expect(state.fills.get(keyId(STREAM, GOOD))).toMatchObject({ next: 2, to: 6, state: "active" });
  });

  it("forks: who claims more of a refused history starts nothing", () => {
    const former = originId("tokyo.a~0");
    event({ type: "committed", stream: STREAM, origin: former, nextSeq: 3 });
    announce(former, 10);
    expect(state.forks.size + state.mends.size).toBe(0);
    rules.producers.add("tokyo");
    event({ type: "rights", conn: PEER });
    later(2);
    expect(state.sources.has(keyId(STREAM, former))).toBe(true);
  });

  it("what this site holds of a refused history it tells nobody, and serves to nobody", () => {
    event({ type: "committed", stream: STREAM, origin: BAD, nextSeq: 3 });
    expect(sent(later(5))).toEqual([]);
    const asked = { id: 7, stream: STREAM, origin: BAD, from: 0, to: 0, digests: [], staged: undefined };
    expect(sent(message({ $case: "request", value: asked }))).toMatchObject([{ $case: "refuse", value: { id: 7 } }]);
    rules.producers.add("stranger");
    expect(sent(event({ type: "rights", conn: PEER }))).toMatchObject([{ $case: "announce" }]);
  });

  it("who may not relay is listened to and asked for nothing of others: neither records, nor holes, nor fills", () => {
    rules.relays = false;
    expect(announce(GOOD, 10)).toEqual([]);
    expect(requests(later())).toEqual([]);
    event({
      type: "holes",
      stream: STREAM,
      origin: GOOD,
      nextSeq: 5,
      holes: [{ from: 0 as Seq, to: 2 as Seq, reason: "missed" }],
    });
    expect([...requests(later()), ...state.fills]).toEqual([]);
    rules.relays = true;
    event({ type: "rights", conn: PEER });
    later(2);
    expect(state.sources.get(keyId(STREAM, GOOD))?.conn).toBe(PEER);
  });
});
