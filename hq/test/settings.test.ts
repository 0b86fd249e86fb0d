import { loadNodeSettings } from "@landfall/streams/settings/node-settings-schema";
import { describe, expect, it } from "vitest";
import { checkHqSettings, HqSettingsSchema, type HqSettings } from "../src/settings.js";
import { hqSettings } from "./support/settings.js";

const load = async (change: (settings: HqSettings) => object) => {
  const settings = await hqSettings("/tmp/nowhere");
  return loadNodeSettings(HqSettingsSchema, {
    env: {},
    overrides: { ...settings, ...change(settings) },
    check: checkHqSettings,
  });
};

describe("settings of a headquarters", () => {
  it("have defaults for everything but people", async () => {
    const { web: _web, sessionHours: _hours, users: _users, ...given } = await hqSettings("/tmp/nowhere");
    const settings = loadNodeSettings(HqSettingsSchema, { env: {}, overrides: given, check: checkHqSettings });
    expect(settings).toMatchObject({ sessionHours: 24, users: [] });
    expect(settings.web).toMatch(/web[\\/]dist$/);
    expect(settings).not.toHaveProperty("demo");
  });

  it("name a server of tiles, or none; also from the environment", async () => {
    const given = await hqSettings("/tmp/nowhere");
    const env = {
      LANDFALL_MAP_TILES_URL: "http://127.0.0.1:9000/sea/{z}/{x}/{y}{r}.png?v=2",
      LANDFALL_MAP_TILES_ATTRIBUTION: "© Harbour Office",
    };
    expect(
      loadNodeSettings(HqSettingsSchema, { env: {}, overrides: given, check: checkHqSettings }).map,
    ).toBeUndefined();
    expect(loadNodeSettings(HqSettingsSchema, { env, overrides: given, check: checkHqSettings }).map).toEqual({
      tiles: { url: env.LANDFALL_MAP_TILES_URL, attribution: "© Harbour Office", maxZoom: 19 },
    });
  });

  it.each<[string, (settings: HqSettings) => object, RegExp]>([
    [
      "a name that is there twice",
      ({ users }) => ({ users: [users[0], users[0]] }),
      /users\[1\]\.name ops is there twice/,
    ],
    [
      "a password instead of its hash",
      ({ users: [user] }) => ({ users: [{ ...user, passwordHash: "landfall" }] }),
      /passwordHash.*hash-password/,
    ],
    [
      "half a hash",
      ({ users: [user] }) => ({ users: [{ ...user, passwordHash: "$argon2id$v=19$m=64" }] }),
      /users\[0\]\.passwordHash is no argon2 hash/,
    ],
    ["a simulator without an address", () => ({ simulation: { url: "8099" } }), /simulation/],
    [
      "tiles without a place for the zoom",
      () => ({ map: { tiles: { url: "https://tiles.example/{x}/{y}.png", attribution: "us" } } }),
      /map\.tiles\.url is "https:\/\/tiles\.example\/\{x\}\/\{y\}\.png", want an http or https address with \{z\}/,
    ],
    ...[
      "ftp://tiles.example/{z}/{x}/{y}.png",
      "https://{s}.tiles.example/{z}/{x}/{y}.png",
      "https://me:secret@tiles.example/{z}/{x}/{y}.png",
      "https://tiles.example/{z}/{x}/{y}.png?key={key}",
      "https://tiles.example;script-src/{z}/{x}/{y}.png",
      "https://tiles.example:99999/{z}/{x}/{y}.png",
      "//tiles.example/{z}/{x}/{y}.png",
    ].map((url): [string, () => object, RegExp] => [
      `tiles at ${url}`,
      () => ({ map: { tiles: { url, attribution: "us" } } }),
      /map\.tiles\.url/,
    ]),
    [
      "tiles of nobody",
      () => ({ map: { tiles: { url: "https://tiles.example/{z}/{x}/{y}.png" } } }),
      /map\.tiles\.attribution is missing/,
    ],
    ["a key that nobody knows", () => ({ sesionHours: 3 }), /sesionHours/],
  ])("%s is named", async (_what, change, message) => {
    await expect(load(change)).rejects.toMatchObject({
      code: "INVALID_SETTINGS",
      message: expect.stringMatching(message) as string,
    });
    await expect(load(change)).rejects.not.toMatchObject({ message: expect.stringContaining('landfall"') as string });
  });
});
