import type { HoldingsReply } from "@landfall/proto/api";
import { askJson } from "./client.js";
import { eventually } from "./eventually.js";
import type { Mesh, MeshLink, MeshSite } from "./mesh.js";
import { MESH_STREAM } from "./mesh-check.js";
import type { MeshLoad } from "./mesh-load.js";
import { OPS_TOKEN } from "./small-fleet.js";

/** What happens, and how often of a hundred times. */
const KINDS = [
  ["cut", 30],
  ["half-open", 15],
  ["restore", 25],
  ["kill", 20],
  ["kill both ends", 10],
] as const;

/** Readings acknowledged between two troubles: a fraction of a second to some seconds of load. */
const CALM_MIN = 60;
const CALM_MAX = 600;

/** What a site says while it is cut off: about four blocks of a `wan` link, which take ten seconds over a line like this. */
const BACKLOG = 2_000;
const NOTE_CHARS = 1_000;
const SLOW_KBPS = 2_000;
/** Of it, what has crossed at least when both ends are killed. */
const CROSSED_BYTES = 500_000;

/** Long after a process on a busy machine should be there again. */
const START_MS = 300_000;

/** Cuts, half-open links and kills under load, in an order that the random numbers give. */
export class MeshTrouble {
  readonly done: Record<(typeof KINDS)[number][0], number> = {
    cut: 0,
    "half-open": 0,
    restore: 0,
    kill: 0,
    "kill both ends": 0,
  };
  readonly #troubled = new Set<MeshLink>();

  constructor(
    private readonly mesh: Mesh,
    private readonly load: MeshLoad,
    private readonly random: () => number,
    private readonly say: (what: string) => void = () => undefined,
  ) {}

  /** Waits for some load, then makes one trouble; a killed process is running again when it resolves. */
  async next(): Promise<void> {
    const calm = this.load.acknowledged + CALM_MIN + Math.floor((CALM_MAX - CALM_MIN) * this.random());
    await eventually("load to go on", () => this.load.acknowledged > calm, START_MS);
    const kind = this.kind();
    const link = this.pick(this.mesh.links);
    switch (kind) {
      case "cut":
      case "half-open":
        this.say(`${kind} ${link.id}`);
        this.#troubled.add(link);
        if (kind === "cut") link.switch.cut();
        else link.switch.halfOpen();
        break;
      case "restore": {
        const restored = this.#troubled.size > 0 ? this.pick([...this.#troubled]) : link;
        this.say(`restore ${restored.id}`);
        this.restore(restored);
        break;
      }
      case "kill":
        await this.kill([this.pick(this.mesh.sites)]);
        break;
      case "kill both ends":
        await this.kill(link.ends);
        break;
    }
    this.done[kind]++;
  }

  /**
   * Cuts one end of the link off from everybody while its sensors go on, lets its backlog begin to cross the link, slowly, and
   * kills both ends, sender and receiver, when some of it is there.
   * @returns of that backlog, how many records the receiver has after its restart, before anybody sends it more
   */
  async killInTransfer({
    ends,
    switch: line,
  }: MeshLink): Promise<{ readonly backlog: number; readonly there: number }> {
    this.heal();
    const [sender, receiver] = ends;
    const ways = this.mesh.links.filter((link) => link.ends.includes(sender));
    const cut = (): void => {
      for (const way of ways) {
        this.#troubled.add(way);
        way.switch.cut();
      }
    };
    cut();
    await this.load.burst(this.mesh.sites.indexOf(sender), BACKLOG, NOTE_CHARS);
    const before = await heldOf(sender, receiver);
    const backlog = (await heldOf(sender, sender)) - before;
    line.throttle(SLOW_KBPS);
    const crossed = line.bytes;
    line.restore();
    const isUnderWay = async (): Promise<boolean> =>
      line.bytes > crossed + CROSSED_BYTES && (await heldOf(sender, receiver)) > before;
    await eventually("some of the backlog to be there", isUnderWay, START_MS);
    this.say(`in the middle of a transfer of ${backlog} records`);
    await this.kill(ends, cut);
    this.done["kill both ends"]++;
    const there = (await heldOf(sender, receiver)) - before;
    line.throttle();
    return { backlog, there };
  }

  /** All links up again. */
  heal(): void {
    for (const link of this.#troubled) this.restore(link);
  }

  private restore(link: MeshLink): void {
    this.#troubled.delete(link);
    link.switch.restore();
  }

  /** @param meanwhile done while they are not there */
  private async kill(sites: readonly MeshSite[], meanwhile: () => void = () => undefined): Promise<void> {
    this.say(`kill -9 ${sites.map(({ service }) => service.name).join(" and ")}`);
    await Promise.all(sites.map(({ service }) => service.kill9()));
    meanwhile();
    await Promise.all(sites.map(({ service }) => service.start(START_MS)));
  }

  private kind(): (typeof KINDS)[number][0] {
    let left = 100 * this.random();
    for (const [kind, share] of KINDS) {
      left -= share;
      if (left < 0) return kind;
    }
    return "restore";
  }

  private pick<T>(from: readonly T[]): T {
    return from[Math.floor(from.length * this.random())] as T;
  }
}

/** Records of one site's origins that another holds. */
async function heldOf(origin: MeshSite, at: MeshSite): Promise<number> {
  const body = JSON.stringify({ streams: [MESH_STREAM] });
  const reply = await askJson<HoldingsReply>(at.service, "/api/holdings", OPS_TOKEN, { method: "POST", body });
  const origins = reply.streams.flatMap((stream) => stream.origins);
  const own = origins.filter((one) => one.origin.startsWith(`${origin.service.name}.`));
  return own.reduce((sum, { next }) => sum + next, 0);
}
