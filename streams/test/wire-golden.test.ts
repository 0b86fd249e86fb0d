import { readFileSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Frame, Refuse_Reason } from "@landfall/proto/gen/landfall/v1/replication";
import { PROTOCOL_VERSION, PROTOCOL_VERSION_OLDEST } from "../src/replication/protocol-version.js";
import { checkFrame } from "../src/replication/check-frame.js";
import { TestAuthority } from "../testing/test-authority.js";
import { Scene } from "./support/bad-peer-scene.js";

interface Recorded {
  readonly name: string;
  readonly hex: string;
  readonly frame: object;
}

const FOLDER = new URL("./fixtures/wire/", import.meta.url);
/** Frames as they were written when each file was recorded: `v<version>[-<when>].json`. */
const FILES = readdirSync(FOLDER).map((file) => ({
  file,
  frames: JSON.parse(readFileSync(new URL(file, FOLDER), "utf8")) as readonly Recorded[],
}));
const FRAMES = FILES.flatMap(({ file, frames }) => frames.map((one) => ({ file, ...one })));
/** The last of them: today's code writes the same. */
const NEWEST = FRAMES.filter(({ file }) => file === "v1-2026-11.json");

/** Bytes as text, as the recordings have them. */
const readable = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_key, one: unknown) => (one instanceof Uint8Array ? Buffer.from(one).toString() : one)),
  );

it("there are recorded frames of every version that is still spoken", () => {
  for (let version = PROTOCOL_VERSION_OLDEST; version <= PROTOCOL_VERSION; version++) {
    expect(FILES.some(({ file }) => new RegExp(`^v${version}[.-]`).test(file))).toBe(true);
  }
});

it.each(FRAMES)("today's code reads $name of $file, and takes it", ({ hex, frame }) => {
  const { body } = Frame.decode(new Uint8Array(Buffer.from(hex, "hex")));
  expect(readable(body)).toMatchObject(frame);
  if (body === undefined) throw new Error("a kind of frame that is not known any more");
  checkFrame(body);
});

it.each(NEWEST)("today's code writes $name as it was recorded", ({ hex }) => {
  const bytes = new Uint8Array(Buffer.from(hex, "hex"));
  expect(Buffer.from(Frame.encode(Frame.decode(bytes)).finish()).toString("hex")).toBe(hex);
});

describe("a peer that speaks as the first version did", () => {
  let authority: TestAuthority;
  beforeAll(async () => {
    authority = await TestAuthority.create();
  });
  afterAll(() => authority.close());

  it.each(["it dials us", "we dial it"] as const)("%s: is greeted, served and answered", async (direction) => {
    const scene = await Scene.open({ direction, authority });
    const first = FILES.find(({ file }) => file === "v1.json")?.frames ?? [];
    const say = (name: string): void =>
      scene.peer.send(new Uint8Array(Buffer.from(first.find((one) => one.name === name)?.hex ?? "", "hex")));
    say("a hello");
    for (const name of ["an announcement", "a request", "credit", "a ping", "a stop", "a stopped"]) say(name);
    // It wants settings alone.
    expect(await scene.peer.said("refuse")).toEqual({ id: 7, reason: Refuse_Reason.NOT_FOUND });
    expect(await scene.peer.said("stopped")).toEqual({ id: 7 });
    await scene.peer.said("pong");
    await scene.isUnharmed();
    expect(scene.peer.hasEnded).toBe(false);
    await scene.close();
  });
});
