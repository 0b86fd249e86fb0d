import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Frame, GapReason, Refuse_Reason } from "@landfall/proto/gen/landfall/v1/replication";
import type { Message } from "../src/replication/machine-state.js";
import { PROTOCOL_VERSION } from "../src/replication/protocol-version.js";
import { CREDIT_BYTES_MAX, DIGESTS_PER_REQUEST_MAX, PATTERNS_MAX } from "../src/replication/wire-limits.js";
import { TestAuthority } from "../testing/test-authority.js";
import { until } from "../testing/until.js";
import { CONTAINERS, HELLO, Scene, total, type Direction } from "./support/bad-peer-scene.js";

const DIRECTIONS: readonly Direction[] = ["it dials us", "we dial it"];
const ORIGIN = "singapore.a~bad";

let authority: TestAuthority;
let scene: Scene;
beforeAll(async () => {
  authority = await TestAuthority.create();
});
afterAll(() => authority.close());
afterEach(() => scene.close());

interface Lie {
  readonly what: string;
  readonly code: string;
  readonly says: (scene: Scene) => Promise<void> | void;
}

const announce = (holding: object): Message => ({
  $case: "announce",
  value: { holdings: [{ stream: CONTAINERS, origin: ORIGIN, next: 5, distance: 0, holes: [], ...holding }] },
});
const request = (over: object): Message => ({
  $case: "request",
  value: { id: 1, stream: CONTAINERS, origin: ORIGIN, from: 0, to: 0, digests: [], staged: undefined, ...over },
});
const hole = (from: number, to: number) => ({ from, to, reason: GapReason.EXPIRED });
const hello = (over: Partial<typeof HELLO>): Message => ({ $case: "hello", value: { ...HELLO, ...over } });
const ping: Message = { $case: "ping", value: { token: 1 } };
const many = (length: number) => Array.from({ length }, () => "*");

const INSTEAD_OF_HELLO: readonly Lie[] = [
  { what: "a frame before hello", code: "PROTOCOL_ERROR", says: ({ peer }) => peer.send(ping) },
  {
    what: "a version from the future",
    code: "UNSUPPORTED_VERSION",
    says: ({ peer }) => peer.send(hello({ version: PROTOCOL_VERSION + 8, oldestVersion: PROTOCOL_VERSION + 1 })),
  },
  {
    what: "a version that is too old",
    code: "UNSUPPORTED_VERSION",
    says: ({ peer }) => peer.send(hello({ version: 0, oldestVersion: 0 })),
  },
  {
    what: "another site's name under its own certificate",
    code: "CERTIFICATE_REFUSED",
    says: ({ peer }) => peer.send(hello({ site: "sydney" })),
  },
  {
    what: "a site outside the grammar",
    code: "INVALID_NAME",
    says: ({ peer }) => peer.send(hello({ site: "Singapore\ud83d".repeat(40) })),
  },
  {
    what: "a node outside the grammar",
    code: "INVALID_NAME",
    says: ({ peer }) => peer.send(hello({ node: "a\nb" })),
  },
  {
    what: "the name of a link that is as long as a book",
    code: "PROTOCOL_ERROR",
    says: ({ peer }) => peer.send(hello({ link: "x".repeat(1_000_000) })),
  },
  {
    what: "more patterns than anybody has streams",
    code: "PROTOCOL_ERROR",
    says: ({ peer }) => peer.send(hello({ wants: many(PATTERNS_MAX + 1) })),
  },
  {
    what: "a pattern as long as a book",
    code: "PROTOCOL_ERROR",
    says: ({ peer }) => peer.send(hello({ carries: ["*a".repeat(100_000)] })),
  },
];

