import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeIntegers } from "../src/codec/integers.js";
import { decodeValues } from "../src/codec/values.js";

const V1 = new URL("./fixtures/v1/", import.meta.url);

function json(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, V1), "utf8"));
}

/** Written once by version 1 and never again: what lies on the disks of the fleet must open for ever. */
describe("packed by version 1", () => {
  it("values open", () => {
    const { timestamps, values } = json("codec-values.json") as { timestamps: number[]; values: string[] };
    const packed = readFileSync(new URL("codec-values.bin", V1));
    expect(decodeValues(packed, timestamps).map((value) => Buffer.from(value).toString())).toEqual(values);
  });

  it("integers open", () => {
    for (const { values, packed } of json("codec-integers.json") as { values: number[]; packed: string }[]) {
      expect([...decodeIntegers(Buffer.from(packed, "base64"), values.length)]).toEqual(values);
    }
  });
});
