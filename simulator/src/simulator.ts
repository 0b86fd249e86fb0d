import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import { BookingDesk } from "./bookings/desk.js";
import { Headquarters } from "./bookings/headquarters.js";
import { NodeDesk, parentChannel } from "./control/node-desk.js";
import { controlServer } from "./control/server.js";
import { simulationView } from "./control/view.js";
import { FleetSink } from "./driver/fleet-sink.js";
import { StateFolder } from "./driver/state-folder.js";
import { Voyage } from "./driver/voyage.js";
import { SimulatorError } from "./errors.js";
import { LinkBoard } from "./links/board.js";
import { Broker } from "./sensors/broker.js";
import { linkSpecs, type SimulatorSettings } from "./settings/simulator-settings.js";
import { createWorld, STORY_HOURS } from "./world/create.js";
import type { WorldState } from "./world/state.js";

const HOUR_MS = 3_600_000;
/** How often the world follows the clock, real time. */
const LOOK_MS = 100;
const LOOK_PROLOGUE_MS = 10;
/** Between two snapshots; longer when writing one takes long, so that it never takes more than a twentieth. */
const SNAPSHOT_MS = 2_000;
const SNAPSHOT_SHARE = 20;
const SAMPLE_MS = 1_000;
/** An answer to a command waits so long for the command to take effect. */
const SETTLE_MS_MAX = 1_000;

/** The running simulation: world, sensors, links, bookings and controls, put together. */
export class Simulator {
  private readonly folder: StateFolder;
  private readonly board: LinkBoard;
  private readonly brokers: Broker[];
  private readonly sink: FleetSink;
  private readonly voyage: Voyage;
  private readonly desk: BookingDesk;
  private readonly nodeDesk = new NodeDesk(parentChannel());
  private readonly control: FastifyInstance;
  private readonly abort = new AbortController();
  private readonly tasks: Promise<void>[] = [];
  private droppedTold = 0;

