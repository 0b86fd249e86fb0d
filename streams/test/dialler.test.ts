import { expect, it } from "vitest";
import { LandfallError } from "../src/model/errors.js";
import { Dialler } from "../src/replication/dialler.js";
import { LINK_CLASSES } from "../src/replication/link-classes.js";
import type { Channel, Transport } from "../src/replication/transport.js";
import { ManualEnv } from "../testing/manual-env.js";

const CLOSED = new LandfallError("CLOSED", "the connection was cut");
const link = { id: "ship~tokyo", to: "tokyo", class: "port", address: "127.0.0.1:1", carries: ["*"] } as const;
const { redialMsMin, redialMsMax } = LINK_CLASSES.port;

/** A dialler on a clock of the test's; `answers` says whether somebody is there. */
function dialling(seed: number, answers: () => boolean) {
  const env = new ManualEnv(0, seed);
  const dialledAt: number[] = [];
  const channel = { close: () => undefined } as unknown as Channel;
  const transport = {
    dial: async () => {
      dialledAt.push(env.monotonic());
      if (!answers()) throw new LandfallError("UNAVAILABLE", "nobody answers");
      return channel;
    },
  } as unknown as Transport;
  const credentials = { site: "ship", token: "" };
  const dialler = new Dialler(
    link,
    transport,
    env,
    credentials,
    () => undefined,
    () => undefined,
  );
  dialler.start();
  /** Lets time pass until there was one more attempt. */
  const next = async (): Promise<number> => {
    const before = dialledAt.length;
    for (let waited = 0; dialledAt.length === before; waited++) {
      expect(waited).toBeLessThanOrEqual(redialMsMax);
      await Promise.resolve();
      await Promise.resolve();
      env.advance(1);
    }
    return (dialledAt.at(-1) ?? 0) - (dialledAt.at(-2) ?? 0);
  };
  return { dialler, next };
}

it("waits twice as long after each failure, never longer than its class allows, half of it by chance", async () => {
  const waits = new Set<number>();
  for (let seed = 1; seed <= 10; seed++) {
    const { next } = dialling(seed, () => false);
    for (let attempt = 0; attempt < 8; attempt++) {
      const ceiling = Math.min(redialMsMax, redialMsMin * 2 ** attempt);
      const wait = await next();
      expect(wait, `seed ${seed}`).toBeGreaterThanOrEqual(ceiling / 2);
      expect(wait, `seed ${seed}`).toBeLessThanOrEqual(ceiling + 1);
      waits.add(wait);
    }
  }
  // Ships that lost a port together do not come back together.
  expect(waits.size).toBeGreaterThan(40);
});

it("begins anew with the short wait after a link that lived, and says why it is down", async () => {
  let answers = false;
  const { dialler, next } = dialling(1, () => answers);
  for (let attempt = 0; attempt < 6; attempt++) await next();
  expect(dialler.problem).toBe("nobody answers");
  answers = true;
  await next();
  await Promise.resolve();
  await Promise.resolve();
  expect(dialler.problem).toBeUndefined();
  dialler.closed(true, CLOSED);
  expect(dialler.problem).toBe("the connection was cut");
  expect(await next()).toBeLessThanOrEqual(redialMsMin + 1);
});
