import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test, vi } from "vitest";

const LANDFALL = fileURLToPath(new URL("../../bin/landfall.mjs", import.meta.url));

interface Run {
  readonly child: ChildProcess;
  /** Address of the node, once its log says that it is up. */
  readonly up: Promise<string>;
  readonly ended: Promise<{ code: number | null; signal: string | null; stdout: string; stderr: string }>;
}

/** Starts `landfall …` as a shell would, and kills it when the test is over. */
function landfall(args: readonly string[], env: Record<string, string> = {}): Run {
  const child = spawn(process.execPath, [LANDFALL, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { PATH: process.env["PATH"], ...env },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const exit = once(child, "exit") as Promise<[number | null, string | null]>;
  const output = Promise.all([text(child.stdout), text(child.stderr)]);
  const up = new Promise<string>((resolve, reject) => {
    let seen = "";
    child.stdout.on("data", (chunk: Buffer) => {
      seen += chunk.toString();
      const line = seen.split("\n").find((candidate) => candidate.includes("node is up"));
      if (line !== undefined) resolve((JSON.parse(line) as { http: string }).http);
    });
    void exit.then(() => reject(new Error(`ended without being up: ${seen}`)));
  });
  up.catch(() => undefined);
  const ended = Promise.all([exit, output]).then(([[code, signal], [stdout, stderr]]) => ({
    code,
    signal,
    stdout,
    stderr,
  }));
  return { child, up, ended };
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "landfall-shore-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

function config(extra = "", kind = "port"): string {
  const file = join(folder(), "tokyo.yaml");
  writeFileSync(
    file,
    `site: tokyo
data: data
http: { port: 0 }
replication: { token: tokyo-secret }
sites:
  - { site: tokyo, kind: ${kind}, name: Port of Tokyo, owner: bigblue, locode: JPTYO }
access:
  - { stream: "*", read: "g:bigblue-ops" }
tokens:
  - { tokenSha256: ${createHash("sha256").update("ops-token-1").digest("hex")}, user: ops, groups: [bigblue-ops] }
metricsSeconds: 0.2
${extra}`,
  );
  return file;
}

describe("a process of its own", () => {
  test.each(["SIGTERM", "SIGINT"] as const)("starts, answers, and ends cleanly on %s", async (signal) => {
    const run = landfall(["shore", "--config", config()]);
    const url = await run.up;
    expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ ready: true, reasons: [] });
    run.child.kill(signal);
    const { code, stdout, stderr } = await run.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const line of stdout.trim().split("\n")) expect(JSON.parse(line)).toMatchObject({ site: "tokyo", node: "a" });
  });

  test("is up again on the same folder after kill -9 (S1)", async () => {
    const file = config();
    const first = landfall(["shore", "--config", file]);
    const firstRecord = async (url: string): Promise<unknown> => {
      const path = "/api/streams/bigblue.metrics/topics/tokyo.a/records?limit=1";
      const headers = { authorization: "Bearer ops-token-1" };
      const reply = await vi.waitFor(async () => {
        const response = await fetch(url + path, { headers });
        expect(response.status).toBe(200);
        return (await response.json()) as { records: unknown[] };
      }, 30_000);
      return reply.records[0];
    };
    const before = await firstRecord(await first.up);
    first.child.kill("SIGKILL");
    expect((await first.ended).signal).toBe("SIGKILL");
    const second = landfall(["shore", "--config", file]);
    expect(before).toMatchObject({ seq: 0 });
    expect(await firstRecord(await second.up)).toEqual(before);
    second.child.kill("SIGTERM");
    expect((await second.ended).code).toBe(0);
  });

  test("leaves no orphan: it ends when its parent's pipe does", async () => {
    const run = landfall(["shore", "--config", config()], { LANDFALL_EXIT_WITH_PARENT: "1" });
    await run.up;
    run.child.stdin?.end();
    expect((await run.ended).code).toBe(0);
  });

  test("ends when its IPC channel is cut", async () => {
    const child = spawn(process.execPath, [LANDFALL, "shore", "--config", config()], {
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const exit = once(child, "exit");
    await once(child.stdout as NonNullable<typeof child.stdout>, "data");
    child.disconnect();
    expect(await exit).toEqual([0, null]);
  });
});

describe("what it says when it cannot start: one message, no stack, exit code 1", () => {
  const fails = async (run: Run): Promise<string> => {
    const { code, stderr } = await run.ended;
    expect(code, stderr).toBe(1);
    expect(stderr).not.toMatch(/\n\s+at /);
    return stderr;
  };

  test("a taken port", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void other.close());
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const stderr = await fails(landfall(["shore", "--config", config(), "--http-port", String(port)]));
    expect(stderr).toBe(
      `landfall shore: 127.0.0.1:${port} is in use by another program: stop that one, or set http.port (LANDFALL_HTTP_PORT, --http-port) to another (PORT_IN_USE)\n`,
    );
  });

  test("a folder in use", async () => {
    const file = config();
    const first = landfall(["shore", "--config", file]);
    await first.up;
    const stderr = await fails(landfall(["shore", "--config", file]));
    expect(stderr).toMatch(/^landfall shore: .*data.* \(FOLDER_IN_USE\)\n$/s);
    first.child.kill("SIGTERM");
    expect((await first.ended).code).toBe(0);
  });

  test("bad settings, each with its place", async () => {
    const file = config("htpp: {}\nlogLevel: loud\n");
    const stderr = await fails(landfall(["shore", "--config", file]));
    expect(stderr).toBe(
      [
        "landfall shore: the settings are not valid",
        `  ${file}:12:1: htpp is not a setting, did you mean http?`,
        `  ${file}:13:1: logLevel is "loud", want one of debug, info, warn, error, silent (INVALID_SETTINGS)\n`,
      ].join("\n"),
    );
  });

  test("a site that is no port", async () => {
    const stderr = await fails(landfall(["shore", "--config", config("", "yard")]));
    expect(stderr).toContain("site tokyo is a yard; landfall shore serves a port");
  });

  test("no Kafka broker that answers", async () => {
    const log = "log: { kafka: { brokers: [127.0.0.1:1, 127.0.0.1:2] } }";
    const stderr = await fails(landfall(["shore", "--config", config(log)]));
    expect(stderr).toMatch(
      /^landfall shore: no Kafka broker answers: .*127\.0\.0\.1:1.*127\.0\.0\.1:2.*: check log\.kafka\.brokers.* \(UNAVAILABLE\)\n$/,
    );
  });

  test("no settings file", async () => {
    const stderr = await fails(landfall(["shore", "--config", join(folder(), "no.yaml")]));
    expect(stderr).toMatch(/no\.yaml: there is no such file \(INVALID_SETTINGS\)\n$/);
    expect(await fails(landfall(["shore"]))).toContain("--config <file>");
    expect(await fails(landfall(["shore", "--config", config(), "--http-port", "x"]))).toContain("Want a port");
  });
});

