import { expect } from "vitest";
import { isLandfallError } from "../src/model/errors.js";
import { streamName, topicName } from "../src/model/names.js";
import type { TimestampMs } from "../src/model/record.js";
import type { LocalStore } from "../src/store/store.js";

export const KAFKA_STREAM = streamName("bigblue.containers");
const FIRST_MS = Date.UTC(2026, 0, 10);
const CALLERS = 4;
const PER_APPEND = 25;

/** Numbered records, appended by several callers at once, and which of them were acknowledged as what. */
export class KafkaWriting {
  /** `origin seq offset` of each acknowledged number. */
  readonly acknowledged = new Map<number, string>();
  /** Refused because too much waited: tried again with other numbers. */
  refused = 0;
  private next = 0;
  private isOver = false;
  private readonly callers: Promise<void>[] = [];

  constructor(private readonly store: LocalStore) {}

  begin(): void {
    for (let i = 0; i < CALLERS; i++) this.callers.push(this.call());
  }

  /** Until everything that was begun is acknowledged. */
  async end(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.callers);
  }

  private async call(): Promise<void> {
    while (!this.isOver) {
      const numbers = Array.from({ length: PER_APPEND }, () => this.next++);
      const { origin } = this.store;
      try {
        const given = await this.store.append(KAFKA_STREAM, numbers.map(record));
        given.forEach(({ seq, offset }, i) =>
          this.acknowledged.set(numbers[i] as number, `${origin} ${seq} ${offset}`),
        );
      } catch (error) {
        if (!isLandfallError(error, "OVERLOADED")) throw error;
        this.refused++;
      }
    }
  }
}

export function record(number: number) {
  const topic = topicName(`CSQU305438${number % 7}`);
  return { topic, timestamp: (FIRST_MS + number * 1_000) as TimestampMs, value: Buffer.from(`{"n":${number}}`) };
}

/** Every number that a store holds, with the name of each of its records. */
export async function heldIn(store: LocalStore): Promise<Map<number, string[]>> {
  const held = new Map<number, string[]>();
  const vector = store.vector(KAFKA_STREAM);
  let cursor;
  for (let left = Object.values(vector).reduce((sum, next) => sum + next, 0); left > 0;) {
    const page = await store.readStream(KAFKA_STREAM, cursor, 5_000);
    if (page.records.length === 0) break;
    ({ cursor } = page);
    left -= page.records.length;
    for (const { origin, seq, offset, value } of page.records) {
      const { n } = JSON.parse(Buffer.from(value).toString()) as { n: number };
      held.set(n, [...(held.get(n) ?? []), `${origin} ${seq} ${offset}`]);
    }
  }
  return held;
}

/** S1, S2: what was acknowledged is there, once, under the numbers that were given; and nothing is there twice. */
export async function holdsAll(store: LocalStore, { acknowledged }: KafkaWriting): Promise<void> {
  const held = await heldIn(store);
  const wrong = [...acknowledged].filter(([number, name]) => held.get(number)?.join() !== name);
  expect(wrong).toEqual([]);
  expect([...held].filter(([, names]) => names.length > 1)).toEqual([]);
  expect(acknowledged.size).toBeGreaterThan(0);
}
