import type { LinkClass, LinkPatch, SimulationLink } from "@landfall/proto/api";
import { LinkProxy, type HostPort } from "@landfall/proto/link-proxy/link-proxy";
import type { Shape } from "@landfall/proto/link-proxy/shaper";
import { SimulatorError } from "../errors.js";
import { LINK_JITTER_MS_MAX, LINK_KBPS_MAX, LINK_LATENCY_MS_MAX, LINK_LOSS_PCT_MAX } from "../limits.js";
import type { ShipState } from "../world/state.js";
import { hash, uniform } from "../random.js";

/** Losses of a link fall the same way in every run. */
const LOSS_SEED = 1_460;

export interface LinkSpec {
  /** `<dialler>~<other>` */
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly class: LinkClass;
  /** Where the dialling side dials, and where that leads. */
  readonly listen: HostPort;
  readonly target: HostPort;
  /** One way. */
  readonly latencyMs: number;
  /** In each direction; 0 is unlimited. */
  readonly kbps: number;
  /** Set for a link that exists only while this ship lies in this port. */
  readonly reach?: { readonly imo: string; readonly port: string };
}

/** What people did to a link. */
export interface LinkOverride {
  readonly cut?: boolean;
  readonly halfOpen?: boolean;
  readonly latencyMs?: number;
  readonly kbps?: number;
  readonly lossPct?: number;
  readonly jitterMs?: number;
}

interface Link {
  readonly spec: LinkSpec;
  readonly proxy: LinkProxy;
  override: LinkOverride;
  inReach: boolean;
  /** For the rate: bytes at the last look, and when that was. */
  seenBytes: number;
  bytesPerSecond: number;
}

/** All links of the demo: which are up, how good they are, how much crosses them. */
export class LinkBoard {
  private readonly links: ReadonlyMap<string, Link>;
  private sampledAtMs = performance.now();

  constructor(specs: readonly LinkSpec[], overrides: Readonly<Record<string, LinkOverride>>) {
    this.links = new Map(
      specs.map((spec): [string, Link] => {
        const override = overrides[spec.id] ?? {};
        const { listen, target } = spec;
        const proxy = new LinkProxy({ listen, target, shape: shapeOf(spec, override), random: chance(spec.id) });
        return [spec.id, { spec, proxy, override, inReach: false, seenBytes: 0, bytesPerSecond: 0 }];
      }),
    );
  }

  /** @throws SimulatorError PORT_IN_USE */
  async listen(): Promise<void> {
    for (const { proxy, spec } of this.links.values()) {
      await proxy.listen().catch((error: unknown) => {
        const where = `${spec.listen.host}:${spec.listen.port}`;
        const why = error instanceof Error ? error.message : String(error);
        throw new SimulatorError("PORT_IN_USE", `a link cannot listen on ${where}: ${why}`, { cause: error });
      });
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.links.values()].map(({ proxy }) => proxy.close()));
  }

  /** Ships come and go: opens the links of those in port and closes those of the others. */
  follow(ships: readonly ShipState[]): void {
    for (const link of this.links.values()) {
      const { reach } = link.spec;
      const ship = reach === undefined ? undefined : ships.find(({ imo }) => imo === reach.imo);
      link.inReach = reach === undefined || (ship?.phase.kind === "docked" && ship.phase.port === reach.port);
      this.apply(link);
    }
  }

  /** @throws SimulatorError NOT_FOUND, INVALID_ARGUMENT */
  patch(id: string, patch: LinkPatch): SimulationLink {
    const link = this.links.get(id);
    if (link === undefined) {
      throw new SimulatorError("NOT_FOUND", `no link is called ${id.slice(0, 60)}; GET /state lists them all`);
    }
    checkRange("latencyMs", patch.latencyMs, LINK_LATENCY_MS_MAX);
    checkRange("kbps", patch.kbps, LINK_KBPS_MAX);
    checkRange("lossPct", patch.lossPct, LINK_LOSS_PCT_MAX);
    checkRange("jitterMs", patch.jitterMs, LINK_JITTER_MS_MAX);
    link.override = {
      ...link.override,
      ...(patch.state !== undefined && { cut: patch.state === "down", halfOpen: patch.state === "half-open" }),
      ...(patch.latencyMs !== undefined && { latencyMs: patch.latencyMs }),
      ...(patch.kbps !== undefined && { kbps: patch.kbps }),
      ...(patch.lossPct !== undefined && { lossPct: patch.lossPct }),
      ...(patch.jitterMs !== undefined && { jitterMs: patch.jitterMs }),
    };
    link.proxy.setShape(shapeOf(link.spec, link.override));
    this.apply(link);
    return view(link);
  }

  overrides(): Record<string, LinkOverride> {
    const changed = [...this.links.values()].filter(({ override }) => Object.keys(override).length > 0);
    return Object.fromEntries(changed.map(({ spec, override }) => [spec.id, override]));
  }

  views(): SimulationLink[] {
    return [...this.links.values()].map(view);
  }

  /** To be called about once a second. */
  sample(): void {
    const now = performance.now();
    const seconds = Math.max(0.05, (now - this.sampledAtMs) / 1000);
    this.sampledAtMs = now;
    for (const link of this.links.values()) {
      link.bytesPerSecond = Math.round((link.proxy.bytes - link.seenBytes) / seconds);
      link.seenBytes = link.proxy.bytes;
    }
  }

  private apply(link: Link): void {
    const { cut, halfOpen } = link.override;
    link.proxy.setState(!link.inReach || cut === true ? "down" : halfOpen === true ? "half-open" : "up");
  }
}

function shapeOf(spec: LinkSpec, override: LinkOverride): Required<Shape> {
  const { latencyMs = spec.latencyMs, kbps = spec.kbps, lossPct = 0, jitterMs = 0 } = override;
  return { latencyMs, kbps, lossPct, jitterMs };
}

/** The same for a link in every run. */
function chance(id: string): () => number {
  const seed = hash(LOSS_SEED, id);
  let drawn = 0;
  return () => uniform(seed, drawn++);
}

function view(link: Link): SimulationLink {
  const { spec, proxy, override } = link;
  return {
    id: spec.id,
    from: spec.from,
    to: spec.to,
    class: spec.class,
    state: proxy.state,
    outOfReach: !link.inReach && override.cut !== true,
    ...shapeOf(spec, override),
    bytesPerSecond: link.bytesPerSecond,
  };
}

function checkRange(name: string, value: number | undefined, max: number): void {
  if (value === undefined || (Number.isFinite(value) && value >= 0 && value <= max)) return;
  throw new SimulatorError("INVALID_ARGUMENT", `${name} is ${value}, want a number from 0 to ${max}`);
}
