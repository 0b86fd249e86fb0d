import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SiteIdentity } from "../src/identity/site-identity.js";
import { streamName, topicName } from "../src/model/names.js";
import type { TimestampMs } from "../src/model/record.js";
import type { TlsSettings } from "../src/settings/node-settings.js";
import { ManualEnv } from "../testing/manual-env.js";
import { TestAuthority } from "../testing/test-authority.js";
import { startTestNode, testSite, type TestNode } from "../testing/test-node.js";
import { until } from "../testing/until.js";

const STREAM = streamName("bigblue.containers");
const SITES = ["tokyo", "sydney", "singapore"].map((site) => testSite(site));

let authority: TestAuthority;
let stranger: TestAuthority;
beforeAll(async () => {
  authority = await TestAuthority.create();
  stranger = await TestAuthority.create("somebody else's authority");
});
afterAll(() => {
  authority.close();
  stranger.close();
});

describe("R8: sites prove who they are with certificates", () => {
  let folder: string;
  const nodes: TestNode[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "landfall-identity-"));
  });
  afterEach(async () => {
    for (const node of nodes.splice(0).reverse()) await node.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(
    site: string,
    tls: TlsSettings | undefined,
    link?: { to: TestNode; expected?: string },
  ): Promise<TestNode> {
    const node = await startTestNode({
      site,
      folder: join(folder, `${site}-${nodes.length}`),
      sites: SITES,
      ...(tls !== undefined && { tls }),
      links: link === undefined ? [] : [linkTo(site, link.to, link.expected ?? link.to.site)],
    });
    nodes.push(node);
    return node;
  }

  const linkTo = (from: string, to: TestNode, site: string) => ({
    id: `${from}~${site}`,
    to: site,
    class: "lan" as const,
    address: `127.0.0.1:${to.replicator.port}`,
    carries: ["*"],
  });

  let written = 0;
  async function write(node: TestNode): Promise<void> {
    const value = Buffer.from(`{"n":${written++}}`);
    await node.store.append(STREAM, [
      { topic: topicName("CSQU3054383"), timestamp: 1_770_000_000_000 as TimestampMs, value, headers: {} },
    ]);
  }
  const total = (node: TestNode) => Object.values(node.store.vector(STREAM)).reduce((sum, next) => sum + next, 0);
  const same = (...all: TestNode[]) => until(() => new Set(all.map(total)).size === 1);

  it("two sites of one authority replicate, and each sees how long the other's certificate is good", async () => {
    const tokyo = await start("tokyo", await authority.issue({ site: "tokyo" }));
    const sydney = await start("sydney", await authority.issue({ site: "sydney", node: "a" }), { to: tokyo });
    await write(tokyo);
    await write(sydney);
    await until(() => total(tokyo) === 2 && total(sydney) === 2);
    expect(sydney.replicator.links()[0]?.certificateExpires).toBe(tokyo.replicator.certificateExpires());
    expect(tokyo.replicator.links()[0]?.certificateExpires).toBe(sydney.replicator.certificateExpires());
    expect([...tokyo.reported, ...sydney.reported]).toEqual([]);
  });

  const own = (site: string) => authority.issue({ site });
  /** A certificate of somebody else's authority, in a site that trusts ours. */
  const foreign = async (site: string) => ({ ...(await stranger.issue({ site })), ca: (await own(`${site}-ca`)).ca });
  const plain = async () => undefined;

  it.each([
    {
      what: "a dialler of another authority",
      listener: () => own("tokyo"),
      dialler: () => foreign("sydney"),
      atListener: /"sydney" has no certificate that an authority of this site issued/,
      atDialler: /the other side says: .*"sydney" has no certificate/,
    },
    {
      what: "a listener of another authority",
      isTrusted: false,
      listener: () => foreign("tokyo"),
      dialler: () => own("sydney"),
      atListener: /left without a word: does it trust this site's certificate/,
      atDialler: /TLS with tokyo at .* failed: unable to verify the first certificate/,
    },
    {
      what: "a dialler whose certificate has expired",
      listener: () => own("tokyo"),
      dialler: () => authority.issue({ site: "sydney" }, { days: -1 }),
      atListener: /has no certificate that an authority of this site issued and that is still good/,
      atDialler: /own certificate has expired at/,
    },
    {
      what: "a listener whose certificate has expired",
      isTrusted: false,
      listener: () => authority.issue({ site: "tokyo" }, { days: -1 }),
      dialler: () => own("sydney"),
      atListener: /own certificate has expired at/,
      atDialler: /TLS with tokyo at .* failed: certificate has expired/,
    },
    {
      what: "a listener that is another site",
      listener: () => own("tokyo"),
      listens: "singapore",
      dialler: () => own("sydney"),
      atListener: /left without a word/,
      atDialler: /expected singapore at .*, but its certificate is of tokyo/,
    },
    {
      what: "a dialler that is not of the fleet",
      listener: () => own("tokyo"),
      dialler: () => own("kobe"),
      dials: "kobe",
      atListener: /"kobe": it is not listed under sites/,
      atDialler: /does not know you/,
    },
    {
      what: "a dialler that speaks plain text",
      listener: () => own("tokyo"),
      dialler: plain,
      atListener: /does not speak TLS as this site wants it/,
      // To a dialler this looks like a ship that has left: told in the status alone.
      atDialler: /nobody answers without TLS/,
    },
    {
      what: "a listener that speaks plain text",
      listener: plain,
      dialler: () => own("sydney"),
      atListener: /connected and left without a word/,
      atDialler: /TLS with tokyo at .* failed: it answers without TLS/,
    },
  ])("refuses $what, says so at both ends, and other links go on", async (given) => {
    const { dials = "sydney", listens = "tokyo" } = given;
    const tls = await given.listener();
    const tokyo = await start("tokyo", tls);
    const refused = await start(dials, await given.dialler(), { to: tokyo, expected: listens });
    const words = (node: TestNode) =>
      [...node.reported.map(({ message }) => message), ...node.replicator.links().map(({ problem }) => problem)].join(
        "\n",
      );
    await until(() => given.atListener.test(words(tokyo)) && given.atDialler.test(words(refused)));
    expect(refused.replicator.links().map(({ state }) => state)).toEqual(["down"]);
    expect(refused.store.streams()).toEqual([]);
    for (const { code } of [...tokyo.reported, ...refused.reported]) {
      expect(["CERTIFICATE_REFUSED", "CERTIFICATE_EXPIRES", "UNAUTHENTICATED", "PROTOCOL_ERROR"]).toContain(code);
    }
    // Who proves itself as the listener wants it, and trusts it, is served as before.
    if (given.isTrusted === false) return;
    const other = await start("singapore", tls === undefined ? undefined : await own("singapore"), { to: tokyo });
    await write(other);
    await same(tokyo, other);
  });

  it("a certificate that is replaced is used from the next connection on, without a cut", async () => {
    const first = await authority.issue({ site: "tokyo" }, { days: 20 });
    const tokyo = await start("tokyo", first);
    const sydney = await start("sydney", await own("sydney"), { to: tokyo });
    await write(tokyo);
    await same(tokyo, sydney);
    const before = sydney.replicator.links()[0]?.certificateExpires;
    await authority.issue({ site: "tokyo" }, { days: 40 });
    await until(() => tokyo.replicator.certificateExpires() !== before);
    await write(tokyo);
    await same(tokyo, sydney);
    expect(sydney.replicator.links()[0]).toMatchObject({ state: "up", certificateExpires: before });
    const singapore = await start("singapore", await own("singapore"), { to: tokyo });
    await until(() => singapore.replicator.links()[0]?.state === "up");
    expect(singapore.replicator.links()[0]?.certificateExpires).toBe(tokyo.replicator.certificateExpires());
    expect([...tokyo.reported, ...sydney.reported, ...singapore.reported]).toEqual([]);
  });

  it.each(["tokyo", "sydney"])("a revocation at %s closes the link, and it stays closed", async (revoking) => {
    const files = { tokyo: await own("tokyo"), sydney: await own("sydney") };
    const tokyo = await start("tokyo", files.tokyo);
    const sydney = await start("sydney", files.sydney, { to: tokyo });
    const singapore = await start("singapore", await own("singapore"), { to: tokyo });
    const up = (node: TestNode) => node.replicator.links().filter(({ state }) => state === "up").length;
    await until(() => up(sydney) === 1 && up(singapore) === 1);
    const isTokyo = revoking === "tokyo";
    const { fingerprint } = isTokyo ? files.sydney : files.tokyo;
    appendFileSync(isTokyo ? files.tokyo.revoked : files.sydney.revoked, `${fingerprint} # stolen\n`);
    const node = isTokyo ? tokyo : sydney;
    // The link that was open, and each that is tried after it.
    await until(() => node.reported.filter(({ message }) => /certificate of .* is revoked/.test(message)).length >= 2);
    expect(up(sydney)).toBe(0);
    await write(tokyo);
    await same(tokyo, singapore);
    expect(total(sydney)).toBe(0);
  });
});

