import { originId, type OriginId, type StreamName } from "../model/names.js";
import { newIncarnation, originOf, writeIdentity } from "./identity.js";
import type { Env } from "../env.js";
import type { Disk } from "./disk.js";
import type { AppendedAgain, Identity } from "./identity.js";

/** Fingerprints of journal files that are remembered: far more than ever wait to be sealed. */
const JOURNALS_KNOWN_MAX = 1000;

/** Who writes in an open folder. Each change is on disk before it counts; one is written after the other. */
export class IdentityKeeper {
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private identity: Identity,
    private readonly options: {
      readonly disk: Disk;
      readonly folder: string;
      readonly env: Env;
      /** Whether something stands in the folder under this origin. */
      readonly isTaken: (origin: OriginId) => boolean;
    },
  ) {}

  get origin(): OriginId {
    return originOf(this.identity);
  }

  /** Where records of a former origin stand again, if they do. */
  again(stream: StreamName, origin: OriginId): AppendedAgain | undefined {
    return this.identity.again?.[keyOf(stream, origin)];
  }

  /** All of them. */
  get allAgain(): { readonly stream: StreamName; readonly origin: OriginId }[] {
    return Object.keys(this.identity.again ?? {}).map((key) => {
      const [stream, origin] = key.split(" ");
      return { stream: stream as StreamName, origin: origin as OriginId };
    });
  }

  /** A journal file was begun. @throws LandfallError DISK_FULL, DISK_FAILED */
  journalBegun(name: string, fingerprint: string): Promise<void> {
    return this.change((identity) => {
      // Those that were sealed meanwhile are gone; a fingerprint costs nothing, but there would be ever more of them.
      const kept = Object.entries({ ...identity.journals, [name]: fingerprint }).slice(-JOURNALS_KNOWN_MAX);
      return { ...identity, journals: Object.fromEntries(kept) };
    });
  }

  /** Former origins under which numbers may have been given twice. */
  get restored(): readonly OriginId[] {
    return this.identity.restored ?? [];
  }

  /**
   * From now on this node appends under another origin, since it had been put back under the present one.
   * @throws LandfallError DISK_FULL, DISK_FAILED
   */
  takeIncarnation(): Promise<void> {
    return this.change((identity) => {
      const restored = [...(identity.restored ?? []), originOf(identity)];
      return { ...identity, incarnation: this.fresh(identity), restored };
    });
  }

  /**
   * The origin, never used before, under which records [from, to) of a former one are to stand again: the same one, and
   * the same records, whenever it is asked for. @throws LandfallError DISK_FULL, DISK_FAILED
   */
  async beginAgain(stream: StreamName, origin: OriginId, from: number, to: number): Promise<AppendedAgain> {
    const key = keyOf(stream, origin);
    await this.change((identity) => {
      if (identity.again?.[key] !== undefined) return identity;
      const as = this.originOf(identity, this.fresh(identity));
      return { ...identity, again: { ...identity.again, [key]: { from, to, as } } };
    });
    return this.identity.again?.[key] as AppendedAgain;
  }

  private fresh(identity: Identity): string {
    const used = new Set([originOf(identity), ...Object.values(identity.again ?? {}).map(({ as }) => as)]);
    return newIncarnation(this.options.env, (digits) => {
      const origin = this.originOf(identity, digits);
      return used.has(origin) || this.options.isTaken(origin);
    });
  }

  private originOf({ site, node }: Identity, incarnation: string): OriginId {
    return originId(`${site}.${node}~${incarnation}`);
  }

  private change(change: (identity: Identity) => Identity): Promise<void> {
    const changed = this.writing.then(() => this.write(change));
    this.writing = changed.catch(() => undefined);
    return changed;
  }

  private async write(change: (identity: Identity) => Identity): Promise<void> {
    const next = change(this.identity);
    if (next === this.identity) return;
    await writeIdentity(this.options.disk, this.options.folder, next);
    this.identity = next;
  }
}

function keyOf(stream: StreamName, origin: OriginId): string {
  return `${stream} ${origin}`;
}
