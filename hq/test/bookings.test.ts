import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BookingReply, BookingsReply } from "@landfall/proto/api";
import { streamName } from "@landfall/streams/model/names";
import { TestHq } from "./support/test-hq.js";
import { at, containerNumber } from "./support/world.js";

describe("bookings", () => {
  let hq: TestHq;
  let serial = 100;
  const fresh = () => containerNumber("CSQU", serial++);
  beforeAll(async () => {
    hq = await TestHq.start();
  });
  afterAll(() => hq.close());

  const put = (container: string, body: object, as = "ops") =>
    hq.ask(`/api/bookings/${container}`, { method: "PUT", body, as });
  const list = async (container: string, as = "ops") =>
    (await hq.ask(`/api/bookings/${container}`, { as })).json<BookingsReply>().bookings;
  const stored = async (stream: string, container: string) => {
    const { records } = await hq.hq.node.store.readStream(streamName(stream), undefined, 1000);
    return records
      .map(({ topic, value, offset }) => ({
        topic: String(topic),
        value: JSON.parse(Buffer.from(value).toString()) as object,
        offset: Number(offset),
      }))
      .filter(({ topic }) => topic.startsWith(`booking.${container}.`));
  };

  it("become a record in the owner's settings, and the answer is its version", async () => {
    const container = fresh();
    const answer = await put(container, { owner: "duckworks", from: "2026-01-01T09:00:00+09:00" });
    expect(answer.status).toBe(200);
    const [record] = await stored("duckworks.settings", container);
    expect(record).toEqual({
      topic: `booking.${container}.${Date.parse(at(1))}`,
      value: { kind: "booking", container, owner: "duckworks", from: at(1) },
      offset: answer.json<BookingReply>().version,
    });
    expect(answer.json()).toEqual({
      kind: "booking",
      container,
      owner: "duckworks",
      from: at(1),
      version: record?.offset,
    });
    expect(await list(container)).toEqual([answer.json()]);
  });

  it("end the one before; asked twice they change nothing", async () => {
    const container = fresh();
    await put(container, { owner: "duckworks", from: at(1) });
    const second = await put(container, { owner: "polarfoods", from: at(10) });
    const again = await put(container, { owner: "polarfoods", from: at(10) });
    expect(again.json()).toEqual(second.json());
    expect(await list(container)).toMatchObject([
      { owner: "duckworks", from: at(1), to: at(10) },
      { owner: "polarfoods", from: at(10) },
    ]);
    expect(await stored("duckworks.settings", container)).toHaveLength(2);
    expect(await stored("polarfoods.settings", container)).toHaveLength(1);
    // Somebody else's part of the story is not told.
    expect(await list(container, "ducky")).toMatchObject([{ owner: "duckworks", to: at(10) }]);
    expect(await list(container, "sydney")).toEqual([]);
  });

  it("of one moment: the later word counts, and the one before it covers no time", async () => {
    const container = fresh();
    await put(container, { owner: "duckworks", from: at(1) });
    await put(container, { owner: "polarfoods", from: at(1) });
    expect(await list(container)).toMatchObject([
      { owner: "polarfoods", from: at(1) },
      { owner: "duckworks", from: at(1), to: at(1) },
    ]);
  });

  it("at the same time are taken one after the other", async () => {
    const container = fresh();
    await Promise.all([1, 2, 3, 4, 5].map((day) => put(container, { owner: "duckworks", from: at(day) })));
    const bookings = await list(container);
    expect(bookings.map(({ from }) => from)).toEqual([1, 2, 3, 4, 5].map((day) => at(day)));
    // In whatever order they were taken, none that began earlier reaches beyond a later one that was there first.
    expect(bookings.at(-1)).not.toHaveProperty("to");
  });

  it.each([
    [{ owner: "duckworks" }, "body/from"],
    [{ owner: "duckworks", from: "soon" }, "body/from"],
    [{ owner: "duckworks", from: at(2), to: at(1) }, "body/to"],
    [{ owner: "duckworks", from: "0001-01-01T00:00:00Z" }, "body/from"],
    [{ owner: "Duck Works", from: at(1) }, "body/owner"],
    [{ owner: "nobody-here", from: at(1) }, "body/owner"],
    [{ owner: "duckworks", from: at(1), until: at(2) }, "body/until"],
  ])("%j is refused, naming the field", async (body, field) => {
    const answer = await put(fresh(), body);
    expect(answer.status).toBe(400);
    expect(answer.text).toContain(field);
  });

  it("are the carrier's business: no customer's headquarters takes any", async () => {
    const customer = await TestHq.start({
      settings: { site: "duckworks", replication: { token: "token of duckworks", wants: ["duckworks.*"] } },
    });
    try {
      const body = { owner: "duckworks", from: at(1) };
      const answer = await customer.ask(`/api/bookings/${fresh()}`, { method: "PUT", body, as: "ops" });
      expect(answer.status).toBe(404);
    } finally {
      await customer.close();
    }
  });
});
