import { GapReason, Refuse_Reason } from "@landfall/proto/gen/landfall/v1/replication";
import { expect, it } from "vitest";
import { originId, streamName, type OriginId } from "../src/model/names.js";
import { LINK_CLASSES } from "../src/replication/link-classes.js";
import {
  createMachine,
  keyId,
  type Effect,
  type LinkRights,
  type MachineEvent,
} from "../src/replication/machine-state.js";
import { step } from "../src/replication/machine.js";
import { createShare, type Share } from "../src/replication/share.js";
import { ALL_RIGHTS } from "./support/link-rights.js";

const STREAM = streamName("duckworks.containers");
const OWN = originId("ship.a~x");
const REBORN = originId("ship.a~y");
const KEY = keyId(STREAM, OWN);
/** A satellite that does not carry the stream: headquarters tells how far it has it, and shows none of it. */
const SATELLITE = 1;
const PORT = 2;
/** A ship wants nothing of what it wrote back. */
const NOT_WANTED: LinkRights = { ...ALL_RIGHTS, mayRequest: () => false };
const NOT_CARRIED: LinkRights = {
  ...NOT_WANTED,
  maySend: () => false,
  mayProbe: () => false,
  mayBeProbed: () => false,
};

/** A ship whose folder was put back: five records of its own are here; eight had gone ashore, of which three are the same. */
function restoredShip(own = OWN, share?: Share) {
  const machine = createMachine("ship.a", own, share);
  let now = 0;
  const does = (event: MachineEvent): Effect[] => step(machine, event, now);
  const holds = (nextSeq: number) => does({ type: "committed", stream: STREAM, origin: OWN, nextSeq });
  holds(5);
  return {
    machine,
    holds,
    connects: (conn: number, peer: string, rights: LinkRights) => {
      const link = { tuning: LINK_CLASSES.port, rights, sister: false, tellsGaps: true, sealed: false };
      does({ type: "connected", conn, peer, ...link });
    },
    disconnects: (conn: number) => does({ type: "disconnected", conn }),
    isTold: (conn: number, next = 8, holes: { from: number; to: number; reason: GapReason }[] = []) => {
      const holdings = [{ stream: STREAM, origin: OWN, next, distance: 10, holes }];
      return does({ type: "message", conn, message: { $case: "announce", value: { holdings } } });
    },
    ticks: (ms = 100) => {
      now += ms;
      return does({ type: "tick" });
    },
    takesOrigin: (own: OriginId = REBORN) => does({ type: "reincarnated", key: KEY, own }),
    wasRestored: () => does({ type: "restored", origin: OWN }),
    /** The record that was asked for comes. */
    isShown: (seq: number) => {
      const { conn, requestId } = machine.mends.get(KEY)!;
      const record = { firstSeq: seq, count: 1, bytes: 8, payload: `record ${seq}` };
      return does({ type: "data", conn, requestId, ...record });
    },
    /** What is here under this number is what was shown, or something else. */
    matches: (isSame: boolean | undefined) => does({ type: "matched", key: KEY, isSame }),
    cannotRead: () => does({ type: "matched", key: KEY, isSame: undefined, isUnread: true }),
    /** The peer has a gap where it is asked. */
    isToldOfGap: (from: number, to: number) => {
      const { conn, requestId: id } = machine.mends.get(KEY)!;
      const hole = { from, to, reason: GapReason.DAMAGED };
      return does({ type: "message", conn, message: { $case: "gap", value: { id, hole } } });
    },
    rulesChange: (conn: number) => does({ type: "rights", conn }),
    isRefused: (reason: Refuse_Reason) => {
      const { conn, requestId: id } = machine.mends.get(KEY)!;
      return does({ type: "message", conn, message: { $case: "refuse", value: { id, reason } } });
    },
    /** Over which connection it looks for where the histories part. */
    searchesOver: () => {
      const mend = machine.mends.get(KEY);
      return mend?.step === "search" ? mend.conn : undefined;
    },
  };
}

function betweenTwo() {
  const ship = restoredShip();
  ship.connects(SATELLITE, "los-angeles.a", NOT_CARRIED);
  ship.connects(PORT, "tokyo.a", NOT_WANTED);
  return ship;
}

/** It has left the origin, and the port says that it holds as many under it. */
function asManyAtPort() {
  const ship = restoredShip();
  ship.takesOrigin();
  ship.connects(PORT, "tokyo.a", NOT_WANTED);
  ship.isTold(PORT, 5);
  ship.ticks();
  return ship;
}

/** Both can show what they claim. */
function betweenPorts() {
  const ship = restoredShip();
  ship.connects(1, "tokyo.a", NOT_WANTED);
  ship.connects(2, "singapore.a", NOT_WANTED);
  return ship;
}

const ORDERS = [
  ["headquarters first", SATELLITE, PORT],
  ["the port first", PORT, SATELLITE],
] as const;

