import { hash } from "@node-rs/argon2";
import { skipWithoutKafka } from "@landfall/brokers/for-tests";
import { START_MS_MAX, startKafka, type KafkaCluster } from "@landfall/brokers/kafka";
import type { ContainersReply } from "@landfall/proto/api";
import type { MqttClient } from "mqtt";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { book } from "../support/bookings.js";
import { CLI } from "../support/cli.js";
import { askJson, login } from "../support/client.js";
import { eventually } from "../support/eventually.js";
import { freePorts } from "../support/free-ports.js";
import { connectSensor, containerNumber, reading } from "../support/sensor.js";
import { Service } from "../support/service.js";
import { OPS_TOKEN, PASSWORD } from "../support/small-fleet.js";

const skip = await skipWithoutKafka();
const CONTAINERS = Array.from({ length: 3 }, (_, i) => containerNumber(700 + i));
const TOKENS = { "tokyo-yard": "token-of-the-yard", "los-angeles": "token-of-the-hq", tokyo: "token-of-the-port" };
const KINDS = { "tokyo-yard": "yard", "los-angeles": "hq", tokyo: "port" };
type Site = keyof typeof TOKENS;
const SITES = (Object.keys(TOKENS) as Site[]).map((site) => ({
  site,
  kind: KINDS[site],
  name: site,
  owner: "bigblue",
  groups: ["bigblue-sites"],
  locode: site === "los-angeles" ? "USLAX" : "JPTYO",
  tokenSha256: createHash("sha256").update(TOKENS[site]).digest("hex"),
}));
const BY_CARRIER = { read: "g:bigblue-ops", replicate: "g:bigblue-sites", produce: "g:bigblue-sites" };

describe.skipIf(skip)("a yard and a headquarters whose logs are in Kafka", () => {
  const folder = mkdtempSync(join(tmpdir(), "landfall-kafka-sites-"));
  let kafka: KafkaCluster;
  let ports: number[];
  let yard: Service;
  let hq: Service;
  let sensor: MqttClient;

  beforeAll(async () => {
    kafka = await startKafka();
    ports = await freePorts(7);
    const [listen, mqtt] = [port(), port()];
    const passwordHash = await hash(PASSWORD, { memoryCost: 1024, timeCost: 2, parallelism: 1 });
    const users = [{ name: "ops", displayName: "Ops", passwordHash, groups: ["bigblue-ops"], roles: ["admin"] }];
    hq = new Service("hq", { ...settingsOf("los-angeles", { listen }), users }, folder);
    const links = [{ id: "yard~hq", to: "los-angeles", class: "lan", address: `127.0.0.1:${listen}` }];
    const ingest = { mqtt: { port: mqtt, anonymous: true } };
    yard = new Service("edge", { ...settingsOf("tokyo-yard"), links, ...ingest }, folder);
    await Promise.all([hq.start(), yard.start()]);
    sensor = await connectSensor(mqtt, "gateway");
  }, START_MS_MAX);
  afterAll(async () => {
    await sensor?.endAsync(true);
    await Promise.all([yard?.stop(), hq?.stop()]);
    await kafka?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const port = (): number => ports.pop() as number;

  function settingsOf(site: Site, { listen, data = site }: { listen?: number; data?: string } = {}) {
    return {
      site,
      data: join(folder, data),
      http: { host: "127.0.0.1", port: port() },
      sites: SITES,
      access: [
        { stream: "bigblue.*", ...BY_CARRIER },
        { stream: "duckworks.*", ...BY_CARRIER },
      ],
      tokens: [{ token: OPS_TOKEN, user: "ops", groups: ["bigblue-ops"], roles: ["admin"] }],
      metricsSeconds: 1,
      replication: {
        token: TOKENS[site],
        wants: ["*"],
        ...(listen !== undefined && { listen: `127.0.0.1:${listen}` }),
      },
      log: { kafka: { brokers: kafka.brokers } },
    };
  }

  const publish = (container: string): Promise<unknown> =>
    sensor.publishAsync(`containers/${container}/telemetry`, reading({ time: Date.now() }), { qos: 1 });

  it("whoever signs in at the headquarters sees on the map what the yard's sensors say", async () => {
    const ops = await login(hq, "ops");
    for (const container of CONTAINERS) {
      const booking = { container, owner: "duckworks", from: "2026-01-01T00:00:00.000Z" };
      await book(hq, ops, booking, [yard]);
      await publish(container);
    }
    const seen = await eventually("all containers on the map", async () => {
      const { features, total } = await askJson<ContainersReply>(hq, "/api/containers", ops);
      return total === CONTAINERS.length && features;
    });
    expect(new Set(seen.map((feature) => "id" in feature && feature.id))).toEqual(new Set(CONTAINERS));
  });

  it("S1: a sensor gets no PUBACK while Kafka is down, and gets it when Kafka is back", async () => {
    await kafka.kill(0);
    let isAcknowledged = false;
    const published = publish(CONTAINERS[0] as string).then(() => (isAcknowledged = true));
    await eventually("the yard to say so", async () => (await fetch(`${yard.url}/readyz`)).status === 503);
    expect(isAcknowledged).toBe(false);
    await kafka.restart(0);
    await published;
    await eventually("the yard to be ready", async () => (await fetch(`${yard.url}/readyz`)).status === 200);
  });

  it("of two processes with one name, the earlier one says that it is fenced, and ends", async () => {
    const settings = settingsOf("tokyo", { data: "first" });
    const file = join(folder, "first.yaml");
    writeFileSync(file, stringify(settings));
    const first = spawn(process.execPath, [CLI, "shore", "--config", file], { stdio: ["ignore", "ignore", "pipe"] });
    const [exited, problem] = [once(first, "exit"), text(first.stderr)];
    const second = new Service("shore", settingsOf("tokyo", { data: "second" }), join(folder, "second"));
    try {
      const ready = `http://127.0.0.1:${settings.http.port}/readyz`;
      await eventually(
        "the first to be ready",
        async () => (await fetch(ready).catch(() => undefined))?.status === 200,
      );
      await second.start();
      expect(await exited).toEqual([1, null]);
      expect(await problem).toMatch(/tokyo\.a.*\(FENCED\)/);
    } finally {
      first.kill("SIGKILL");
      await second.stop();
    }
  });
});
