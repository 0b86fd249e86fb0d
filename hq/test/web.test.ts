import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestHq } from "./support/test-hq.js";

describe("the built map", () => {
  let hq: TestHq;
  beforeAll(async () => {
    hq = await TestHq.start();
  });
  afterAll(() => hq.close());

  it("is the page of every path that is no file and not the API's", async () => {
    for (const path of ["/", "/containers/CSQU3054383", "/apiary", "/a/b/c?x=1"]) {
      const answer = await hq.ask(path);
      expect(answer.status, path).toBe(200);
      expect(answer.headers.get("content-type")).toMatch(/^text\/html/);
      expect(answer.headers.get("cache-control")).toBe("no-cache");
      expect(answer.text).toContain("<title>Map</title>");
    }
  });

  it("has assets that may be kept for ever by their names", async () => {
    const asset = await hq.ask("/assets/index-B1gBlue0.js");
    expect(asset.status).toBe(200);
    expect(asset.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(asset.headers.get("content-type")).toMatch(/javascript/);
  });

  it("goes out as it was packed when it was built, to whoever can unpack it", async () => {
    const path = "/assets/index-B1gBlue0.js";
    const [packed, plain] = await Promise.all(
      ["br", "identity"].map((encoding) => hq.ask(path, { headers: { "accept-encoding": encoding } })),
    );
    expect(packed?.headers.get("content-encoding")).toBe("br");
    expect(plain?.headers.get("content-encoding")).toBeNull();
    expect(packed?.text).toBe(plain?.text);
    for (const answer of [packed, plain]) {
      expect(answer?.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
      expect(answer?.headers.get("content-type")).toMatch(/javascript/);
      expect(answer?.headers.get("vary")).toMatch(/accept-encoding/i);
    }
  });

  it.each([
    "/assets/missing.js",
    "/api/unknown",
    "/api",
    "/api/",
    "/..%2f..%2fpackage.json",
    "/%2e%2e/support/settings.ts",
    "/assets/%00.js",
  ])("%s is not there", async (path) => {
    const answer = await hq.ask(path);
    expect([400, 404]).toContain(answer.status);
    expect(answer.headers.get("content-type")).toMatch(/^application\/problem\+json/);
  });

  it("runs no scripts but its own and is in nobody's frame", async () => {
    const policy = (await hq.ask("/")).headers.get("content-security-policy") ?? "";
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/https?:|script-src[^;]*unsafe/);
    expect((await hq.ask("/")).headers.get("strict-transport-security")).toBeNull();
    expect((await hq.ask("/api/session")).headers.get("content-security-policy")).toBe(policy);
  });

  it("lets browsers ask the tile server of the settings, and nobody else, and tells whoever is signed in of it", async () => {
    const tiles = { url: "https://tiles.example:8443/{z}/{x}/{y}.png", attribution: "© Harbour Office", maxZoom: 12 };
    const policyOf = async (at: TestHq): Promise<string[]> =>
      ((await at.ask("/")).headers.get("content-security-policy") ?? "").split(";");
    const plain = await policyOf(hq);
    expect(plain).toContain("img-src 'self' data:");
    expect((await hq.ask("/api/session", { as: "ops" })).json()).not.toHaveProperty("tiles");
    const tiled = await TestHq.start({ settings: { map: { tiles } } });
    try {
      expect(await policyOf(tiled)).toEqual(
        plain.map((line) => (line.startsWith("img-src") ? `${line} https://tiles.example:8443` : line)),
      );
      expect((await tiled.ask("/api/session", { as: "ducky" })).json()).toMatchObject({ tiles });
      expect((await tiled.ask("/api/session")).text).not.toContain("tiles.example");
    } finally {
      await tiled.close();
    }
  });

  it("that was not built says how to build it", async () => {
    const empty = await mkdtemp(join(tmpdir(), "landfall-web-"));
    const bare = await TestHq.start({ settings: { web: join(empty, "missing") } });
    try {
      const answer = await bare.ask("/");
      expect(answer.status).toBe(503);
      expect(answer.text).toContain("npm run build");
      expect((await bare.ask("/healthz")).status).toBe(200);
    } finally {
      await bare.close();
      await rm(empty, { recursive: true });
    }
  });
});