it.each(ORDERS)("S2: where two claim more of it at once, %s, the one that can show it is asked", (_, first, second) => {
  const ship = betweenTwo();
  ship.isTold(first);
  ship.isTold(second);
  ship.ticks();
  expect(ship.searchesOver()).toBe(PORT);
});

it("S2: a claim that comes while it takes a new origin is looked into afterwards", () => {
  const ship = betweenTwo();
  ship.isTold(SATELLITE);
  expect(ship.ticks()).toContainEqual(expect.objectContaining({ type: "reincarnate", key: KEY }));
  ship.isTold(PORT);
  ship.takesOrigin();
  ship.ticks();
  expect(ship.searchesOver()).toBe(PORT);
});

it("S2: where it took a new origin for a claim alone, nothing is appended again before it was seen where histories part", () => {
  const ship = betweenTwo();
  ship.isTold(SATELLITE);
  ship.ticks();
  // Two that were on their way to the disk.
  ship.holds(7);
  expect(ship.takesOrigin().filter(({ type }) => type === "appendAgain")).toEqual([]);
  ship.isTold(PORT);
  ship.ticks();
  expect(ship.searchesOver()).toBe(PORT);
});

it.each(ORDERS)("S2: also of a former origin the one that can show it is asked, %s", (_, first, second) => {
  const ship = betweenTwo();
  // Because of another stream.
  ship.takesOrigin();
  ship.isTold(first);
  ship.isTold(second);
  ship.ticks();
  expect(ship.searchesOver()).toBe(PORT);
});

it("S2: a former origin that nobody can show yet is looked into when somebody comes who can", () => {
  const ship = restoredShip();
  ship.connects(SATELLITE, "los-angeles.a", NOT_CARRIED);
  ship.takesOrigin();
  ship.isTold(SATELLITE);
  for (let i = 0; i < 20; i++) expect(ship.ticks(10_000).filter(({ type }) => type !== "send")).toEqual([]);
  ship.connects(PORT, "tokyo.a", NOT_WANTED);
  ship.isTold(PORT);
  ship.ticks();
  expect(ship.searchesOver()).toBe(PORT);
});

it("S2: where the connection over which it looks ends, another that claims more is asked", () => {
  const ship = betweenPorts();
  ship.isTold(1);
  ship.ticks();
  expect(ship.searchesOver()).toBe(1);
  ship.isTold(2);
  ship.disconnects(1);
  ship.ticks(10_000);
  expect(ship.searchesOver()).toBe(2);
});

it("S2: where a peer does not show what it claims, another is asked", () => {
  const ship = betweenPorts();
  ship.takesOrigin();
  ship.isTold(1);
  ship.ticks();
  ship.isTold(2);
  ship.isRefused(Refuse_Reason.NOT_FOUND);
  ship.ticks(10_000);
  expect(ship.searchesOver()).toBe(2);
});

it("S2: a peer that has as many records under the former origin may have others, and is asked once", () => {
  const ship = asManyAtPort();
  expect(ship.machine.mends.get(KEY)).toMatchObject({ step: "search", conn: PORT, at: 4 });
  expect(ship.isShown(4)).toContainEqual({ type: "match", key: KEY, seq: 4, payload: "record 4" });
  ship.matches(true);
  ship.isTold(PORT, 5);
  for (let i = 0; i < 20; i++) expect(ship.ticks(10_000).filter(({ type }) => type !== "send")).toEqual([]);
  expect(ship.machine.mends.size + ship.machine.forks.size).toBe(0);
});

it("S2: where it has another last record, that is appended again", () => {
  const ship = asManyAtPort();
  ship.isShown(4);
  expect(ship.matches(false)).toContainEqual({ type: "appendAgain", key: KEY, from: 4 });
});

it("S2: also after a restart, and also of a stream that was told of before the new origin was taken", () => {
  const ship = restoredShip();
  ship.connects(PORT, "tokyo.a", NOT_WANTED);
  ship.isTold(PORT, 5);
  ship.ticks();
  expect(ship.searchesOver()).toBeUndefined();
  ship.takesOrigin();
  ship.ticks();
  expect(ship.searchesOver()).toBe(PORT);

  const again = restoredShip(REBORN);
  again.wasRestored();
  again.connects(PORT, "tokyo.a", NOT_WANTED);
  again.isTold(PORT, 5);
  again.ticks();
  expect(again.searchesOver()).toBe(PORT);
});

it("S2: under a former origin that was not put back, as many records are the same", () => {
  const ship = restoredShip(REBORN);
  ship.connects(PORT, "tokyo.a", NOT_WANTED);
  ship.isTold(PORT, 5);
  ship.ticks();
  expect(ship.searchesOver()).toBeUndefined();
});

const count = (effects: Effect[], type: Effect["type"]): number =>
  effects.filter((effect) => effect.type === type).length;