describe("landfall status and tail", () => {
  test("against a running node, found through the demo's access file", async () => {
    const node = landfall(["shore", "--config", config()]);
    const url = await node.up;
    const data = folder();
    const access = { nodes: [{ site: "tokyo", url, token: "ops-token-1" }] };
    writeFileSync(join(data, "access.json"), JSON.stringify(access));

    const status = await landfall(["status", "--site", "tokyo", "--data", data]).ended;
    expect(status).toMatchObject({ code: 0, stderr: "" });
    expect(status.stdout).toMatch(/^tokyo\.a · ready · up \d+ s · /);

    const tail = await landfall(["tail", "bigblue.metrics", "tokyo.a", "--data", data, "--limit", "2"]).ended;
    expect(tail).toMatchObject({ code: 0, stderr: "" });
    const lines = tail.stdout.trim().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { topic: string }).topic)).toEqual(["tokyo.a", "tokyo.a"]);

    const asUrl = ["--url", url, "--token", "ops-token-1"];
    const all = await landfall(["tail", "bigblue.metrics", ...asUrl, "--no-follow", "--values"]).ended;
    expect(JSON.parse(all.stdout.split("\n")[0] ?? "")).toMatchObject({ kind: "status", site: "tokyo" });

    const none = await landfall(["tail", "bigblue.nothing", ...asUrl]).ended;
    expect(none).toMatchObject({ code: 1, stdout: "" });
    expect(none.stderr).toMatch(/^landfall tail: .*no stream bigblue\.nothing.*\(STREAM_NOT_FOUND\)\n$/);

    const stranger = await landfall(["status", "--url", url]).ended;
    expect(stranger.code).toBe(1);
    expect(stranger.stdout).toContain("(UNAUTHENTICATED)");
    node.child.kill("SIGTERM");
    await node.ended;

    const gone = await landfall(["status", ...asUrl]).ended;
    expect(gone.code).toBe(1);
    expect(gone.stdout).toContain("is it running?");
    const noDemo = await landfall(["status", "--data", join(data, "none")]).ended;
    expect(noDemo).toMatchObject({ code: 1 });
    expect(noDemo.stderr).toMatch(/^landfall status: no demo here/);
  });
});

test("landfall tail follows over a restart of the node: nothing missed, nothing twice", async () => {
  const file = config();
  const first = landfall(["shore", "--config", file]);
  const url = await first.up;
  const asked = ["--url", url, "--token", "ops-token-1", "--from-beginning", "--limit", "12"];
  const tail = landfall(["tail", "bigblue.metrics", ...asked]);
  await once(tail.child.stdout as NonNullable<typeof tail.child.stdout>, "data");
  first.child.kill("SIGKILL");
  await first.ended;
  const second = landfall(["shore", "--config", file, "--http-port", new URL(url).port]);
  await second.up;
  const { code, stdout } = await tail.ended;
  expect(code).toBe(0);
  const seqs = stdout
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { seq: number }).seq);
  expect(seqs).toEqual(Array.from({ length: 12 }, (_, i) => i));
});

describe("landfall --help", () => {
  test("lists the commands that are there, and suggests one for a slip", async () => {
    const help = await landfall(["--help"]).ended;
    expect(help.code).toBe(0);
    for (const name of ["demo", "edge", "shore", "hq", "simulate", "arrive", "depart", "link", "status", "tail"])
      expect(help.stdout).toMatch(new RegExp(`^  ${name} `, "m"));
    const helpForOne = await landfall(["help", "shore"]).ended;
    expect(helpForOne.stdout).toContain("--http-port");
    const slip = await landfall(["shroe"]).ended;
    expect(slip.code).toBe(1);
    expect(slip.stderr).toContain("Did you mean shore?");
  });
});
