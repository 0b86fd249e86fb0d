import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { streamName, topicName } from "../../src/model/names.js";
import type { TimestampMs } from "../../src/model/record.js";
import { createNode, type NodeOptions } from "../../src/node/create-node.js";
import type { LandfallNode } from "../../src/node/node.js";
import type { NodeSettings } from "../../src/settings/node-settings.js";

/** Tokens of the test node, by who holds them. */
export const TOKENS = { ops: "ops-token-1", ducky: "ducky-token-1", admin: "admin-token-1" } as const;

export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "landfall-node-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function testSettings(overrides: Partial<NodeSettings> = {}): NodeSettings {
  return {
    site: "tokyo",
    node: "a",
    data: overrides.data ?? testFolder(),
    http: { host: "127.0.0.1", port: 0 },
    replication: { token: "tokyo-secret", wants: ["*"] },
    links: [],
    sites: [{ site: "tokyo", kind: "port", name: "Port of Tokyo", owner: "bigblue", groups: ["bigblue-sites"] }],
    access: [
      { stream: "bigblue.*", read: "g:bigblue-ops" },
      { stream: "duckworks.*", read: "g:bigblue-ops | g:duckworks" },
      { stream: "public.*", read: "p" },
    ],
    tokens: [
      { token: TOKENS.ops, user: "ops", groups: ["bigblue-ops"], roles: [] },
      { token: TOKENS.ducky, user: "ducky", groups: ["duckworks"], roles: [] },
      { token: TOKENS.admin, user: "root", groups: [], roles: ["admin"] },
    ],
    retention: [],
    diskPercentMax: 100,
    metricsSeconds: 3600,
    logLevel: "silent",
    ...overrides,
  };
}

export interface TestNode extends LandfallNode {
  readonly url: string;
  /** Appends one record of text, or of bytes. */
  put(stream: string, topic: string, value: string | Uint8Array, time?: number): Promise<void>;
  /** A request with the token of one of the known users; without one, anonymous. */
  ask(path: string, options?: { as?: keyof typeof TOKENS; body?: unknown; method?: string }): Promise<Response>;
}

/** A started node on a free port, closed when the test is finished. */
export async function startTestNode(
  overrides: Partial<NodeSettings> = {},
  options: NodeOptions = {},
): Promise<TestNode> {
  const node = await createNode(testSettings(overrides), options);
  onTestFinished(() => node.close());
  await node.start();
  const url = node.http.listeningOrigin;
  return Object.assign(node, {
    url,
    async put(stream: string, topic: string, value: string | Uint8Array, time = 1_700_000_000_000) {
      const bytes = typeof value === "string" ? Buffer.from(value) : value;
      await node.store.append(streamName(stream), [
        { topic: topicName(topic), timestamp: time as TimestampMs, value: bytes },
      ]);
    },
    ask(path: string, { as, body, method }: Parameters<TestNode["ask"]>[1] = {}) {
      return fetch(url + path, {
        method: method ?? (body === undefined ? "GET" : "POST"),
        ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
        headers: {
          ...(body !== undefined && { "content-type": "application/json" }),
          ...(as && { authorization: `Bearer ${TOKENS[as]}` }),
        },
      });
    },
  });
}
