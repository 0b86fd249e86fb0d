import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Type } from "typebox";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeToken } from "../src/commands/make-token.js";
import { isLandfallError, type LandfallError } from "../src/model/errors.js";
import { loadSettings } from "../src/settings/load.js";
import { loadNodeSettings, NodeSettingsSchema, PathText } from "../src/settings/node-settings-schema.js";
import type { NodeSettings } from "../src/settings/node-settings.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "landfall-settings-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(text: string): string {
  const path = join(folder, "node.yaml");
  writeFileSync(path, text);
  return path;
}

const MINIMAL = `
site: tokyo
data: ./data/tokyo
http: { port: 8101 }
replication:
  token: tokyo-secret
sites:
  - { site: tokyo, kind: port, name: Port of Tokyo, owner: bigblue, locode: JPTYO }
  - { site: ship-9321483, kind: ship, name: Big Blue Hyacinth, owner: bigblue, imo: 9321483 }
`;

function problemsOf(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    expect(isLandfallError(error, "INVALID_SETTINGS")).toBe(true);
    return (error as LandfallError).message.split("\n").map((line) => line.trim().replace(`${folder}/`, ""));
  }
  throw new Error("the settings were accepted");
}

describe("node settings", () => {
  test("a token stands as its hash, or in plain text where nobody can guess it", () => {
    const { token, tokenSha256 } = makeToken();
    const load = (entry: object) =>
      loadNodeSettings(NodeSettingsSchema, {
        file: file(`${MINIMAL}tokens:\n  - ${JSON.stringify({ user: "ops", ...entry })}\n`),
      });
    expect(load({ tokenSha256 }).tokens).toMatchObject([{ tokenSha256, user: "ops" }]);
    expect(load({ token }).tokens).toMatchObject([{ token }]);
    const wanted = '"npx landfall token make" makes one, and its hash for tokenSha256';
    const short = "tokens[0].token is in plain text and has 11 characters, so that it can be guessed";
    expect(problemsOf(() => load({ token: "ops-token-1" }))).toEqual([
      "the settings are not valid",
      `node.yaml:11:19: ${short}: want a random one of 22 or more. ${wanted}`,
    ]);
    expect(problemsOf(() => load({}))[1]).toContain("tokens[0] has no token, want tokenSha256");
    expect(problemsOf(() => load({ token, tokenSha256 }))[1]).toContain("tokens[0] has two, want tokenSha256");
    const wrong = problemsOf(() => load({ tokenSha256: "abc" }))[1];
    expect(wrong).toContain("the SHA-256 of the token: 64 hexadecimal digits");
  });

  test("over a satellite the audit goes only by its own name", () => {
    const link = (carries: readonly string[]) => () =>
      loadNodeSettings(NodeSettingsSchema, {
        file: file(
          `${MINIMAL}links:\n  - ${JSON.stringify({ id: "s", to: "ship-9321483", class: "satellite", address: "127.0.0.1:1", carries })}\n`,
        ),
      });
    expect(problemsOf(link(["*.alerts", "bigblue.*"]))[1]).toContain(
      'links[0].carries has bigblue.*, which takes the audit along, want streams by their names, and "*.audit" among them',
    );
    expect(link(["*.alerts", "bigblue.ships", "*.audit"])().links).toHaveLength(1);
  });

  test("a minimal file gets the defaults, and its folder is where relative paths start", () => {
    const settings: NodeSettings = loadNodeSettings(NodeSettingsSchema, { file: file(MINIMAL) });
    expect(settings).toEqual({
      site: "tokyo",
      node: "a",
      data: join(folder, "data/tokyo"),
      http: { host: "127.0.0.1", port: 8101 },
      replication: { token: "tokyo-secret", wants: [] },
      links: [],
      sites: [
        { site: "tokyo", kind: "port", name: "Port of Tokyo", owner: "bigblue", locode: "JPTYO", groups: [] },
        {
          site: "ship-9321483",
          kind: "ship",
          name: "Big Blue Hyacinth",
          owner: "bigblue",
          imo: "9321483",
          groups: [],
        },
      ],
      access: [],
      retention: [
        { stream: "*.latest", minutes: 10, compact: true },
        { stream: "*.metrics", days: 30 },
        { stream: "*.exceptions", days: 90 },
        { stream: "*.audit", days: 400 },
      ],
      diskPercentMax: 90,
      tokens: [],
      metricsSeconds: 10,
      logLevel: "info",
    });
  });

  test("variables win over the file, overrides over both", () => {
    const settings = loadNodeSettings(NodeSettingsSchema, {
      file: file(MINIMAL),
      env: {
        LANDFALL_HTTP_PORT: "9000",
        LANDFALL_HTTP_HOST: "0.0.0.0",
        LANDFALL_METRICS_SECONDS: "2.5",
        LANDFALL_REPLICATION_WANTS: "bigblue.*, port.*",
        LANDFALL_ACCESS: '[{ stream: "*", read: p }]',
        LANDFALL_DATA: "elsewhere",
      },
      overrides: { http: { port: 9001, host: undefined }, logLevel: "warn" },
    });
    expect(settings.http).toEqual({ host: "0.0.0.0", port: 9001 });
    expect(settings.metricsSeconds).toBe(2.5);
    expect(settings.replication).toEqual({ token: "tokyo-secret", wants: ["bigblue.*", "port.*"] });
    expect(settings.access).toEqual([{ stream: "*", read: "p" }]);
    expect(settings.logLevel).toBe("warn");
    expect(settings.data).toBe(join(process.cwd(), "elsewhere"));
  });

  test("a rule of retention sets a limit, and one age", () => {
    const rules = `retention:
  - { stream: "*.metrics", days: 7, megabytes: 500 }
  - { stream: "*.latest", days: 1, minutes: 10 }
  - { stream: "*.alerts" }
  - { stream: "*", days: -1 }
`;
    const load = (text: string) => loadNodeSettings(NodeSettingsSchema, { file: file(MINIMAL + text) });
    expect(problemsOf(() => load(rules)).slice(1)).toEqual([
      "node.yaml:14:20: retention[3].days is -1, want a number of 0.01 or more",
    ]);
    expect(problemsOf(() => load(rules.replace("-1", "1"))).slice(1)).toEqual([
      "node.yaml:12:27: retention[1] has minutes and days, want one of them",
      "node.yaml:13:5: retention[2] sets no limit, want minutes, days, megabytes or compact",
    ]);
  });

  test("every problem is listed with its place, what it is and what is wanted", () => {
    const lines = problemsOf(() =>
      loadNodeSettings(NodeSettingsSchema, {
        file: file(`site: Tokyo
data: d
htpp: { port: 1 }
http:
  port: eighty
  hots: x
replication: { listen: 9101, token: short }
links:
  - { id: a, to: b, class: dialup, address: "127.0.0.1:1", carries: "*.alerts" }
sites: []
logLevel: loud
metricsSeconds: 0
slot: 2000
`),
        env: { LANDFALL_NODE: "B!" },
        overrides: { http: { host: "" } },
      }),
    );
    expect(lines).toEqual([
      "the settings are not valid",
      `node.yaml:3:1: htpp is not a setting, did you mean http?`,
      `node.yaml:1:1: site is "Tokyo", want the name of a site: lower-case letters, digits and '-', e.g. tokyo`,
      `LANDFALL_NODE: node is "B!", want the name of a node: lower-case letters, digits and '-', e.g. a`,
      "node.yaml:13:1: slot is 2000, want a whole number from 0 to 1023",
      "node.yaml:6:3: http.hots is not a setting, did you mean host?",
      `command line: http.host is "", want text of at least 1 character`,
      `node.yaml:5:3: http.port is "eighty", want a whole number from 0 to 65535`,
      `node.yaml:7:16: replication.listen is "9101", want host:port, e.g. 127.0.0.1:9101`,
      "node.yaml:7:30: replication.token is not acceptable (not shown), want a secret of at least 8 characters",
      `node.yaml:9:21: links[0].class is "dialup", want one of lan, wan, port, satellite`,
      `node.yaml:9:60: links[0].carries is "*.alerts", want a list`,
      "node.yaml:10:1: sites is an empty list, want a list of at least 1 entry",
      "node.yaml:12:1: metricsSeconds is 0, want a number from 0.1 to 3600",
      `node.yaml:11:1: logLevel is "loud", want one of debug, info, warn, error, silent`,
    ]);
  });

  test("what is missing is named with the place of what should hold it", () => {
    const lines = problemsOf(() => loadNodeSettings(NodeSettingsSchema, { file: file("site: tokyo\nhttp: {}\n") }));
    expect(lines.slice(1).toSorted()).toEqual([
      "node.yaml:1:1: data is missing, want text of at least 1 character",
      "node.yaml:1:1: sites is missing, want a list of at least 1 entry",
      "node.yaml:2:1: http.port is missing, want a whole number from 0 to 65535",
    ]);
  });

  test("what does not fit together is named too", () => {
    const lines = problemsOf(() =>
      loadNodeSettings(NodeSettingsSchema, {
        file: file(`site: kobe
data: d
http: { port: 1 }
replication: { token: kobe-secret }
links:
  - { id: l, to: nowhere, class: wan, address: "127.0.0.1:1" }
  - { id: l, to: tokyo, class: wan, address: "127.0.0.1:1" }
  - { id: m, to: tokyo, class: satellite, address: "127.0.0.1:1" }
  - { id: n, to: tokyo, class: port, address: "127.0.0.1:1", budget: { bytesPerDay: 5000000, shared: antenna } }
  - { id: o, to: tokyo, class: port, address: "127.0.0.1:1", budget: { bytesPerDay: 6000000, shared: antenna } }
sites:
  - { site: tokyo, kind: port, name: T, owner: bigblue, locode: Tokyo }
  - { site: tokyo, kind: ship, name: T, owner: bigblue, imo: 9321484 }
`),
      }),
    );
    expect(lines.slice(1)).toEqual([
      expect.stringMatching(/^node\.yaml:12:57: sites\[0\]\.locode: "Tokyo" is not a UN\/LOCODE/),
      "node.yaml:13:7: sites[1].site tokyo is there twice",
      expect.stringMatching(/^node\.yaml:13:57: sites\[1\]\.imo: "9321484" has check digit 4/),
      "node.yaml:1:1: site is kobe, want one of those listed under sites: tokyo",
      `node.yaml:8:5: links[2].carries is everything, want the streams that may cross a satellite, e.g. ["*.alerts", "*.latest"]`,
      "node.yaml:10:62: links[4].budget differs from that of other links that share antenna",
      "node.yaml:6:14: links[0].to is nowhere, want one of those listed under sites",
      "node.yaml:7:7: links[1].id l is there twice",
    ]);
  });

  test("nodes of one site list each other, and dial each other by name over lan", () => {
    const load = (rest: string) =>
      loadNodeSettings(NodeSettingsSchema, {
        file: file(`site: tokyo
node: b
data: d
http: { port: 1 }
replication: { token: a-secret }
sites: [{ site: tokyo, kind: port, name: T, owner: bigblue, locode: JPTYO }]
${rest}
`),
      });
    const good = "links: [{ id: l, to: tokyo, node: a, class: lan, address: 127.0.0.1:1 }]\ncluster: { nodes: [a, b] }";
    expect(load(good).cluster).toEqual({ nodes: ["a", "b"], ack: "local" });
    const wrong = (rest: string) => problemsOf(() => load(rest)).slice(1);
    expect(
      wrong(`cluster: { nodes: [a, c, a], ack: all }
links:
  - { id: k, to: tokyo, class: lan, address: 127.0.0.1:1 }`),
    ).toEqual(['node.yaml:7:30: cluster.ack is "all", want one of local, quorum']);
    expect(
      wrong(`cluster: { nodes: [a, c, a] }
links:
  - { id: k, to: tokyo, class: lan, address: "127.0.0.1:1" }
  - { id: l, to: tokyo, node: b, class: wan, address: "127.0.0.1:1" }
  - { id: m, to: tokyo, node: c, class: lan, address: "127.0.0.1:1" }`),
    ).toEqual([
      "node.yaml:7:12: cluster.nodes is a, c, a, want this node too: b",
      "node.yaml:7:26: cluster.nodes[2] a is there twice",
      "node.yaml:9:14: links[0].to is tokyo, which is this site itself: want node, one of the others of cluster.nodes: a, c",
      "node.yaml:10:25: links[1].node is b, want node, one of the others of cluster.nodes: a, c",
      "node.yaml:10:34: links[1].class is wan, want lan between nodes of one site",
      "node.yaml:7:12: cluster.nodes has a: no link dials a, and without replication.listen a cannot dial this node",
    ]);
    expect(wrong("links: [{ id: k, to: tokyo, class: lan, address: 127.0.0.1:1 }]")).toEqual([
      "node.yaml:7:18: links[0].to is tokyo, which is this site itself: want cluster.nodes, and node, one of the others",
    ]);
  });

  test("a token proves a site over loopback alone; with TLS, files are relative to the settings", () => {
    const load = (replication: string, address: string) =>
      loadNodeSettings(NodeSettingsSchema, {
        file: file(`site: tokyo
data: d
http: { port: 1 }
replication: ${replication}
links: [{ id: l, to: kobe, class: wan, address: "${address}" }]
sites:
  - { site: tokyo, kind: port, name: T, owner: bigblue }
  - { site: kobe, kind: port, name: K, owner: bigblue }
`),
      });
    const tls = "tls: { ca: ca.pem, cert: tokyo/cert.pem, key: tokyo/key.pem }";
    expect(load(`{ ${tls} }`, "kobe.example:9101").replication.tls).toEqual({
      ca: join(folder, "ca.pem"),
      cert: join(folder, "tokyo", "cert.pem"),
      key: join(folder, "tokyo", "key.pem"),
    });
    for (const address of ["127.0.0.1:1", "localhost:1", "[::1]:1"]) load("{ token: tokyo-secret }", address);
    for (const [replication, address, problem] of [
      [
        "{ token: tokyo-secret }",
        "10.0.0.7:1",
        /^node.yaml:5:.* links\[0\].address is 10.0.0.7:1, which only mutual TLS/,
      ],
      ["{ token: tokyo-secret }", "127.evil.example:1", /which only mutual TLS/],
      [
        '{ token: tokyo-secret, listen: "0.0.0.0:1" }',
        "127.0.0.1:1",
        /^node.yaml:4:.* replication.listen is 0.0.0.0:1, which/,
      ],
      ["{ wants: [] }", "127.0.0.1:1", /^node.yaml:4:.* replication.tls is missing/],
      [`{ ${tls}, token: tokyo-secret }`, "127.0.0.1:1", /replication.token stands beside replication.tls/],
    ] as const) {
      expect(problemsOf(() => load(replication, address)).slice(1)).toEqual([expect.stringMatching(problem)]);
    }
  });

  test("a file that is not there, not YAML, a list, or has a key twice", () => {
    expect(problemsOf(() => loadNodeSettings(NodeSettingsSchema, { file: join(folder, "no.yaml") }))).toEqual([
      "cannot read the settings file no.yaml: there is no such file",
    ]);
    expect(
      problemsOf(() => loadNodeSettings(NodeSettingsSchema, { file: file("site: [tokyo\ndata: x\n") }))[1],
    ).toMatch(/^node\.yaml:2:1: /);
    expect(problemsOf(() => loadNodeSettings(NodeSettingsSchema, { file: file("- a\n") }))[1]).toMatch(
      /^node\.yaml:1:1: want keys/,
    );
    expect(problemsOf(() => loadNodeSettings(NodeSettingsSchema, { file: file("site: a\nsite: b\n") }))[1]).toMatch(
      /^node\.yaml:2:1: .*unique/,
    );
  });

  test("a misspelt variable is told, a foreign one is not", () => {
    const warnings: string[] = [];
    loadNodeSettings(NodeSettingsSchema, {
      file: file(MINIMAL),
      env: { LANDFALL_HTTP_PROT: "1", LANDFALL_SERVICE_HOST_OF_A_CLUSTER: "10.0.0.1", PATH: "/bin" },
      warn: (message) => warnings.push(message),
    });
    expect(warnings).toEqual(["LANDFALL_HTTP_PROT is not a setting, did you mean LANDFALL_HTTP_PORT?"]);
  });
});

