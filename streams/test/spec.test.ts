import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { FAULTS } from "./crash/faults.js";

const ROOT = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(fileURLToPath(new URL(path, ROOT)), "utf8");
const PROMISES = ["S1-6", "O1-4", "R1-8", "I1-1", "A1-4", "U1-2"].flatMap((range) => {
  const last = Number(range.slice(3));
  return Array.from({ length: last }, (_, i) => `${range.slice(0, 1)}${i + 1}`);
});

describe("SPEC.md", () => {
  const spec = read("streams/SPEC.md");
  const chapters = new Map(
    spec
      .split(/^### /m)
      .slice(1)
      .map((chapter) => [chapter.slice(0, chapter.indexOf(" ")), chapter]),
  );

  it("has every promise, and for each a proof or the words that it is not kept yet", () => {
    expect([...chapters.keys()]).toEqual(PROMISES);
    for (const [name, chapter] of chapters) {
      expect(`${name}: ${/_Proved by_|_Not yet\.?_/.test(chapter)}`).toBe(`${name}: true`);
    }
  });

  it("S1: has as many kinds of fault as are tested", () => {
    expect(chapters.get("S1")).toContain(`each of ${Object.keys(FAULTS).length} kinds of fault`);
  });

  it("cites tests that are there and cite it", () => {
    let proofs = 0;
    for (const [name, chapter] of chapters) {
      const proof = /_Proved by_([\s\S]*?)(?=\n- |\n\n|$)/.exec(chapter)?.[1] ?? "";
      const files = Array.from(proof.matchAll(/`([\w./-]+\.ts)`/g), ([, path]) => path as string);
      proofs += files.length;
      const missing = files.filter((path) => !existsSync(new URL(path, ROOT)));
      expect(`${name}: ${missing.join()}`).toBe(`${name}: `);
      const cited = files.some((path) => new RegExp(`\\b${name}\\b`).test(read(path)));
      expect(`${name}: ${files.length === 0 || cited}`).toBe(`${name}: true`);
    }
    expect(proofs).toBeGreaterThan(PROMISES.length);
  });
});
