import pino from "pino";
import { beforeEach, expect, it } from "vitest";
import { KafkaError } from "../../src/kafka/kafka-client.js";
import { Troubles } from "../../src/kafka/troubles.js";
import { ManualEnv } from "../../testing/manual-env.js";

const moving = new KafkaError("NOT_LEADER_FOR_PARTITION", "this server is not the leader");
const unreachable = new KafkaError("UNREACHABLE", "connection refused");

let env: ManualEnv;
let told: string[];
let troubles: Troubles;

beforeEach(() => {
  env = new ManualEnv(0);
  told = [];
  const write = (line: string): void => void told.push((JSON.parse(line) as { err: { message: string } }).err.message);
  troubles = new Troubles(env, pino({}, { write }));
});

it("a leader that is found soon is not told of, one that is not is, once", () => {
  for (let ms = 0; ms < 2_900; ms += 100) {
    troubles.add("writing", moving);
    env.advance(100);
  }
  expect(told).toEqual([]);
  expect(troubles.why).toBe(moving.message);
  for (let ms = 0; ms < 10_000; ms += 1_000) {
    troubles.add("writing", moving);
    env.advance(1_000);
  }
  expect(told).toEqual([moving.message]);
});

it("one topic after the other that finds its leader soon is not told of", () => {
  for (let topic = 0; topic < 20; topic++) {
    for (let ms = 0; ms < 1_000; ms += 250) {
      troubles.add("writing", new KafkaError("NOT_LEADER_FOR_PARTITION", `topic ${topic}: not the leader`));
      env.advance(250);
    }
  }
  expect(told).toEqual([]);
});

it("what lasts is told of also where other partitions go on meanwhile", () => {
  for (let ms = 0; ms < 5_000; ms += 500) {
    troubles.add("writing", moving);
    troubles.end("writing");
    expect(troubles.why).toBeUndefined();
    env.advance(500);
  }
  expect(told).toEqual([moving.message]);
});

it("a broker that is not there is told of at once, and again when it was well meanwhile", () => {
  troubles.add("following", unreachable);
  troubles.add("writing", unreachable);
  troubles.end("writing");
  expect(troubles.why).toBe(unreachable.message);
  troubles.end("following");
  env.advance(6_000);
  troubles.add("following", unreachable);
  expect(told).toEqual([unreachable.message, unreachable.message]);
});