  constructor(
    private readonly settings: SimulatorSettings,
    private readonly log: { info(text: string): void; warn(text: string): void },
  ) {
    this.folder = new StateFolder(settings.data);
    const saved = this.folder.load();
    this.board = new LinkBoard(linkSpecs(settings), this.folder.loadLinks());
    this.brokers = settings.brokers.map(({ site, mqtt, others, username, password }) => {
      const login = { ...(username !== undefined && { username }), ...(password !== undefined && { password }) };
      return new Broker({ site, url: mqtt, ...(others !== undefined && { others }), ...login });
    });
    this.sink = new FleetSink(this.brokers);
    this.voyage = new Voyage(
      saved?.snapshot.world ?? newWorld(settings),
      this.sink,
      this.folder,
      {
        speed: settings.speed,
        waitSeconds: settings.waitSeconds,
        now: () => Date.now(),
        monotonic: () => performance.now(),
      },
      saved,
    );
    this.desk = new BookingDesk({
      headquarters: settings.headquarters && new Headquarters(settings.headquarters),
      nodes: settings.brokers,
      wanted: () => this.voyage.state.containers.filter(({ booking }) => booking === "wanted"),
      isBeginning: () => this.voyage.state.timeMs === this.voyage.state.startMs,
      confirmed: (containers) => this.voyage.command({ type: "booked", containers }),
      warn: (text) => log.warn(text),
    });
    this.control = controlServer({
      state: () => simulationView(this.voyage, this.board, this.nodeDesk.nodes),
      notReady: () => this.notReady(),
      command: (command) => this.voyage.command(command),
      settled: () => this.settled(),
      arrivalMs: () => this.voyage.arrivalMs(),
      patchLink: (id, patch) => {
        const link = this.board.patch(id, patch);
        this.folder.saveLinks(this.board.overrides());
        return link;
      },
      killNode: (site, stay) => this.nodeDesk.kill(site, stay),
      startNode: (site) => this.nodeDesk.start(site),
      viewer: () => this.voyage.viewer(),
      metrics: () => this.metrics(),
      failed: (error) => log.warn(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    });
  }

  /** @returns where the controls listen, e.g. `http://127.0.0.1:8099` */
  async start(): Promise<string> {
    this.board.follow(this.voyage.state.ships);
    await this.board.listen();
    const { host, port } = this.settings.control;
    const address = await this.control.listen({ host, port }).catch((error: NodeJS.ErrnoException) => {
      throw new SimulatorError("PORT_IN_USE", `the controls cannot listen on ${host}:${port}: ${error.message}`);
    });
    // What the world starts from is on disk before the first message is out.
    await this.folder.save(this.voyage.snapshot());
    for (const broker of this.brokers) broker.start();
    this.tasks.push(this.desk.run(this.abort.signal), this.follow(), this.keepSnapshots());
    return address;
  }

  async close(): Promise<void> {
    this.abort.abort();
    await Promise.all(this.tasks);
    await this.control.close();
    await Promise.all(this.brokers.map((broker) => broker.stop()));
    await this.folder.save(this.voyage.snapshot());
    await this.board.close();
  }

  private async follow(): Promise<void> {
    let sampledMs = performance.now();
    while (!this.abort.signal.aborted) {
      this.voyage.look();
      this.sink.pump();
      this.board.follow(this.voyage.state.ships);
      if (performance.now() - sampledMs >= SAMPLE_MS) {
        sampledMs = performance.now();
        this.board.sample();
        this.warnOfDropped();
      }
      const pause = this.voyage.phase === "prologue" ? LOOK_PROLOGUE_MS : LOOK_MS;
      await sleep(pause, undefined, { signal: this.abort.signal }).catch(() => undefined);
    }
  }

  private async keepSnapshots(): Promise<void> {
    let pause = SNAPSHOT_MS;
    while (!this.abort.signal.aborted) {
      await sleep(pause, undefined, { signal: this.abort.signal }).catch(() => undefined);
      const started = performance.now();
      try {
        await this.folder.save(this.voyage.snapshot());
      } catch (error) {
        // The voyage goes on; after a crash it would start again from the last one that was written.
        this.log.warn(`the snapshot in ${this.settings.data} could not be written: ${String(error)}`);
      }
      pause = Math.max(SNAPSHOT_MS, (performance.now() - started) * SNAPSHOT_SHARE);
    }
  }

  /** At 1× the next tick may be seconds away; nobody waits for that. */
  private async settled(): Promise<void> {
    for (let waited = 0; waited < SETTLE_MS_MAX && !this.voyage.isSettled; waited += LOOK_MS) await sleep(LOOK_MS);
  }

  private warnOfDropped(): void {
    const { dropped } = this.sink;
    if (dropped === this.droppedTold) return;
    this.log.warn(`${dropped} readings did not fit into the sensors' buffers while their broker was away`);
    this.droppedTold = dropped;
  }

  private notReady(): string | undefined {
    if (this.voyage.phase !== "prologue") return undefined;
    if (this.desk.waitingFor !== "") return `waits for ${this.desk.waitingFor}`;
    const [away] = this.sink.unreachable;
    if (away !== undefined) return `waits for the broker of ${away}`;
    return `days at sea go by: ${Math.floor(this.voyage.prologueShare * 100)} %`;
  }

  private metrics(): string {
    const { sink, voyage } = this;
    return [
      metric(
        "landfall_simulator_acknowledged_total",
        "counter",
        "messages that brokers acknowledged",
        sink.acknowledged,
      ),
      metric("landfall_simulator_dropped_total", "counter", "messages dropped for want of buffer", sink.dropped),
      metric(
        "landfall_simulator_pending",
        "gauge",
        "messages that reachable brokers have not acknowledged",
        sink.pending,
      ),
      metric("landfall_simulator_unreachable_brokers", "gauge", "brokers out of reach", sink.unreachable.length),
      metric("landfall_simulator_clock_seconds", "gauge", "simulated clock, seconds since 1970", voyage.timeMs / 1000),
      metric("landfall_simulator_speed", "gauge", "simulated seconds in one", voyage.speed),
    ].join("");
  }
}

function metric(name: string, type: string, help: string, value: number): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`;
}

/** By default the story ends about when the simulated clock meets the real one. */
function newWorld(settings: SimulatorSettings): WorldState {
  const startMs = settings.start === undefined ? Date.now() - STORY_HOURS.whole * HOUR_MS : Date.parse(settings.start);
  return createWorld({ seed: settings.seed, startMs, ships: settings.ships, containers: settings.containers });
}
