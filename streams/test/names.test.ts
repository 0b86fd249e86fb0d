import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ERROR_CODES, LandfallError, isLandfallError } from "../src/model/errors.js";
import {
  nodeName,
  originId,
  ownerOfStream,
  siteName,
  siteOfOrigin,
  streamName,
  topicName,
} from "../src/model/names.js";
import { testSeed } from "../testing/seeded-random.js";

const seed = testSeed();
const refused = expect.objectContaining({ code: "INVALID_NAME" });

describe("names", () => {
  it("are taken as they are, or refused", () => {
    for (const good of ["bigblue.containers", "port.ausyd.events", "0", "a-b_c.d", "x".repeat(249)]) {
      expect(streamName(good)).toBe(good);
    }
    for (const bad of ["", "Bigblue.x", ".x", "-x", "a b", "a:b", "a/b", "ä", "x".repeat(250), "a\n"]) {
      expect(() => streamName(bad)).toThrow(refused);
    }
    for (const good of ["CSQU3054383", "9321483.position", "booking.CSQU3054383.1700000000000", "tokyo.a"]) {
      expect(topicName(good)).toBe(good);
    }
    for (const bad of ["", ".x", "a b", "a:b", "ä", "x".repeat(256), "a\n"]) {
      expect(() => topicName(bad)).toThrow(refused);
    }
    for (const bad of ["", "Tokyo", "to.kyo", "-a", "x".repeat(64)]) {
      expect(() => siteName(bad)).toThrow(refused);
      expect(() => nodeName(bad)).toThrow(refused);
    }
    for (const bad of ["tokyo", "tokyo.a", "tokyo.a~", "tokyo.a~X", "tokyo~1", "to~kyo.a~1"]) {
      expect(() => originId(bad)).toThrow(refused);
    }
  });

  it(`say in the error what they were, without ever being long (seed ${seed})`, () => {
    fc.assert(
      fc.property(fc.string({ minLength: 300, maxLength: 2_000 }), (text) => {
        try {
          streamName(text);
        } catch (error) {
          expect((error as Error).message.length).toBeLessThan(700);
          return;
        }
        throw new Error("a name of 300 characters was accepted");
      }),
      { seed },
    );
  });

  it("tell whose they are", () => {
    expect(siteOfOrigin(originId("ship-9321483.a~k3x9"))).toBe("ship-9321483");
    expect(ownerOfStream(streamName("duckworks.containers"))).toBe("duckworks");
    expect(ownerOfStream(streamName("duckworks"))).toBe("duckworks");
  });
});

describe("errors", () => {
  it("are told apart by their code, which says how to answer and whether to try again", () => {
    const cause = new Error("what the system said");
    const error = new LandfallError("DISK_FULL", "no space", { cause });
    expect(error).toMatchObject({ retriable: true, httpStatus: 503, cause });
    expect(isLandfallError(error)).toBe(true);
    expect(isLandfallError(error, "DISK_FULL")).toBe(true);
    expect(isLandfallError(error, "DISK_FAILED")).toBe(false);
    expect(isLandfallError(cause)).toBe(false);
    for (const { http } of Object.values(ERROR_CODES)) expect(http).toBeGreaterThanOrEqual(400);
  });
});
