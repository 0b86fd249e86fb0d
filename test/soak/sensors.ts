import { execFile, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { constants, setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { seededRandom } from "@landfall/streams/testing/seeded-random";
import { TestAuthority } from "@landfall/streams/testing/test-authority";
import { hash } from "@node-rs/argon2";
import { recordsOf } from "../support/client.js";
import { freePorts } from "../support/free-ports.js";
import { containerNumber } from "../support/sensor.js";
import { Service } from "../support/service.js";
import { OPS_TOKEN } from "../support/small-fleet.js";
import { runSoak } from "./arguments.js";
import type { Hostility } from "./hostile.js";
import { HonestSensor } from "./honest.js";
import { memoryOf, problemsOf, quantile } from "./verdict.js";

/** `npm run soak -- --sensors`: honest sensors beside a crowd that misbehaves in every way, for as long as asked. */
const HONEST = 500;
const HOSTILE = 2_000;
/** Of the hostile, those that have credentials. */
const INSIDERS = 100;
const ADDRESSES = 40;
/** Every so many-th honest sensor speaks TLS. */
const TLS_EVERY = 10;
/** Memory is looked at so often, and in a short run so many times. */
const RSS_MS_MAX = 5_000;
const RSS_LOOKS_MIN = 30;
/** The run is looked at in pieces of this length. */
const PIECE_MS = 10_000;
/** Readings of a container come when they are asked for, some containers at a time. */
const READERS = 8;

interface Device {
  readonly name: string;
  readonly password: string;
  readonly container: string;
}

async function soak(minutes: number, seed: number): Promise<boolean> {
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  say(`seed ${seed}: npm run soak -- --sensors --minutes ${minutes} --seed ${seed}`);
  const folder = mkdtempSync(join(tmpdir(), "landfall-soak-sensors-"));
  const authority = await TestAuthority.create("sensors of a soak");
  const random = seededRandom(seed);
  const device = (kind: string, i: number, owner: string): Device => ({
    name: `${kind}-${i}`,
    password: `password of ${kind} ${i}`,
    container: containerNumber(i, owner),
  });
  const honestDevices = Array.from({ length: HONEST }, (_, i) => device("sensor", i, "CSQU"));
  const insiders = Array.from({ length: INSIDERS }, (_, i) => device("insider", i, "MSKU"));
  const { edge, port, tlsPort, ca } = await startEdge(folder, authority, [...honestDevices, ...insiders]);
  const sensors = honestDevices.map(
    (who, i) =>
      new HonestSensor(
        {
          ...who,
          address: `127.0.1.${1 + (i % ADDRESSES)}`,
          ...(i % TLS_EVERY === 0 ? { port: tlsPort, ca } : { port }),
        },
        random,
      ),
  );
  let hostile: ReturnType<typeof fork> | undefined;
  const rss: number[] = [];
  const rssMs = Math.min(RSS_MS_MAX, (minutes * 60_000) / RSS_LOOKS_MIN);
  const watch = setInterval(
    () =>
      void residentBytes(edge.pid).then(
        (bytes) => rss.push(bytes),
        // The verdict says when it was measured too seldom.
        () => undefined,
      ),
    rssMs,
  );
  try {
    await Promise.all(sensors.map((sensor) => sensor.start()));
    say(`${HONEST} honest sensors are in, ${Math.ceil(HONEST / TLS_EVERY)} of them over TLS; ${HOSTILE} others come`);
    rss.length = 0;
    const started = performance.now();
    const target = { port, tlsPort, insiders, victim: honestDevices[0]?.container ?? "" };
    const hostility: Hostility = { target, seed, clients: HOSTILE, addresses: ADDRESSES, minutes };
    hostile = fork(fileURLToPath(new URL("hostile.js", import.meta.url)), [JSON.stringify(hostility)]);
    // They have machines of their own; here they would take the processor from whom they attack.
    if (hostile.pid !== undefined) setPriority(hostile.pid, constants.priority.PRIORITY_BELOW_NORMAL);
    const [done] = (await Promise.race([once(hostile, "message"), died(hostile)])) as [Record<string, number>];
    clearInterval(watch);
    await Promise.all(sensors.map((sensor) => sensor.stop()));
    for (const [way, times] of Object.entries(done)) say(`  ${times} × ${way}`);
    const stored = await compare(edge, honestDevices, sensors);
    const rssWanted = (minutes * 60_000) / rssMs;
    return report(say, started, sensors, { rssBytes: rss, rssWanted }, stored);
  } finally {
    clearInterval(watch);
    if (hostile?.connected === true) hostile.disconnect();
    await edge.stop();
    authority.close();
    if (process.env["LANDFALL_KEEP"] === undefined) rmSync(folder, { recursive: true, force: true });
    else say(`kept: ${folder}`);
  }
}

async function startEdge(folder: string, authority: TestAuthority, devices: readonly Device[]) {
  const [http = 0, port = 0, tlsPort = 0] = await freePorts(3);
  const entries = await Promise.all(
    devices.map(async ({ name, password, container }) => ({
      name,
      passwordHash: await hash(password),
      containers: [container],
    })),
  );
  const file = join(folder, "devices.yaml");
  writeFileSync(file, JSON.stringify({ devices: entries }));
  const { cert, key, ca } = await authority.issue({ site: "ship-9321483" });
  const edge = new Service(
    "edge",
    {
      site: "ship-9321483",
      data: join(folder, "data"),
      http: { port: http },
      sites: [{ site: "ship-9321483", kind: "ship", name: "Soak", owner: "bigblue", imo: "9321483" }],
      access: [{ stream: "*", read: "r:operator" }],
      tokens: [{ token: OPS_TOKEN, user: "ops", roles: ["operator"] }],
      logLevel: "warn",
      mqtt: {
        port,
        tls: { port: tlsPort, cert, key, ca },
        devices: file,
        connectionsMax: HOSTILE + HONEST + 100,
        // As for sensors of which each reports once a second at most.
        packetsPerSecond: 20,
        packetsAtOnce: 100,
        bytesPerSecond: 262_144,
        inflightPerClientMax: 100,
        inflightBytesPerClientMax: 262_144,
        packetSeconds: 10,
      },
    },
    folder,
  );
  await edge.start();
  return { edge, port, tlsPort, ca };
}

/** Readings that were acknowledged and are not there, or are there more than once. */
async function compare(edge: Service, devices: readonly Device[], sensors: readonly HonestSensor[]) {
  const wrong = { lost: 0, doubled: 0, stored: 0 };
  const queue = devices.map(({ container }, i) => ({ container, acknowledged: sensors[i]?.acknowledged ?? [] }));
  const reader = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const counts = new Map<number, number>();
      for (const { timestamp } of await recordsOf(edge, "bigblue.unassigned", next.container)) {
        const time = Date.parse(timestamp);
        counts.set(time, (counts.get(time) ?? 0) + 1);
      }
      wrong.stored += counts.size;
      wrong.doubled += [...counts.values()].filter((count) => count > 1).length;
      wrong.lost += next.acknowledged.filter((time) => !counts.has(time)).length;
    }
  };
  await Promise.all(Array.from({ length: READERS }, reader));
  return wrong;
}

