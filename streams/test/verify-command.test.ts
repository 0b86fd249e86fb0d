import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { systemEnv } from "../src/env.js";
import { openEmbeddedStore } from "../src/store/embedded-store.js";
import { CONTAINERS, reading } from "../testing/store-fixture.js";
import type { OriginId } from "../src/model/names.js";
import type { EmbeddedStore } from "../src/store/embedded-store.js";
import type { FolderReport } from "../src/store/verify-folder.js";

const LANDFALL = fileURLToPath(new URL("../../bin/landfall.mjs", import.meta.url));
const RECORDS = 40;

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `landfall verify …`, as a shell would run it. */
function verify(...args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [LANDFALL, "verify", ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "landfall-verify-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const open = (folder: string): Promise<EmbeddedStore> =>
  openEmbeddedStore({ folder, site: "tokyo", node: "a", env: systemEnv });

/** A folder with one sealed run and one journal, closed. Returns the name of the segment, and whose the records are. */
async function fill(folder: string): Promise<{ segment: string; origin: OriginId }> {
  const store = await open(folder);
  await store.append(
    CONTAINERS,
    Array.from({ length: RECORDS }, (_, i) => reading(`t${i % 7}`, `${i}`)),
  );
  await store.sealNow();
  await store.append(CONTAINERS, [reading("t1", "not sealed")]);
  await store.close();
  const [segment = "", ...others] = readdirSync(folder).filter((name) => name.endsWith(".lfs"));
  expect(others).toEqual([]);
  return { segment, origin: store.origin };
}

test("S3: a folder that is whole", async () => {
  const folder = newFolder();
  await fill(folder);
  // One after the other: each has the folder to itself.
  const [text, json] = [await verify(folder), await verify(folder, "--json")];
  expect(text).toMatchObject({ code: 0, stderr: "" });
  const lines = text.stdout.split("\n");
  expect(lines[0]).toMatch(/^.*: 41 records in 1 journals and 1 runs of 1 segments, [\d.]+ k?B$/);
  expect(lines.slice(1)).toEqual(["  nothing is wrong", ""]);
  expect(json).toMatchObject({ code: 0, stderr: "" });
  const report = JSON.parse(json.stdout) as FolderReport;
  expect(report).toEqual({
    journals: 1,
    segments: 1,
    runs: 1,
    records: RECORDS + 1,
    bytes: report.bytes,
    findings: [],
  });
});

test("S3: what is wrong, where, and what was repaired", async () => {
  const folder = newFolder();
  const { segment, origin } = await fill(folder);
  const path = join(folder, segment);
  const bytes = readFileSync(path);
  bytes[60] = (bytes[60] as number) ^ 4;
  writeFileSync(path, bytes);
  writeFileSync(join(folder, "segment-00000099.lfs"), "");
  const run = String.raw`  ${segment} at byte 16: bigblue\.containers, tokyo\.a~\w+, seqs 0 to 39: .+`;
  const leftover = String.raw`  segment-00000099\.lfs at byte 0: left over by a crash \(no manifest names it\); harmless`;

  const [text, json] = [await verify(folder), await verify(folder, "--json")];
  expect(text).toMatchObject({ code: 1, stderr: "" });
  expect(text.stdout).toMatch(new RegExp(`^.*\n${run}\n${leftover}\n$`));
  expect(json.code).toBe(1);
  expect((JSON.parse(json.stdout) as FolderReport).findings).toEqual([
    { file: segment, at: 16, what: expect.any(String), harmless: false },
    { file: "segment-00000099.lfs", at: 0, what: expect.any(String), harmless: true },
  ]);

  const repaired = await verify(folder, "--repair");
  expect(repaired).toMatchObject({ code: 0, stderr: "" });
  expect(repaired.stdout).toMatch(
    new RegExp(`^.*\n${run} \\(marked: peers are asked for it\\)\n${leftover} \\(removed\\)\n$`),
  );
  expect(readdirSync(folder)).not.toContain("segment-00000099.lfs");
  // What it said is true: the node lacks the run, and so asks its peers for it.
  const store = await open(folder);
  expect(store.vector(CONTAINERS)[origin] ?? 0).toBe(0);
  await store.close();
});

test("U2: what is no data folder, or belongs to a process that runs, is one line of error", async () => {
  const [empty, used] = [newFolder(), newFolder()];
  const store = await open(used);
  const folders = [empty, join(empty, "nowhere"), used];
  const outcomes = await Promise.all(folders.map((folder) => verify(folder, "--repair")));
  await store.close();
  expect(outcomes.map(({ code, stdout }) => [code, stdout])).toEqual(folders.map(() => [1, ""]));
  const [noData, nowhere, inUse] = outcomes.map(({ stderr }) => stderr);
  expect(noData).toMatch(/^landfall verify: .* is no data folder.*\n$/);
  expect(nowhere).toMatch(/^landfall verify: .* is no data folder.*\n$/);
  expect(inUse).toMatch(new RegExp(`^landfall verify: .* is in use by process ${process.pid}\\b.*\n$`));
});