describe("a service's own schema", () => {
  const schema = Type.Object({
    ...NodeSettingsSchema.properties,
    web: Type.Optional(PathText),
    mqtt: Type.Object({
      port: Type.Integer({ default: 1883 }),
      maxClients: Type.Integer({ default: 10 }),
      tls: Type.Optional(Type.Object({ certFile: PathText, keyFile: PathText })),
    }),
    pace: Type.Record(Type.String(), Type.Number({ minimum: 0 }), { default: {} }),
  });

  test("a group of defaults may be left out, an optional group stays out", () => {
    const settings = loadNodeSettings(schema, { file: file(MINIMAL) });
    expect(settings.mqtt).toEqual({ port: 1883, maxClients: 10 });
    expect("web" in settings).toBe(false);
  });

  test("camelCase words are parted in variables; groups can be given key by key", () => {
    const settings = loadNodeSettings(schema, {
      file: file(MINIMAL),
      env: {
        LANDFALL_MQTT_MAX_CLIENTS: "99",
        LANDFALL_MQTT_TLS_CERT_FILE: "/c.pem",
        LANDFALL_MQTT_TLS_KEY_FILE: "/k.pem",
        LANDFALL_PACE: "{ ship: 2 }",
      },
    });
    expect(settings.mqtt).toEqual({ port: 1883, maxClients: 99, tls: { certFile: "/c.pem", keyFile: "/k.pem" } });
    expect(settings.pace).toEqual({ ship: 2 });
  });

  test("its own checks run after the schema's", () => {
    const lines = problemsOf(() =>
      loadNodeSettings(schema, {
        file: file(`${MINIMAL}mqtt: { port: 8101 }\n`),
        check(settings, report) {
          if (settings.mqtt.port === settings.http.port) report(["mqtt", "port"], "mqtt.port is http.port too");
        },
      }),
    );
    expect(lines).toEqual(["the settings are not valid", "node.yaml:10:9: mqtt.port is http.port too"]);
  });

  test("settings without a file come from variables and overrides", () => {
    const small = Type.Object({ name: Type.String(), count: Type.Integer({ default: 3 }) });
    expect(loadSettings(small, { env: { LANDFALL_NAME: "07" } })).toEqual({ name: "07", count: 3 });
    expect(problemsOf(() => loadSettings(small, { env: { LANDFALL_COUNT: "x" } }))).toEqual([
      "the settings are not valid",
      "settings: name is missing, want text",
      `LANDFALL_COUNT: count is "x", want a whole number`,
    ]);
  });
});
