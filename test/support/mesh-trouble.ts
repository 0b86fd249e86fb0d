import { eventually } from "./eventually.js";
import type { Mesh, MeshLink, MeshSite } from "./mesh.js";
import type { MeshLoad } from "./mesh-load.js";

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

  /** All links up again. */
  heal(): void {
    for (const link of this.#troubled) this.restore(link);
  }

  private restore(link: MeshLink): void {
    this.#troubled.delete(link);
    link.switch.restore();
  }

  private async kill(sites: readonly MeshSite[]): Promise<void> {
    this.say(`kill -9 ${sites.map(({ service }) => service.name).join(" and ")}`);
    await Promise.all(sites.map(({ service }) => service.kill9()));
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