const AFTER_HELLO: readonly Lie[] = [
  { what: "hello twice", code: "PROTOCOL_ERROR", says: ({ peer }) => peer.send(hello({})) },
  {
    what: "bytes that are no frame",
    code: "PROTOCOL_ERROR",
    says: ({ peer }) => peer.send(Buffer.from("ffffffffffffffffffff", "hex")),
  },
  {
    what: "a number beyond 2^53",
    code: "PROTOCOL_ERROR",
    // A ping, its token 2^64 - 1.
    says: ({ peer }) => peer.send(Buffer.from("4a0b08ffffffffffffffffff01", "hex")),
  },
  {
    what: "an announcement of a stream outside the grammar",
    code: "INVALID_NAME",
    says: ({ peer }) => peer.send(announce({ stream: "../../etc/passwd" })),
  },
  {
    what: "an announcement of an origin outside the grammar",
    code: "INVALID_NAME",
    says: ({ peer }) => peer.send(announce({ origin: "singapore" })),
  },
  {
    what: "an announcement of holes out of order",
    code: "PROTOCOL_ERROR",
    says: ({ peer }) => peer.send(announce({ holes: [hole(3, 4), hole(1, 2)] })),
  },
  {
    what: "an announcement of a hole that ends before it begins",
    code: "PROTOCOL_ERROR",
    says: ({ peer }) => peer.send(announce({ holes: [hole(4, 1)] })),
  },
  {
    what: "a request for a stream outside the grammar",
    code: "INVALID_NAME",
    says: ({ peer }) => peer.send(request({ stream: "Bigblue" })),
  },
  {
    what: "a request that ends before it begins",
    code: "PROTOCOL_ERROR",
    says: ({ peer }) => peer.send(request({ from: 9, to: 3 })),
  },
  {
    what: "a request with more digests than there is to compare",
    code: "PROTOCOL_ERROR",
    says: ({ peer }) => {
      const digests = Array.from({ length: DIGESTS_PER_REQUEST_MAX + 1 }, () => ({ from: 0, to: 1, high: 0, low: 0 }));
      peer.send(request({ digests }));
    },
  },
  {
    what: "a digest of more records than a digest has",
    code: "PROTOCOL_ERROR",
    says: ({ peer }) => peer.send(request({ digests: [{ from: 0, to: 2 ** 50, high: 0, low: 0 }] })),
  },
  {
    what: "a request with a run whose id is a book",
    code: "PROTOCOL_ERROR",
    says: ({ peer }) => peer.send(request({ staged: { run: "x".repeat(10_000), blocks: 1 } })),
  },
  {
    what: "credit beyond all bounds",
    code: "PROTOCOL_ERROR",
    says: ({ peer }) => peer.send({ $case: "credit", value: { bytes: 2 ** 52 } }),
  },
  {
    what: "credit that overflows bit by bit",
    code: "PROTOCOL_ERROR",
    says: ({ peer }) => {
      for (let i = 0; i < 3; i++) peer.send({ $case: "credit", value: { bytes: CREDIT_BYTES_MAX / 2 } });
    },
  },
  {
    what: "an absurd allowance",
    code: "PROTOCOL_ERROR",
    says: ({ peer }) => {
      const value = { bytes: 2 ** 52, alertsOnly: false, bytesPerDay: 2 ** 52, usedBytes: 0 };
      peer.send({ $case: "allowance", value });
    },
  },
  {
    what: "a gap where another seq was next",
    code: "PROTOCOL_ERROR",
    says: async ({ peer }) => {
      const id = await scene.offer(ORIGIN, 5);
      peer.send({ $case: "gap", value: { id, hole: hole(2, 4) } });
    },
  },
  {
    what: "a gap that ends before it begins",
    code: "PROTOCOL_ERROR",
    says: async ({ peer }) => {
      const id = await scene.offer(ORIGIN, 5);
      peer.send({ $case: "gap", value: { id, hole: hole(4, 0) } });
    },
  },
];

describe.each(DIRECTIONS)("U2: a bad peer, %s", (direction) => {
  it.each([
    ...INSTEAD_OF_HELLO.map((lie) => ({ ...lie, greets: false })),
    ...AFTER_HELLO.map((lie) => ({ ...lie, greets: true })),
  ])("$what: refused with $code, recorded, and nobody else is harmed", async ({ code, says, greets }) => {
    scene = await Scene.open({ direction, authority });
    if (greets) await scene.greet();
    await says(scene);
    expect((await scene.peer.ended()).code).toBe(code);
    await scene.isRecorded(code);
    await scene.isUnharmed();
  });
});