function report(
  say: (text: string) => void,
  started: number,
  sensors: readonly HonestSensor[],
  memory: { readonly rssBytes: readonly number[]; readonly rssWanted: number },
  { lost, doubled, stored }: { lost: number; doubled: number; stored: number },
): boolean {
  // While the first five hundred sign in there is nobody to be kept from.
  const ackMs = sensors.flatMap((sensor) => sensor.ackMs.filter((_, i) => (sensor.ackAt[i] ?? 0) >= started));
  const signIns = sensors.flatMap(({ signInMs }) => signInMs);
  const sum = (of: (sensor: HonestSensor) => number): number => sensors.reduce((all, sensor) => all + of(sensor), 0);
  const [cuts, failed, unanswered] = [
    sum(({ cuts }) => cuts),
    sum(({ failed }) => failed),
    sum(({ pending }) => pending),
  ];
  const { rssBytes } = memory;
  const { middleBytes, lastBytes, growth } = memoryOf(rssBytes);
  const mb = (bytes: number) => (bytes / 1e6).toFixed(0);
  say(
    `readings: ${ackMs.length} acknowledged, ${failed} failed, ${unanswered} never answered; ${stored} stored, ${lost} lost, ${doubled} doubled`,
  );
  for (const { lastFailure } of sensors) if (lastFailure !== undefined) say(`  a publish failed: ${lastFailure}`);
  say(
    `honest connections: ${cuts} cut; ${sum(({ turnedAway }) => turnedAway)} times one was turned away, and came again`,
  );
  say(
    `PUBACK: median ${quantile(ackMs, 0.5).toFixed(1)} ms, p99 ${quantile(ackMs, 0.99).toFixed(1)} ms, largest ${quantile(ackMs, 1).toFixed(0)} ms`,
  );
  const p99s = pieces(sensors, started).map((ms) => ms.toFixed(0));
  say(`  p99 of each ${PIECE_MS / 1_000} s: ${p99s.join(" ")}`);
  say(
    `sign-in: ${signIns.length}, median ${quantile(signIns, 0.5).toFixed(0)} ms, p99 ${quantile(signIns, 0.99).toFixed(0)} ms`,
  );
  say(
    `memory (RSS, MB): ${rssBytes.map(mb).join(" ")}; median of the middle third ${mb(middleBytes)}, of the last ${mb(lastBytes)}: ${(growth * 100).toFixed(1)} %`,
  );
  const problems = problemsOf({ ackMs, failed, unanswered, cuts, lost, doubled, ...memory });
  say(problems.length === 0 ? "GOOD" : `BAD: ${problems.join("; ")}`);
  return problems.length === 0;
}

/** p99 of the PUBACKs of each piece of the run. */
function pieces(sensors: readonly HonestSensor[], started: number): number[] {
  const found: number[][] = [];
  for (const { ackAt, ackMs } of sensors) {
    ackAt.forEach((at, i) => {
      const piece = Math.max(0, Math.floor((at - started) / PIECE_MS));
      (found[piece] ??= []).push(ackMs[i] ?? 0);
    });
  }
  return Array.from(found, (list) => quantile(list ?? [], 0.99));
}

/** Of a process. Linux says it without the help of a program, which need not be there. @throws Error where nothing does */
async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => undefined);
  const kilobytes =
    status === undefined
      ? (await promisify(execFile)("ps", ["-o", "rss=", "-p", String(pid)])).stdout.trim()
      : /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  const bytes = Number(kilobytes) * 1024;
  if (!(bytes > 0)) throw new Error(`nothing says how much memory process ${pid} has`);
  return bytes;
}

async function died(child: ReturnType<typeof fork>): Promise<never> {
  const [code] = (await once(child, "exit")) as [number | null];
  throw new Error(`the hostile clients ended with ${code} before their time`);
}

await runSoak(soak);
