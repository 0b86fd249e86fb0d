import { LandfallError } from "../src/model/errors.js";
import type { Channel, Credentials, Listener, ListenerEvents, Transport } from "../src/replication/transport.js";
import type { Mangling } from "./simulated-link.js";
import { SimulatedWire, type WireEnd } from "./simulated-wire.js";
import type { VirtualTime } from "./virtual-time.js";

/** A dialler gives up after so long. */
const DIAL_MS_MAX = 3_000;
/** How often a dial that got through is answered twice, and how often the answer is lost. */
const ANSWERED_TWICE = 0.05;
const ANSWER_LOST = 0.05;
/** Somebody in between repeats a connection for so long at most. */
const ECHO_MS_MAX = 4_000;

/** The way that one dialler has to one listener; and what is wrong with it. */
export class SimulatedRoute {
  isUp = true;
  mangling: Mangling | undefined;
  wires: SimulatedWire[] = [];

  constructor(
    readonly id: string,
    readonly latencyMs: number,
    readonly bytesPerMs: number,
  ) {}

  /** The last connection that the dialler has. */
  get wire(): SimulatedWire | undefined {
    return this.wires.findLast(({ ends: [dialler] }) => dialler.isOpen);
  }

  cut(): void {
    for (const wire of this.wires) wire.cut();
    this.wires = [];
  }
}

interface Port {
  readonly events: ListenerEvents;
  readonly ends: Set<WireEnd>;
}

/** Transports between processes in virtual time. Addresses are names of routes: `listener/route`. */
export class SimulatedNetwork {
  readonly routes = new Map<string, SimulatedRoute>();
  readonly #ports = new Map<string, Port>();
  /** Dials are answered twice, or the answer is lost. */
  isUnruly = false;
  /** Connections that somebody in between repeated. */
  repeated = 0;

  constructor(
    private readonly time: VirtualTime,
    private readonly random: () => number,
  ) {}

  /** The transport of one process, and how its death is known to it. */
  transportFor(site: string): { readonly transport: Transport; readonly die: () => void } {
    const ends = new Set<WireEnd>();
    let isDead = false;
    const transport: Transport = {
      listen: async (_address, events): Promise<Listener> => {
        if (isDead) throw new LandfallError("CLOSED", "a dead process");
        const port = { events, ends };
        this.#ports.set(site, port);
        return { port: 1, close: async () => this.#unlisten(site, port) };
      },
      dial: async (address, _site, credentials): Promise<Channel> => {
        const end = await this.#dial(address, credentials);
        if (isDead) end.abandon();
        ends.add(end);
        return end;
      },
    };
    const die = () => {
      isDead = true;
      this.#ports.delete(site);
      for (const end of ends) end.abandon();
    };
    return { transport, die };
  }

  async #dial(address: string, credentials: Credentials): Promise<WireEnd> {
    const [site = "", routeId = ""] = address.split("/");
    const route = this.routes.get(routeId);
    if (route === undefined) throw new LandfallError("UNAVAILABLE", `there is no way to ${address}`);
    await this.#passes(route.latencyMs * 2);
    const port = this.#ports.get(site);
    if (port === undefined || !route.isUp) {
      await this.#passes(this.random() * DIAL_MS_MAX);
      throw new LandfallError("UNAVAILABLE", `${address} does not answer`);
    }
    const refusal = port.events.admit(credentials);
    if (refusal !== undefined) throw refusal;
    const wire = this.#accept(route, port, credentials);
    if (this.isUnruly && this.random() < ANSWERED_TWICE) this.repeat(routeId, site);
    if (this.isUnruly && this.random() < ANSWER_LOST) {
      wire.ends[0].abandon();
      throw new LandfallError("UNAVAILABLE", `${address} did not answer in time`);
    }
    await this.#passes(route.latencyMs);
    return wire.ends[0];
  }

  /** Somebody in between says to the listener again what the dialler of the route's connection has said. */
  repeat(routeId: string, site: string): void {
    const route = this.routes.get(routeId);
    const port = this.#ports.get(site);
    const heard = route?.wire;
    if (route === undefined || port === undefined || heard === undefined) return;
    const echo = this.#accept(route, port, { site: routeId.split("~")[0] as string, token: "" });
    this.repeated++;
    echo.ends[0].disown();
    heard.replayOver(echo);
    this.time.after(this.random() * ECHO_MS_MAX, () => echo.cut());
  }

  #accept(route: SimulatedRoute, port: Port, credentials: Credentials): SimulatedWire {
    const { time, random } = this;
    const { latencyMs, bytesPerMs } = route;
    const wire = new SimulatedWire({ time, random, latencyMs, bytesPerMs, mangling: () => route.mangling });
    route.wires = [...route.wires.filter(({ ends: [a, b] }) => a.isOpen || b.isOpen), wire];
    port.ends.add(wire.ends[1]);
    port.events.accept(wire.ends[1], { ...credentials, takesHello: true });
    return wire;
  }

  async #unlisten(site: string, port: Port): Promise<void> {
    if (this.#ports.get(site) === port) this.#ports.delete(site);
    for (const end of port.ends) end.close("the listener is closing");
  }

  #passes(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.time.after(ms, resolve);
    });
  }
}
