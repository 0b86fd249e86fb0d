import { rmSync } from "node:fs";
import { freePorts } from "@landfall/streams/testing/free-ports";
import { afterEach, describe, expect, it } from "vitest";
import { BOX, Harness, readAll, type TestEdge } from "./support/edge-harness.js";

const STREAM = "bigblue.unassigned";
const TOPIC = `containers/${BOX}/telemetry`;
const FIRST = Date.UTC(2026, 2, 1);

const reading = (n: number, more: object = {}) =>
  JSON.stringify({ time: FIRST + n * 60_000, temperatureC: n % 40, ...more });

describe("a ship of several edges that acknowledge by quorum", () => {
  const harness = new Harness();
  afterEach(() => harness.dispose());

  async function until(check: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await check()))
      await new Promise<void>((resolve) => {
        setTimeout(resolve, 20);
      });
  }

  async function ports(...nodes: string[]): Promise<Record<string, number>> {
    const free = await freePorts(nodes.length);
    return Object.fromEntries(nodes.map((node, i) => [node, free[i] as number]));
  }

  const metric = async (edge: TestEdge, name: string): Promise<number> => {
    const [found] = (await edge.node.registry.getSingleMetric(name)?.get())?.values ?? [];
    return found?.value ?? 0;
  };
  const outcomes = async (edge: TestEdge): Promise<Record<string, number>> => {
    const found = (await edge.node.registry.getSingleMetric("landfall_edge_publishes_total")?.get())?.values ?? [];
    return Object.fromEntries(
      found.filter(({ value }) => value > 0).map(({ labels, value }) => [labels["outcome"], value]),
    );
  };

  it("S1: without a second node nothing is acknowledged, told once; once it is there, what waited is", async () => {
    const at = await ports("a", "b");
    const a = await harness.start({ cluster: { node: "a", ports: at } });
    const ready = async () => (await a.node.http.inject("/readyz")).json<{ reasons?: unknown }>();
    expect(JSON.stringify(await ready())).toContain("no second node");
    const client = await a.client();
    let acknowledged = 0;
    const sent = [0, 1, 2].map(async (n) => {
      await client.publishAsync(TOPIC, reading(n), { qos: 1 });
      acknowledged++;
    });
    await until(async () => (await a.records(STREAM)).length === 3);
    await until(async () => (await a.exceptions()).length > 0);
    expect((await a.exceptions()).map(({ code }) => code)).toEqual(["NO_SECOND_NODE"]);
    expect(acknowledged).toBe(0);
    expect(await metric(a, "landfall_cluster_waiting_batches")).toBeGreaterThan(0);
    expect(await metric(a, "landfall_cluster_nodes_in_reach")).toBe(0);

    const b = await harness.start({ cluster: { node: "b", ports: at } });
    await Promise.all(sent);
    expect(await b.texts(STREAM)).toEqual([0, 1, 2].map((n) => reading(n)));
    await until(async () => !JSON.stringify(await ready()).includes("no second node"));
    expect(await metric(a, "landfall_cluster_waiting_batches")).toBe(0);
  });

  it("I1: what a sister took in is a repetition here, too; also after a restart, and for a node whose disk is new", async () => {
    const at = await ports("a", "b", "c");
    const folder = harness.folder();
    const [a, b, c] = await Promise.all([
      harness.start({ cluster: { node: "a", ports: at } }),
      harness.start({ cluster: { node: "b", ports: at }, folder }),
      harness.start({ cluster: { node: "c", ports: at } }),
    ]);
    const publish = async (edge: TestEdge, from: number, to: number) => {
      const client = await edge.client();
      const numbers = Array.from({ length: to - from }, (_, i) => from + i);
      await Promise.all(numbers.map((n) => client.publishAsync(TOPIC, reading(n), { qos: 1 })));
    };
    await publish(a, 0, 100);
    // Sensors that lost their PUBACKs say it again elsewhere, and go on there.
    await publish(b, 50, 150);
    await publish(c, 140, 200);
    expect(await outcomes(b)).toEqual({ stored: 50, duplicate: 50 });
    expect(await outcomes(c)).toEqual({ stored: 50, duplicate: 10 });
    await b.close();
    const again = await harness.start({ cluster: { node: "b", ports: at }, folder });
    await publish(again, 0, 200);
    expect(await outcomes(again)).toEqual({ duplicate: 200 });
    await again.close();
    rmSync(folder, { recursive: true });
    const fresh = await harness.start({ cluster: { node: "b", ports: at } });
    await publish(fresh, 0, 200);
    expect(await outcomes(fresh)).toEqual({ duplicate: 200 });
    for (const edge of [a, fresh, c]) {
      const all = (await readAll(edge.node.store, STREAM)).map(({ value }) => Buffer.from(value).toString());
      expect(all.toSorted()).toEqual(Array.from({ length: 200 }, (_, n) => reading(n)).toSorted());
    }
  });

  it("alerts come from the first node alone; when it is gone, from the next, which also raises what was left unsaid", async () => {
    const at = await ports("a", "b");
    const [a, b] = await Promise.all([
      harness.start({ cluster: { node: "a", ports: at } }),
      harness.start({ cluster: { node: "b", ports: at } }),
    ]);
    const client = await b.client();
    const load = { type: "LOAD", time: FIRST, location: "JPTYO", vessel: "9321483" };
    await client.publishAsync(`containers/${BOX}/events`, JSON.stringify(load), { qos: 1 });
    for (const n of [1, 601]) await client.publishAsync(TOPIC, reading(n, { doorOpen: true }), { qos: 1 });
    const alerts = async (edge: TestEdge) =>
      (await edge.records("bigblue.alerts")).map(({ value, origin }) => {
        const { type, state } = JSON.parse(Buffer.from(value).toString()) as { type: string; state: string };
        return [type, state, origin];
      });
    await until(async () => (await alerts(b)).length === 1);
    expect(await alerts(b)).toEqual([["DOOR_OPEN", "raised", a.node.store.origin]]);
    await a.close();
    // Not acknowledged any more, and yet no reason to be silent about it.
    client.publish(TOPIC, reading(602, { doorOpen: true, shockG: 12 }), { qos: 1 });
    await until(async () => (await alerts(b)).length === 2);
    expect((await alerts(b))[1]).toEqual(["SHOCK", "raised", b.node.store.origin]);
  });
});
