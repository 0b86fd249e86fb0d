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
    ["a key that nobody knows", () => ({ sesionHours: 3 }), /sesionHours/],
  ])("%s is named", async (_what, change, message) => {
    await expect(load(change)).rejects.toMatchObject({
      code: "INVALID_SETTINGS",
      message: expect.stringMatching(message) as string,
    });
    await expect(load(change)).rejects.not.toMatchObject({ message: expect.stringContaining('landfall"') as string });
  });
});