it("S2: as many are looked into once the peer has no gap there any more", () => {
  const ship = restoredShip();
  ship.takesOrigin();
  ship.connects(PORT, "tokyo.a", NOT_WANTED);
  ship.isTold(PORT, 5, [{ from: 3, to: 4, reason: GapReason.DAMAGED }]);
  ship.ticks();
  expect(ship.searchesOver()).toBeUndefined();
  ship.isTold(PORT, 5);
  ship.ticks();
  expect(ship.searchesOver()).toBe(PORT);
});

it("S2: what the own disk could not read is compared later", () => {
  const ship = asManyAtPort();
  ship.isShown(4);
  ship.cannotRead();
  ship.ticks(10_000);
  expect(ship.searchesOver()).toBe(PORT);
});

it("S2: a gap at the peer where it is asked, and records that were written meanwhile, do not end the search", () => {
  const ship = restoredShip();
  ship.connects(PORT, "tokyo.a", NOT_WANTED);
  ship.isTold(PORT, 1_000);
  ship.ticks();
  expect(ship.machine.mends.get(KEY)).toMatchObject({ step: "search", at: 5 });
  ship.holds(6);
  expect(count(ship.isToldOfGap(5, 7), "match")).toBe(1);
  ship.matches(undefined);
  ship.ticks(10_000);
  expect(ship.machine.mends.get(KEY)).toMatchObject({ step: "search", at: 6 });
});

it("S2: a peer that lacks the record before what it is asked for is no liar; a new origin is taken", () => {
  const ship = restoredShip();
  ship.connects(PORT, "tokyo.a", NOT_WANTED);
  ship.isTold(PORT, 8, [{ from: 3, to: 5, reason: GapReason.DAMAGED }]);
  ship.ticks();
  const done = ship.isRefused(Refuse_Reason.BEHIND);
  expect([count(done, "refuted"), count(done, "reincarnate")]).toEqual([0, 1]);
});

it.each([
  ["alone", false],
  ["while another tells of it, too", true],
])("S2: numbers are not given twice for as long as the one that could show it is silent, %s", (_, hasOther) => {
  const ship = restoredShip();
  ship.connects(PORT, "tokyo.a", NOT_WANTED);
  ship.isTold(PORT, 100_000);
  if (hasOther) ship.connects(SATELLITE, "los-angeles.a", NOT_CARRIED);
  const done: Effect[] = [];
  for (let i = 0; i < 300; i++) {
    if (hasOther) ship.isTold(SATELLITE, 100_000 + i);
    ship.holds(6 + i);
    done.push(...ship.ticks(1_000));
  }
  expect(count(done, "reincarnate")).toBe(1);
});

it("what others say does not make it ask one that is silent more often", () => {
  const asked = [false, true].map((hasOther) => {
    const ship = restoredShip();
    ship.takesOrigin();
    ship.connects(PORT, "tokyo.a", NOT_WANTED);
    ship.isTold(PORT);
    if (hasOther) ship.connects(SATELLITE, "los-angeles.a", NOT_CARRIED);
    const done: Effect[] = [];
    for (let i = 0; i < 600; i++) {
      if (hasOther) ship.isTold(SATELLITE, 8 + i);
      done.push(...ship.ticks(1_000));
    }
    return count(done, "digest");
  });
  expect(asked[0]).toBeGreaterThan(5);
  expect(asked[1]).toBe(asked[0]);
});

it("S2: what rules did not let it see is looked into when they do", () => {
  const ship = restoredShip();
  ship.takesOrigin();
  let may = false;
  ship.connects(PORT, "tokyo.a", { ...NOT_WANTED, mayProbe: () => may });
  ship.isTold(PORT);
  ship.ticks(1_000);
  expect(ship.searchesOver()).toBeUndefined();
  may = true;
  ship.rulesChange(PORT);
  ship.ticks();
  expect(ship.searchesOver()).toBe(PORT);
});

it("S2: so is what it was to compare by asking for it, when it may not ask any more", () => {
  const ship = restoredShip();
  ship.takesOrigin();
  let may = true;
  ship.connects(PORT, "tokyo.a", { ...ALL_RIGHTS, mayRequest: () => may });
  ship.isTold(PORT);
  may = false;
  ship.rulesChange(PORT);
  ship.ticks();
  expect(ship.searchesOver()).toBe(PORT);
});

it.each([
  ["can show it", NOT_WANTED],
  ["cannot", NOT_CARRIED],
])(
  "R2: what a node of a site on a log has not read back is no reason for a new origin, whoever claims it goes away; another %s",
  (_, rights) => {
    const ship = restoredShip(OWN, createShare());
    ship.connects(1, "tokyo.a", NOT_WANTED);
    ship.connects(2, "singapore.a", rights);
    expect(count(ship.isTold(1), "settle")).toBe(1);
    ship.isTold(2);
    ship.disconnects(1);
    const done: Effect[] = [];
    for (let i = 0; i < 100; i++) done.push(...ship.ticks(1_000));
    expect([count(done, "reincarnate"), ship.searchesOver()]).toEqual([0, undefined]);
    // The log is read to its end for what the other one says.
    expect(count(done, "settle")).toBeGreaterThan(0);
  },
);
