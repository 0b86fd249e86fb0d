import { seededRandom, testSeed } from "@landfall/streams/testing/seeded-random";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startMesh, type Mesh, type MeshLink } from "../support/mesh.js";
import { MeshCheck } from "../support/mesh-check.js";
import { MeshLoad } from "../support/mesh-load.js";
import { MeshTrouble } from "../support/mesh-trouble.js";

/** Bounds the test to well under a minute; `npm run soak` goes on for longer. */
const TROUBLES = 6;
const SEED = testSeed(4_711);
/** Each of some twenty starts of a process may take its time on a machine that is busy with others. */
const TEST_MS = 600_000;

describe(`a mesh of four sites with loops, over lines that lose packets (seed ${SEED})`, { timeout: TEST_MS }, () => {
  let mesh: Mesh;
  let load: MeshLoad;

  beforeAll(async () => {
    mesh = await startMesh(SEED);
    load = new MeshLoad(mesh, 4);
  }, TEST_MS);
  afterAll(async () => {
    await load?.close();
    await mesh?.close();
  });

  it("R1, R2, R3, R4, R5, S1: cuts, half-open links and kill -9, also of both ends in the middle of a transfer, lose nothing and double nothing", async () => {
    const trouble = new MeshTrouble(mesh, load, seededRandom(SEED), (what) => console.log(what));
    for (let i = 0; i < TROUBLES; i++) await trouble.next();
    const { backlog, there } = await trouble.killInTransfer(mesh.links[0] as MeshLink);
    expect(there).toBeGreaterThan(0);
    expect(there).toBeLessThan(backlog);
    trouble.heal();
    await load.pause();
    const verdict = await new MeshCheck(mesh).verify(load.published);
    expect({ ...verdict, received: undefined }).toEqual({
      lost: [],
      doubled: [],
      different: [],
      received: undefined,
      receivedTwice: 0,
    });
    expect(verdict.received).toBeGreaterThan(0);
  });
});
