import { startKafka } from "./kafka.js";
import { KAFKA_DEFAULT } from "./versions.js";
import { findKafka, REMEDY } from "./ways.js";

/**
 * Whether tests that start and stop brokers must be skipped here, with a word that says so. Where `LANDFALL_REQUIRE` names kafka, as
 * in CI, that is a failure instead.
 * @param control false for tests that leave brokers alone: those of `KAFKA_BROKERS` will do
 * @throws Error when it is required and not to be had
 */
export async function skipWithoutKafka({ control = true }: { readonly control?: boolean } = {}): Promise<boolean> {
  const way = await findKafka();
  if (way !== undefined && (way.kind !== "given" || !control)) return false;
  const reason =
    way === undefined
      ? `no Kafka broker on this machine. ${REMEDY}`
      : "the brokers of KAFKA_BROKERS are not ours to stop.";
  const required = (process.env["LANDFALL_REQUIRE"] ?? "").split(",");
  if (required.includes("kafka")) throw new Error(`kafka is required here (LANDFALL_REQUIRE): ${reason}`);
  console.log(`Tests against Kafka are skipped: ${reason}`);
  return true;
}

/** One broker of ours, or those of `KAFKA_BROKERS`, for tests that leave brokers alone. */
export async function forBrokers(
  version: string = KAFKA_DEFAULT,
): Promise<{ readonly brokers: readonly string[]; close(): Promise<void> }> {
  const way = await findKafka(version);
  if (way?.kind === "given") return { brokers: way.brokers, close: () => Promise.resolve() };
  return startKafka({ version });
}
