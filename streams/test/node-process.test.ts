import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { testFolder } from "./support/test-node.js";

// The built code: a process of its own cannot load TypeScript.
const RUN_NODE = new URL("../dist/src/node/run-node.js", import.meta.url).href;
const ERRORS = new URL("../dist/src/model/errors.js", import.meta.url).href;

/** Runs a service whose parts are written out as JavaScript; resolves `ready` at its first line of output. */
function service(build: string, options = "{}") {
  const file = join(testFolder(), "service.mjs");
  writeFileSync(
    file,
    `import { runNode } from ${JSON.stringify(RUN_NODE)};
import { LandfallError } from ${JSON.stringify(ERRORS)};
const say = (text) => process.stdout.write(text + "\\n");
const forever = new Promise(() => setInterval(() => {}, 1000));
await runNode("landfall test", ${build}, ${options});
`,
  );
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const ready = once(child.stdout, "data");
  const output = Promise.all([text(child.stdout), text(child.stderr)]);
  const ended = once(child, "exit").then(async ([code]) => {
    const [stdout, stderr] = await output;
    return { code: code as number | null, stdout, stderr };
  });
  return { child, ready, ended };
}

test("an unhandled rejection is told, the service is closed, the exit code is 1", async () => {
  const { ended } = service(`async () => ({
    async start() { say("up"); Promise.reject(new Error("forgotten")); },
    async close() { say("closed"); },
  })`);
  const { code, stdout, stderr } = await ended;
  expect({ code, stdout }).toEqual({ code: 1, stdout: "up\nclosed\n" });
  expect(stderr).toMatch(/^landfall test: unexpected: Error: forgotten\n\s+at /);
});

test("a signal while the service is still being built: it is closed without having started", async () => {
  const { child, ready, ended } = service(`async () => {
    say("building");
    await new Promise((resolve) => process.once("SIGTERM", resolve));
    return { async start() { say("up"); }, async close() { say("closed"); } };
  }`);
  await ready;
  child.kill("SIGTERM");
  expect(await ended).toEqual({ code: 0, stdout: "building\nclosed\n", stderr: "" });
});

test("a close that hangs is given up after its time", async () => {
  const { child, ready, ended } = service(
    `async () => ({ async start() { say("up"); }, close: () => forever })`,
    "{ closeMsMax: 50 }",
  );
  await ready;
  child.kill("SIGTERM");
  const { code, stderr } = await ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/^landfall test: not closed within 0\.05 s after SIGTERM/);
});

test("a second Ctrl-C does not wait", async () => {
  const { child, ready, ended } = service(`async () => ({
    async start() { say("up"); },
    close() { say("closing"); return forever; },
  })`);
  await ready;
  const closing = once(child.stdout, "data");
  child.kill("SIGINT");
  await closing;
  child.kill("SIGINT");
  expect(await ended).toEqual({ code: 130, stdout: "up\nclosing\n", stderr: "" });
});

test("what fails on the way up: a LandfallError in one line, anything else with its stack; both are closed", async () => {
  const failing = (error: string) =>
    service(`async () => ({ async start() { throw ${error}; }, async close() { say("closed"); } })`).ended;
  expect(await failing(`new LandfallError("DISK_FULL", "no space in /data")`)).toEqual({
    code: 1,
    stdout: "closed\n",
    stderr: "landfall test: no space in /data (DISK_FULL)\n",
  });
  const { code, stdout, stderr } = await failing(`new TypeError("x is not a function")`);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "closed\n" });
  expect(stderr).toMatch(/^landfall test: cannot start: TypeError: x is not a function\n\s+at /);
});
