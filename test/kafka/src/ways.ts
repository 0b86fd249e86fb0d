import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { BrokersError } from "./errors.js";
import { hasJars } from "./jars.js";
import { JAVA_MIN, KAFKA_DEFAULT } from "./versions.js";

/** How this machine comes to a broker. */
export type KafkaWay =
  /** `KAFKA_BROKERS` names brokers that run already, of a version that is theirs to know. */
  | { readonly kind: "given"; readonly brokers: readonly string[] }
  | { readonly kind: "docker" }
  | { readonly kind: "java"; readonly java: string };

const ANSWER_MS_MAX = 10_000;
const run = promisify(execFile);

/** What is to be done where there is no way to a broker. */
export const REMEDY =
  "Start Docker; or install Java 17 and Maven (Debian: apt-get install openjdk-17-jre-headless maven); " +
  "or set KAFKA_BROKERS=host:port,… to brokers that run.";

/**
 * Looks for brokers: `KAFKA_BROKERS` if it is set, else Docker if an engine answers, else Java with Maven (or what Maven fetched
 * before). `KAFKA_WAY=docker` or `java` asks for that one alone.
 * @returns undefined where there is none of them
 */
export async function findKafka(version: string = KAFKA_DEFAULT): Promise<KafkaWay | undefined> {
  const given = (process.env["KAFKA_BROKERS"] ?? "").split(",").filter((broker) => broker.trim() !== "");
  if (given.length > 0) return { kind: "given", brokers: given.map((broker) => broker.trim()) };
  const wanted = process.env["KAFKA_WAY"];
  if (wanted !== "java" && (await dockerAnswers())) return { kind: "docker" };
  const java = wanted === "docker" ? undefined : await findJava();
  if (java === undefined || !(hasJars("broker", version) || (await answers("mvn", ["--version"])))) return undefined;
  return { kind: "java", java };
}

/** @throws BrokersError NO_WAY with what to do about it */
export async function requireKafka(version: string = KAFKA_DEFAULT): Promise<KafkaWay> {
  const way = await findKafka(version);
  if (way === undefined) throw new BrokersError("NO_WAY", `There is no Kafka broker on this machine. ${REMEDY}`);
  return way;
}

async function dockerAnswers(): Promise<boolean> {
  return answers("docker", ["version", "--format", "{{.Server.Version}}"]);
}

async function findJava(): Promise<string | undefined> {
  const home = process.env["JAVA_HOME"];
  const java = home === undefined ? "java" : join(home, "bin", "java");
  try {
    // `openjdk version "17.0.15"`: on standard error.
    const { stderr } = await run(java, ["-version"], { timeout: ANSWER_MS_MAX });
    return Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0) >= JAVA_MIN ? java : undefined;
  } catch {
    return undefined;
  }
}

async function answers(program: string, args: readonly string[]): Promise<boolean> {
  try {
    await run(program, args, { timeout: ANSWER_MS_MAX, shell: process.platform === "win32" });
    return true;
  } catch {
    return false;
  }
}
