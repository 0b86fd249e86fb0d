import { describe, expect, it } from "vitest";
import { originId, streamName } from "../src/model/names.js";
import type { Seq } from "../src/model/record.js";
import { LINK_CLASSES } from "../src/replication/link-classes.js";
import { step } from "../src/replication/machine.js";
import { createMachine, keyId, type Effect, type LinkRights } from "../src/replication/machine-state.js";

const STREAM = streamName("bigblue.containers");
const ORIGIN = originId("tokyo.a~x");
const KEY = keyId(STREAM, ORIGIN);
const [SYDNEY, SINGAPORE] = [1, 2];

const RIGHTS: LinkRights = {
  maySend: () => true,
  mayRequest: () => true,
  mayProbe: () => true,
  mayBeProbed: () => true,
  mayAnnounce: () => true,
  mayBelieve: () => true,
  urgency: () => 0,
};

describe("what comes without having been asked for", () => {
  it("R8: the filling of a gap is taken from the peer that was asked for it, and from no other", () => {
    const machine = createMachine("los-angeles.a", originId("los-angeles.a~y"));
    const connected = { tuning: LINK_CLASSES.wan, rights: RIGHTS, sister: false, tellsGaps: true, sealed: false };
    for (const [conn, peer] of [
      [SYDNEY, "sydney.a"],
      [SINGAPORE, "singapore.a"],
    ] as const) {
      step(machine, { type: "connected", conn, peer, ...connected }, 0);
    }
    const holes = [{ from: 2 as Seq, to: 5 as Seq, reason: "missed" as const }];
    step(machine, { type: "holes", stream: STREAM, origin: ORIGIN, nextSeq: 9, holes }, 0);
    const holdings = [{ stream: STREAM, origin: ORIGIN, next: 9, distance: 10, holes: [] }];
    step(machine, { type: "message", conn: SYDNEY, message: { $case: "announce", value: { holdings } } }, 0);
    step(machine, { type: "tick" }, 100);
    const fill = machine.fills.get(KEY);
    expect(fill).toMatchObject({ conn: SYDNEY, next: 2, to: 5 });

    const data = { requestId: fill?.requestId as number, firstSeq: 2, count: 3, bytes: 100, payload: "forged" };
    const forged = step(machine, { type: "data", conn: SINGAPORE, ...data }, 200);
    expect(forged.map(kind)).toEqual(["close"]);
    const asked = step(machine, { type: "data", conn: SYDNEY, ...data, payload: "true" }, 300);
    expect(asked.map(kind)).toEqual(["apply"]);
  });
});

function kind({ type }: Effect): string {
  return type;
}