describe.each(DIRECTIONS)("U2: a peer that lies within the protocol, %s", (direction) => {
  const stays = async () => {
    await scene.isUnharmed();
    expect(scene.peer.hasEnded).toBe(false);
  };

  it("claims histories that it never sends: what others have of them comes from these", async () => {
    scene = await Scene.open({ direction, authority });
    await scene.greet();
    await scene.offer(ORIGIN, 1_000_000);
    await scene.offer(scene.sydney.store.origin, 1_000_000);
    await scene.write(scene.sydney, 5);
    await until(() => total(scene.tokyo) === total(scene.sydney));
    expect(scene.tokyo.store.vector(CONTAINERS)[ORIGIN as never]).toBeUndefined();
    expect(scene.peer.hasEnded).toBe(false);
  });

  it("claims a history of which nobody else has more, and never sends it: recorded, and asked again later", async () => {
    scene = await Scene.open({ direction, authority });
    await scene.greet();
    const asked = await scene.offer(ORIGIN, 1_000_000);
    const isStopped = () => scene.peer.heard.some((one) => one.$case === "stop" && one.value.id === asked);
    while (!isStopped() && !scene.peer.hasEnded) await scene.pass(5_000);
    await scene.isRecorded("CLAIM_UNMET", /singapore\.a says that it has bigblue\.containers of .* up to seq 1000000/);
    const isAskedAgain = () =>
      scene.peer.heard.some((one) => one.$case === "request" && one.value.origin === ORIGIN && one.value.id !== asked);
    while (!isAskedAgain() && !scene.peer.hasEnded) await scene.pass(5_000);
    await stays();
  });

  it("claims more of this node's own records than there are: not believed, and recorded", async () => {
    scene = await Scene.open({ direction, authority });
    await scene.greet();
    const { origin } = scene.tokyo.store;
    scene.peer.send(announce({ origin, next: 1_000 }));
    const answered = new Set<number>();
    await until(async () => {
      for (const one of scene.peer.heard) {
        if (one.$case !== "request" || answered.has(one.value.id)) continue;
        answered.add(one.value.id);
        scene.peer.send({ $case: "refuse", value: { id: one.value.id, reason: Refuse_Reason.BEHIND } });
      }
      return scene.tokyo.reported.some(({ code }) => code === "PROTOCOL_ERROR");
    });
    await scene.isRecorded("PROTOCOL_ERROR", /it is not believed/);
    // Nor may it make anything expire.
    expect(scene.tokyo.replicator.handedOver(CONTAINERS, origin)).toBeLessThanOrEqual(3);
    expect(scene.tokyo.store.origin).toBe(origin);
    await stays();
  });

  it("says less than it said before: it may have lost its disk, and is taken at its word", async () => {
    scene = await Scene.open({ direction, authority });
    await scene.greet();
    await scene.offer(ORIGIN, 500);
    scene.peer.send(announce({ next: 3 }));
    await stays();
  });

  it("holds another record under the same number: a fork, refused and recorded", async () => {
    scene = await Scene.open({ direction, authority });
    await scene.greet();
    const { origin } = scene.tokyo.store;
    const digests = [{ from: 1, to: 2, high: 1, low: 2 }];
    scene.peer.send(request({ id: 77, origin, from: 2, digests }));
    scene.peer.send({ $case: "credit", value: { bytes: 1_000_000 } });
    expect(await scene.peer.said("refuse")).toEqual({ id: 77, reason: Refuse_Reason.FORK });
    await scene.isRecorded("FORK");
    expect(scene.peer.heard.some(({ $case }) => $case === "data")).toBe(false);
    await stays();
  });

  it("asks for what is not there, and for what nobody has: told so, and nothing is kept of it", async () => {
    scene = await Scene.open({ direction, authority });
    await scene.greet();
    scene.peer.send(request({ id: 5, from: 2 ** 52 }));
    expect(await scene.peer.said("refuse")).toEqual({ id: 5, reason: Refuse_Reason.BEHIND });
    await stays();
  });

  it("speaks of requests that never were, and in kinds of frames that are not known: nobody minds", async () => {
    scene = await Scene.open({ direction, authority });
    await scene.greet();
    const id = 4_711;
    scene.peer.send({ $case: "stopped", value: { id } });
    scene.peer.send({ $case: "refuse", value: { id, reason: Refuse_Reason.UNRECOGNIZED } });
    scene.peer.send({ $case: "gap", value: { id, hole: hole(0, 9) } });
    scene.peer.send({ $case: "stop", value: { id } });
    scene.peer.send({ $case: "pong", value: { token: 2 ** 52 } });
    // Field 500, and one that is empty.
    scene.peer.send(Buffer.from("a21f03010203", "hex"));
    scene.peer.send(new Uint8Array(0));
    expect(await scene.peer.said("stopped")).toEqual({ id });
    await stays();
  });
});

describe("U2: a budget", () => {
  it("whoever sends more than it is lent is refused, and it is recorded", async () => {
    const budget = { bytesPerDay: 10_000_000, alertsPercent: 0 };
    scene = await Scene.open({ direction: "we dial it", authority, link: { class: "satellite", budget } });
    scene.peer.send({ $case: "hello", value: HELLO });
    await scene.peer.said("allowance");
    const holdings = Array.from({ length: 400 }, (_, i) => ({
      stream: CONTAINERS,
      origin: `singapore.a~x${i}`,
      next: 0,
      distance: 0,
      holes: [],
    }));
    scene.peer.send(Frame.encode({ body: { $case: "announce", value: { holdings } } }).finish());
    expect((await scene.peer.ended()).code).toBe("PROTOCOL_ERROR");
    await scene.isRecorded("PROTOCOL_ERROR", /more than the link's budget/);
    await scene.isUnharmed();
  });
});
