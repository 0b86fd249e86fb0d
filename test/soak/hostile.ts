import { seededRandom } from "@landfall/streams/testing/seeded-random";
import { setTimeout as pause } from "node:timers/promises";
import { pick, WAYS, type Target } from "./hostile-ways.js";

/** What the soak tells this process: as JSON, its only argument. */
export interface Hostility {
  readonly target: Target;
  readonly seed: number;
  /** Clients at any one time. */
  readonly clients: number;
  /** Addresses that they come from: 127.0.2.x. */
  readonly addresses: number;
  readonly minutes: number;
}

/** Connections last so long; then a client comes back with another idea. */
const MS_MIN = 2_000;
const MS_MAX = 20_000;

const { target, seed, clients, addresses, minutes } = JSON.parse(process.argv[2] ?? "{}") as Hostility;
const random = seededRandom(seed);
const end = performance.now() + minutes * 60_000;
const done: Record<string, number> = {};
const names = Object.keys(WAYS);

async function misbehave(slot: number): Promise<void> {
  await pause(random() * MS_MAX);
  while (performance.now() < end) {
    const name = pick(random, names);
    done[name] = (done[name] ?? 0) + 1;
    const ms = Math.min(MS_MIN + random() * (MS_MAX - MS_MIN), Math.max(100, end - performance.now()));
    const started = performance.now();
    await WAYS[name]?.({ target, random, address: `127.0.2.${1 + (slot % addresses)}`, ms });
    // Who is thrown out at once waits a little: this is a crowd, not one fast loop.
    await pause(Math.max(0, Math.min(MS_MIN, end - performance.now()) - (performance.now() - started)));
  }
}

// When the soak ends, whichever way, so does this.
process.once("disconnect", () => process.exit(0));
await Promise.all(Array.from({ length: clients }, (_, slot) => misbehave(slot)));
process.send?.(done, () => process.exit(0));
