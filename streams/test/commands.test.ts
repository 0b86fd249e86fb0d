import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StatusReply } from "@landfall/proto/api";
import { expect, onTestFinished, test } from "vitest";
import { formatStatus } from "../src/commands/status.js";
import { formatBytes, formatCount, formatDuration } from "../src/commands/table.js";
import { findTargets } from "../src/commands/target.js";

test("a node's status for people", () => {
  const reply: StatusReply = {
    kind: "status",
    time: "2026-05-01T12:00:00.000Z",
    site: "tokyo",
    node: "a",
    owner: "bigblue",
    version: "0.1.0",
    uptimeSeconds: 7300,
    links: [
      {
        id: "tokyo~singapore",
        peer: "singapore",
        class: "wan",
        state: "up",
        lastContact: "2026-05-01T11:59:58.000Z",
        roundTripMs: 12.34,
        bytesPerSecond: 4_200,
        recordsPerSecond: 31.5,
        sending: { bytesPerSecond: 4_000, recordsPerSecond: 31.5 },
        receiving: { bytesPerSecond: 200, recordsPerSecond: 0 },
        toSend: 12_345,
        toReceive: 0,
        backlogBytes: 4_900_000,
        secondsToGo: 392,
        budget: { bytesPerDay: 5_000_000, usedBytes: 3_800_000, leftBytes: 1_200_000 },
        certificateExpires: "2027-05-01T12:00:00.000Z",
      },
      {
        id: "duckworks~tokyo",
        peer: "duckworks",
        class: "wan",
        state: "down",
        problem: "nobody answers with TLS at 10.0.0.7:9101",
        bytesPerSecond: 0,
        recordsPerSecond: 0,
        toSend: 0,
        toReceive: 0,
      },
    ],
    shared: { nodes: ["tokyo.b", "tokyo.c"], asksFor: 17 },
    notHandedOver: 3,
    store: {
      recordsAppended: 5,
      recordsApplied: 9,
      bytesOnDisk: 4_200_000,
      topics: 1_234,
      streams: 8,
      failed: "DISK_FULL: no space left for journal-7.log",
    },
    rssBytes: 1,
    notReady: ["store: DISK_FULL"],
    peers: [{ site: "singapore", class: "wan", lastContact: "2026-05-01T11:50:00.000Z", lacks: 12_345, ahead: 0 }],
    notHandedOverStreams: [],
    rules: [],
  };
  expect(formatStatus(reply)).toBe(
    [
      "tokyo.a · NOT READY · up 2 h · 1,234 topics in 8 streams, 4.2 MB · 3 still to hand over · log in Kafka, shared with tokyo.b and tokyo.c, asks for 17 histories · 0.1.0",
      "  store: DISK_FULL",
      "  DISK_FULL: no space left for journal-7.log",
      "LINK             TO         CLASS  STATE  ROUND TRIP  TO SEND  TO RECEIVE  BACKLOG  TIME TO GO  RECORDS/S  SENT/S  RECEIVED/S  BUDGET LEFT     LAST CONTACT  CERTIFICATE",
      "tokyo~singapore  singapore  wan    up        12.3 ms   12,345           0   4.9 MB  7 min            31.5    4 kB       200 B  1.2 MB of 5 MB  2 s ago       365 d",
      "duckworks~tokyo  duckworks  wan    down            -        0           0        -  -                   0       -           -  -               never         -",
      "  duckworks~tokyo: nobody answers with TLS at 10.0.0.7:9101",
      "PEER       CLASS   LACKS  AHEAD  LAST CONTACT",
      "singapore  wan    12,345      0  10 min ago",
      "",
    ].join("\n"),
  );
});

test("numbers for people", () => {
  expect([0, 999, 1_000, 1_234_567, 5e12].map(formatBytes)).toEqual(["0 B", "999 B", "1 kB", "1.2 MB", "5,000 GB"]);
  expect([-1, 0, 89, 90, 5_399, 5_400, 129_599, 129_600].map(formatDuration)).toEqual([
    "0 s",
    "0 s",
    "89 s",
    "2 min",
    "90 min",
    "2 h",
    "36 h",
    "2 d",
  ]);
  expect(formatCount(1_234.56)).toBe("1,234.6");
});

test("where a node is found", () => {
  const data = mkdtempSync(join(tmpdir(), "landfall-access-"));
  onTestFinished(() => rmSync(data, { recursive: true, force: true }));
  const file = join(data, "access.json");
  expect(() => findTargets({ data })).toThrow(/no demo here.*access\.json/);
  writeFileSync(file, '{"nodes": [{"site": 1}]}');
  expect(() => findTargets({ data })).toThrow(/not what the demo writes/);
  writeFileSync(file, "{");
  expect(() => findTargets({ data })).toThrow(/not what the demo writes/);
  const nodes = [
    { site: "tokyo", url: "http://127.0.0.1:8101/", token: "t1" },
    { site: "sydney", url: "http://127.0.0.1:8103" },
  ];
  writeFileSync(file, JSON.stringify({ nodes }));
  expect(findTargets({ data })).toEqual([
    { label: "tokyo", url: "http://127.0.0.1:8101", token: "t1" },
    { label: "sydney", url: "http://127.0.0.1:8103" },
  ]);
  expect(findTargets({ data, site: "sydney", token: "mine" })).toEqual([
    { label: "sydney", url: "http://127.0.0.1:8103", token: "mine" },
  ]);
  expect(() => findTargets({ data, site: "kobe" })).toThrow(/no site kobe, only tokyo, sydney/);
  expect(() => findTargets({ data, url: "localhost:8101" })).toThrow(/not an address/);
  expect(findTargets({ data, url: "http://h:1/" })).toEqual([{ label: "http://h:1/", url: "http://h:1" }]);
});
