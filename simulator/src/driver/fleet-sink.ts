import type { Broker } from "../sensors/broker.js";
import type { Publish } from "../world/state.js";
import type { Sink } from "./voyage.js";

/** All brokers of the fleet behind one. */
export class FleetSink implements Sink {
  private readonly bySite: ReadonlyMap<string, Broker>;
  private strayCount = 0;

  constructor(private readonly brokers: readonly Broker[]) {
    this.bySite = new Map(brokers.map((broker): [string, Broker] => [broker.site, broker]));
  }

  push(publish: Publish): void {
    const broker = this.bySite.get(publish.via);
    if (broker === undefined) this.strayCount++;
    else broker.push(publish);
  }

  /** Hands on what was pushed. */
  pump(): void {
    for (const broker of this.brokers) broker.pump();
  }

  get pending(): number {
    return this.brokers.reduce((sum, broker) => sum + (broker.isConnected ? broker.pending : 0), 0);
  }

  get unreachable(): readonly string[] {
    return this.brokers.filter((broker) => !broker.isConnected).map(({ site }) => site);
  }

  /** Messages for brokers that this simulator was not given. */
  get stray(): number {
    return this.strayCount;
  }

  get dropped(): number {
    return this.brokers.reduce((sum, { dropped }) => sum + dropped, 0);
  }

  get acknowledged(): number {
    return this.brokers.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
  }

  unacknowledged(): Publish[] {
    return this.brokers.flatMap((broker) => broker.unacknowledged());
  }
}
