import { Readable } from "node:stream";
import { hash, verify } from "@node-rs/argon2";
import { describe, expect, it } from "vitest";
import { Attempts } from "../src/auth/attempts.js";
import type { Person } from "../src/auth/person.js";
import { PasswordChecker } from "../src/auth/password-checker.js";
import { crossSiteReason } from "../src/auth/same-origin.js";
import { hqCommand } from "../src/command.js";
import {
  ATTEMPT_WAIT_MS_MAX,
  ATTEMPTS_FREE,
  ATTEMPTS_REMEMBERED_MAX,
  PASSWORD_CHECKS_WAITING_MAX,
} from "../src/limits.js";

describe("failed attempts", () => {
  it("cost nothing at first, then longer and longer, up to a bound", () => {
    const attempts = new Attempts();
    const waits: number[] = [];
    for (let i = 0; i < ATTEMPTS_FREE + 8; i++) {
      attempts.failed("ops", "10.0.0.1", 0);
      waits.push(attempts.waitMs("ops", "10.0.0.1", 0));
    }
    expect(waits.slice(0, ATTEMPTS_FREE)).toEqual(Array(ATTEMPTS_FREE).fill(0));
    expect(waits.slice(ATTEMPTS_FREE)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    expect(attempts.waitMs("ops", "10.0.0.1", ATTEMPT_WAIT_MS_MAX)).toBe(0);
  });

  it("of one address do not count against the same user elsewhere, nor against others there", () => {
    const attempts = new Attempts();
    for (let i = 0; i < 20; i++) attempts.failed("ops", "10.0.0.1", 0);
    expect(attempts.waitMs("ops", "10.0.0.2", 0)).toBe(0);
    expect(attempts.waitMs("ducky", "10.0.0.1", 0)).toBe(0);
    attempts.succeeded("ops", "10.0.0.1");
    expect(attempts.waitMs("ops", "10.0.0.1", 0)).toBe(0);
  });

  it("are remembered of a bounded number", () => {
    const attempts = new Attempts();
    for (let i = 0; i < ATTEMPTS_REMEMBERED_MAX + 10; i++) attempts.failed(`user ${i}`, "10.0.0.1", 0);
    expect(attempts.remembered).toBe(ATTEMPTS_REMEMBERED_MAX);
  });
});

describe("password checks", () => {
  const cheap = { memoryCost: 64, timeCost: 1, parallelism: 1 };
  const from = (address: string) => ({ address, mayTry: () => undefined });
  const anywhere = from("10.0.0.1");
  const peopleOf = (...list: Person[]) => ({
    list: () => list,
    get: (name: string) => list.find((person) => person.name === name),
  });

  it("know who it is, and only with their own password", async () => {
    const user = (name: string, passwordHash: string) => ({ name, passwordHash, groups: [], roles: [] });
    const checker = new PasswordChecker(
      peopleOf(user("a", await hash("one", cheap)), user("b", await hash("two", cheap))),
    );
    expect(await checker.check("a", "one", anywhere)).toMatchObject({ name: "a" });
    expect(await checker.check("a", "two", anywhere)).toBeUndefined();
    expect(await checker.check("c", "one", anywhere)).toBeUndefined();
    expect(await checker.check("__proto__", "one", anywhere)).toBeUndefined();
    expect(await new PasswordChecker(peopleOf()).check("a", "", anywhere)).toBeUndefined();
  });

  it("stand in a bounded queue", async () => {
    const checker = new PasswordChecker(
      peopleOf({ name: "a", passwordHash: await hash("one", cheap), groups: [], roles: [] }),
    );
    const results = await Promise.allSettled(
      Array.from({ length: PASSWORD_CHECKS_WAITING_MAX + 20 }, () => checker.check("a", "one", anywhere)),
    );
    const refused = results.filter(({ status }) => status === "rejected");
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThanOrEqual(20);
    expect(refused[0]).toMatchObject({ reason: { code: "OVERLOADED" } });
    expect(await checker.check("a", "one", anywhere)).toMatchObject({ name: "a" });
  });

  it("of one address, however many, keep nobody out who comes from another", async () => {
    const checker = new PasswordChecker(
      peopleOf({ name: "a", passwordHash: await hash("one", cheap), groups: [], roles: [] }),
    );
    // A single network, whatever the address within it.
    const flood = Array.from({ length: 2 * PASSWORD_CHECKS_WAITING_MAX }, (_, i) =>
      checker.check("a", `guess ${i}`, from(`2001:db8:0:1::${i.toString(16)}`)),
    );
    const honest = checker.check("a", "one", from("2001:db8:0:2::1"));
    let answered = 0;
    for (const guess of flood) void guess.finally(() => answered++).catch(() => undefined);
    expect(await honest).toMatchObject({ name: "a" });
    // Its turn came after those under way, not after all who wait.
    const results = Promise.allSettled(flood);
    expect(answered).toBeLessThan(flood.length);
    expect((await results).filter(({ status }) => status === "rejected").length).toBeGreaterThan(0);
  });
});

describe("requests that another site's page may have sent", () => {
  const reason = (method: string, headers: Record<string, string>) =>
    crossSiteReason(method, { host: "hq.example:8080", ...headers });

  it.each<[string, Record<string, string>]>([
    ["GET", { "sec-fetch-site": "cross-site" }],
    ["POST", {}],
    ["POST", { "sec-fetch-site": "same-origin" }],
    ["POST", { "sec-fetch-site": "none" }],
    ["PUT", { origin: "http://hq.example:8080" }],
    ["PUT", { origin: "https://evil.example", authorization: "Bearer x" }],
  ])("%s %j is let through", (method, headers) => expect(reason(method, headers)).toBeUndefined());

  it.each<[string, Record<string, string>]>([
    ["POST", { "sec-fetch-site": "cross-site" }],
    ["POST", { "sec-fetch-site": "same-site" }],
    ["DELETE", { origin: "https://evil.example" }],
    ["PATCH", { origin: "http://hq.example" }],
    ["POST", { origin: "null" }],
    ["POST", { origin: "" }],
    ["POST", { "sec-fetch-site": "cross-site", origin: "http://hq.example:8080" }],
  ])("%s %j is not", (method, headers) => expect(reason(method, headers)).toBeTypeOf("string"));
});

describe("landfall hq", () => {
  const run = async (args: readonly string[], input = "") => {
    const said = { stdout: "", stderr: "" };
    const to = (name: "stdout" | "stderr") => ({
      write: (text: string | Uint8Array) => {
        said[name] += String(text);
        return true;
      },
    });
    const command = hqCommand({ stdin: Readable.from([input]), stdout: to("stdout"), stderr: to("stderr") });
    for (const each of [command, ...command.commands])
      each.exitOverride().configureOutput({ writeErr: to("stderr").write });
    await command.parseAsync(args, { from: "user" });
    return said;
  };

  it("hash-password hashes the first line of standard input", async () => {
    const { stdout } = await run(["hash-password"], "duck\nrest\n");
    expect(stdout).toMatch(/^\$argon2id\$.*\n$/);
    expect(await verify(stdout.trim(), "duck")).toBe(true);
  });

  it.each(["", "\n", `${"x".repeat(2000)}\n`])("hash-password refuses %j", async (input) => {
    const exitCode = process.exitCode;
    const { stdout, stderr } = await run(["hash-password"], input);
    expect(process.exitCode).toBe(1);
    process.exitCode = exitCode;
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^landfall hq hash-password: .*password/);
  });

  it("wants settings", async () => {
    await expect(run([])).rejects.toMatchObject({ message: expect.stringContaining("--config") as string });
  });
});
