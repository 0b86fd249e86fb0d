import { parseArgs } from "node:util";

/** Runs a soak as the command line says, and ends the process: 0 when it was good, 1 when not, 2 for what cannot be read. */
export async function runSoak(soak: (minutes: number, seed: number) => Promise<boolean>): Promise<never> {
  const { values } = parseArgs({
    options: { minutes: { type: "string", default: "10" }, seed: { type: "string" } },
  });
  const minutes = Number(values.minutes);
  const seed = Number(values.seed ?? Math.floor(Date.now() / 1000) % 1_000_000);
  if (!(minutes > 0) || !Number.isSafeInteger(seed) || seed < 0) {
    process.stderr.write("--minutes is a number above 0, --seed a whole number\n");
    process.exit(2);
  }
  process.exit((await soak(minutes, seed)) ? 0 : 1);
}
