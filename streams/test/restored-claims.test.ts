import { Refuse_Reason } from "@landfall/proto/gen/landfall/v1/replication";
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
function restoredShip(own = OWN) {
  const machine = createMachine("ship.a", own);
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
    isTold: (conn: number, next = 8) => {
      const holdings = [{ stream: STREAM, origin: OWN, next, distance: 10, holes: [] }];
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
    matches: (isSame: boolean) => does({ type: "matched", key: KEY, isSame }),
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
  const ship = restoredShip();
  ship.connects(1, "tokyo.a", NOT_WANTED);
  ship.connects(2, "singapore.a", NOT_WANTED);
  ship.isTold(1);
  ship.ticks();
  expect(ship.searchesOver()).toBe(1);
  ship.isTold(2);
  ship.disconnects(1);
  ship.ticks(10_000);
  expect(ship.searchesOver()).toBe(2);
});

it("S2: where a peer does not show what it claims, another is asked", () => {
  const ship = restoredShip();
  ship.takesOrigin();
  ship.connects(1, "tokyo.a", NOT_WANTED);
  ship.connects(2, "singapore.a", NOT_WANTED);
  ship.isTold(1);
  ship.ticks();
  ship.isTold(2);
  ship.isRefused(Refuse_Reason.NOT_FOUND);
  ship.ticks(10_000);
  expect(ship.searchesOver()).toBe(2);
});

it("S2: a peer that has as many records under the former origin may have others, and is asked once", () => {
  const ship = restoredShip();
  ship.takesOrigin();
  ship.connects(PORT, "tokyo.a", NOT_WANTED);
  ship.isTold(PORT, 5);
  ship.ticks();
  expect(ship.machine.mends.get(KEY)).toMatchObject({ step: "search", conn: PORT, at: 4 });
  expect(ship.isShown(4)).toContainEqual({ type: "match", key: KEY, seq: 4, payload: "record 4" });
  ship.matches(true);
  ship.isTold(PORT, 5);
  for (let i = 0; i < 20; i++) expect(ship.ticks(10_000).filter(({ type }) => type !== "send")).toEqual([]);
  expect(ship.machine.mends.size + ship.machine.forks.size).toBe(0);
});

it("S2: where it has another last record, that is appended again", () => {
  const ship = restoredShip();
  ship.takesOrigin();
  ship.connects(PORT, "tokyo.a", NOT_WANTED);
  ship.isTold(PORT, 5);
  ship.ticks();
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