describe("a site's own certificate", () => {
  const NOW = Date.now();
  async function followed(days: number) {
    const files = await authority.issue({ site: "tokyo" }, { days });
    const env = new ManualEnv(NOW);
    const told: string[] = [];
    const self = { site: "tokyo", node: "a" };
    const identity = new SiteIdentity({ files, self, env, trouble: (code, words) => told.push(`${code} ${words}`) });
    identity.start();
    return { files, env, told, identity };
  }

  it("is told of 14 days before it expires, once a day, and when it has", async () => {
    const { env, told } = await followed(16);
    const pass = (days: number) => {
      env.nowMs += days * 86_400_000;
      env.advance(5_000);
    };
    pass(1);
    expect(told).toEqual([]);
    pass(1.5);
    expect(told).toEqual([expect.stringMatching(/^CERTIFICATE_EXPIRES .* expires at/)]);
    pass(0.5);
    expect(told).toHaveLength(1);
    pass(0.5);
    expect(told).toHaveLength(2);
    pass(20);
    expect(told.at(-1)).toMatch(/has expired at/);
  });

  it("stays in force while its files do not fit together, which is told", async () => {
    const { files, env, told, identity } = await followed(30);
    const before = identity.credentials;
    for (const [key, text, why] of [
      ["cert", "not a certificate", /tls.cert, .*cert.pem/],
      ["key", "not a key", /tls.key, .*key.pem/],
      ["ca", "nothing", /tls.ca, .*no certificate in PEM/],
      ["revoked", "# fine\nabc\n", /tls.revoked, .* line 2 is no SHA-256/],
    ] as const) {
      const good = readFileSync(files[key]);
      writeFileSync(files[key], text);
      env.advance(5_000);
      expect(told).toHaveLength(1);
      expect(told.pop()).toMatch(why);
      expect(identity.credentials).toBe(before);
      writeFileSync(files[key], good);
      env.advance(5_000);
    }
    rmSync(files.key);
    env.advance(5_000);
    expect(told.pop()).toMatch(/there is no such file; what was there before stays in force/);
    // Replaced one after the other, as scripts do, within one look: nothing to tell.
    await authority.issue({ site: "tokyo" });
    env.advance(5_000);
    expect(told).toEqual([]);
    expect(identity.credentials).not.toBe(before);
  });

  it.each([
    ["another site's", { site: "sydney" }, /is of landfall:\/\/site\/sydney, want landfall:\/\/site\/tokyo/],
    ["another node's", { site: "tokyo", node: "b" }, /is of landfall:\/\/site\/tokyo\/node\/b/],
  ])("is refused at start when it is %s", async (_what, to, why) => {
    const files = await authority.issue(to, { as: "wrong" });
    const trouble = () => undefined;
    const open = () =>
      new SiteIdentity({ files, self: { site: "tokyo", node: "a" }, env: new ManualEnv(NOW), trouble });
    expect(open).toThrow(
      expect.objectContaining({ code: "INVALID_SETTINGS", message: expect.stringMatching(why) as string }),
    );
  });
});
