import { createHash } from "node:crypto";
import type { ReadReply } from "@landfall/proto/api";
import { ask } from "./client.js";
import { eventually } from "./eventually.js";
import type { Mesh, MeshSite } from "./mesh.js";
import { identify } from "./mesh-load.js";
import { OPS_TOKEN } from "./small-fleet.js";

/** Nobody has booked the containers of the load. */
export const MESH_STREAM = "bigblue.unassigned";
const PAGE = 5_000;
/** A machine that does other things besides. */
const CONVERGE_MS = 180_000;

export interface Verdict {
  /** Published readings that are not at a site, and those that are there more than once: one line each. */
  readonly lost: readonly string[];
  readonly doubled: readonly string[];
  /** Sites that hold another record, offset or number than the first one. */
  readonly different: readonly string[];
  /** Records that came over a link and were already there, in the lives of the processes that still run. */
  readonly receivedTwice: number;
  readonly received: number;
}

/** Reads each site's copy on from where it was the last time, and compares. */
export class MeshCheck {
  private readonly copies: readonly Copy[];

  constructor(mesh: Mesh) {
    this.copies = mesh.sites.map((site) => new Copy(site, mesh.sites.length));
  }

  /** @param published by site; all of them acknowledged */
  async verify(published: readonly number[]): Promise<Verdict> {
    const total = published.reduce((sum, count) => sum + count, 0);
    await Promise.all(
      this.copies.map((copy) =>
        eventually(
          `${total} records at ${copy.name}`,
          async () => {
            await copy.readOn();
            return copy.records >= total;
          },
          CONVERGE_MS,
        ).catch(() => undefined),
      ),
    );
    const counters = await Promise.all(this.copies.map((copy) => copy.counters(CONVERGE_MS)));
    const digests = this.copies.map((copy) => copy.digest);
    return {
      lost: this.copies.flatMap((copy) => copy.lost(published)),
      doubled: this.copies.flatMap((copy) => copy.doubled),
      different: this.copies.filter((_, i) => digests[i] !== digests[0]).map(({ name }) => name),
      received: counters.reduce((sum, { received }) => sum + received, 0),
      receivedTwice: counters.reduce((sum, { received, applied }) => sum + received - applied, 0),
    };
  }
}

/** One site's copy of the stream, as its read API gives it. */
class Copy {
  records = 0;
  readonly doubled: string[] = [];
  /** By site of origin, which readings were seen: one byte each. */
  private readonly seen: Uint8Array[];
  private cursor: string | undefined;
  /** A sum over all records: the same for the same records, whatever order they came in. */
  private sum = 0n;

  constructor(
    private readonly site: MeshSite,
    sites: number,
  ) {
    this.seen = Array.from({ length: sites }, () => new Uint8Array(1_024));
  }

  get name(): string {
    return this.site.service.name;
  }

  get digest(): string {
    return this.sum.toString(16);
  }

  /** Until there is nothing more for now. A site that is not there, or has nothing yet, has nothing more. */
  async readOn(): Promise<void> {
    for (;;) {
      const body = JSON.stringify({ ...(this.cursor !== undefined && { cursor: this.cursor }), limit: PAGE });
      const path = `/api/streams/${MESH_STREAM}/read`;
      const answer = await ask(this.site.service, path, OPS_TOKEN, { method: "POST", body }).catch(() => undefined);
      if (answer?.status !== 200) return;
      const { records, cursor } = JSON.parse(answer.text) as ReadReply;
      this.cursor = cursor;
      if (records.length === 0) return;
      for (const { topic, offset, origin, seq, value = "" } of records) this.take(topic, offset, origin, seq, value);
    }
  }

  private take(topic: string, offset: number, origin: string, seq: number, value: string): void {
    this.records++;
    const { site, n } = identify(value);
    let seen = this.seen[site] as Uint8Array;
    if (n >= seen.length) {
      const larger = new Uint8Array(2 * n);
      larger.set(seen);
      this.seen[site] = seen = larger;
    }
    if (seen[n] === 1) this.doubled.push(`${this.name}: reading ${n} of site ${site} again, as ${origin} seq ${seq}`);
    seen[n] = 1;
    const hash = createHash("md5").update(`${topic}|${offset}|${origin}|${seq}|${value}`).digest();
    this.sum = (this.sum + hash.readBigUInt64LE(0)) & 0xffff_ffff_ffff_ffffn;
  }

  lost(published: readonly number[]): string[] {
    const lost: string[] = [];
    for (const [site, count] of published.entries()) {
      for (let n = 0; n < count; n++) {
        if (this.seen[site]?.[n] !== 1) lost.push(`${this.name}: reading ${n} of site ${site}`);
      }
    }
    return lost;
  }

  /** Of the process that runs now; asked until what was received is on disk, or for so long. */
  async counters(withinMs: number): Promise<{ received: number; applied: number }> {
    let last = { received: 0, applied: 0 };
    const read = async (): Promise<boolean> => {
      const { text } = await ask(this.site.service, "/metrics", OPS_TOKEN);
      const before = last;
      last = {
        received: counter(text, "landfall_replication_received_records_total"),
        applied: counter(text, "landfall_store_applied_records_total"),
      };
      // What was received twice never levels out: two looks that agree are enough.
      return last.received === last.applied || (before.received === last.received && before.applied === last.applied);
    };
    await eventually(`${this.name} to commit what it received`, read, withinMs);
    return last;
  }
}

function counter(text: string, name: string): number {
  const line = text.split("\n").find((one) => one.startsWith(`${name}{`) || one.startsWith(`${name} `));
  if (line === undefined) throw new Error(`no ${name} in the metrics`);
  return Number(line.slice(line.lastIndexOf(" ") + 1));
}
