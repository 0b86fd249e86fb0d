// A process between us and a broker: whatever ends ours, even `kill -9`, the channel to this one closes, and it takes the
// broker along. A Java program cannot be asked to look after its parent.
import { spawn, spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import type { KeptCommand } from "./kept-process.js";

const { command, args, env, orphaned, remove } = JSON.parse(process.argv[2] ?? "") as KeptCommand;
const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, ...env } });

child.once("error", (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 127;
  process.disconnect?.();
});
child.once("spawn", () => process.send?.({ pid: child.pid }));
child.once("exit", (code, signal) => {
  process.exitCode = signal === null ? (code ?? 1) : 128;
  // Nothing else holds this process.
  if (process.connected) process.disconnect();
});
process.once("disconnect", () => {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  // The broker first: what it writes after its folder is gone would make it again.
  child.once("exit", () => {
    for (const folder of remove) rmSync(folder, { recursive: true, force: true });
  });
  child.kill("SIGKILL");
  for (const [program = "", ...words] of orphaned) spawnSync(program, words, { stdio: "ignore" });
});
// The terminal's Ctrl-C is the demo's business, which then stops its brokers in order.
for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined);
