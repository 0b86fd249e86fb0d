import type { KeptProcess } from "./kept-process.js";

/** A place in which a cluster's brokers run. */
export interface Runner {
  /** What brokers call each other, and where their folder is as they see it. */
  readonly hosts: readonly string[];
  readonly bind: string;
  readonly folder: string;

  /** Whatever has to be there before the first broker: jars, an image, a network. */
  prepare(): Promise<void>;
  /**
   * Starts a broker, whose storage is formatted first where it is new.
   * @param format further arguments of `StorageTool format`
   */
  launch(index: number, format: readonly string[]): Promise<KeptProcess>;
  signal(index: number, broker: KeptProcess, signal: BrokerSignal): Promise<void>;
  close(): Promise<void>;
}

export type BrokerSignal = "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT";

export interface RunnerOptions {
  readonly version: string;
  readonly brokers: number;
  /** The cluster's folder: `node-1.properties`, `node-1` (its data), `node-1.log`, `secrets`. */
  readonly folder: string;
  /** Options of the Java machine. */
  readonly jvm: readonly string[];
  /** Ports of broker `index` that must be reached from this machine. */
  readonly published: (index: number) => readonly number[];
  /** The folder is nobody's when this process is gone. */
  readonly temporary: boolean;
}
