import { LandfallError } from "../model/errors.js";
import type { Gap, Hole } from "../model/gap.js";
import type { OriginId } from "../model/names.js";
import type { GapNote } from "./gap-notes.js";
import type { StoreLog } from "./open-folder.js";
import type { OriginLog } from "./origin-log.js";
import type { GapListener } from "./store.js";
import type { StreamState } from "./stream-state.js";

/**
 * The gaps of a store: writes new ones down, all that arrived while the last were written at once, and tells
 * whoever listens of every change.
 */
export class GapKeeper {
  private readonly listeners = new Set<GapListener>();
  private waiting: GapNote[] = [];
  private writing: Promise<void> | undefined;

  constructor(
    private readonly options: {
      readonly own: () => OriginId;
      readonly log: StoreLog;
      /** Durable when it resolves. */
      readonly write: (gaps: readonly GapNote[]) => Promise<void>;
    },
  ) {}

  /**
   * What of the hole is not here is a gap, durably, when it resolves.
   * @throws LandfallError INVALID_ARGUMENT, SEQ_GAP, PROTOCOL_ERROR, DISK_FULL, DISK_FAILED
   */
  async note(stream: StreamState, origin: OriginId, { from, to, reason }: Hole): Promise<void> {
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0 || to <= from) {
      throw new LandfallError("INVALID_ARGUMENT", `a gap from seq ${from} to ${to}`);
    }
    const log = stream.log(origin);
    if (origin === this.options.own()) {
      throw new LandfallError("PROTOCOL_ERROR", `${stream.name}: a gap in what this node itself appends`);
    }
    if (from > log.next) {
      const why = `${stream.name}: a gap of ${origin} begins at seq ${from}, but ${log.next} is the next one lacking here`;
      throw new LandfallError("SEQ_GAP", why);
    }
    const gaps = log.missing(from, to).map(([start, end]) => ({ from: start, to: end, reason }) as Hole);
    if (gaps.length === 0) return;
    this.waiting.push(...gaps.map((gap) => ({ ...gap, stream: stream.name, origin })));
    this.writing ??= this.write();
    const written = this.writing;
    await written;
    for (const gap of gaps) log.addGap(gap.from, gap.to, gap.reason);
    this.changed(log);
  }

  of(stream: StreamState | undefined): Gap[] {
    const logs = [...(stream?.logs.values() ?? [])].sort((a, b) => (a.origin < b.origin ? -1 : 1));
    return logs.flatMap((log) => log.holes().map((hole) => ({ origin: log.origin, ...hole })));
  }

  onChange(listener: GapListener): () => void {
    const own: GapListener = (...gaps) => listener(...gaps);
    this.listeners.add(own);
    return () => void this.listeners.delete(own);
  }

  changed(log: OriginLog): void {
    const holes = this.listeners.size === 0 ? [] : log.holes();
    for (const listener of this.listeners) {
      try {
        listener({ stream: log.stream.name, origin: log.origin, nextSeq: log.next as Hole["to"], holes });
      } catch (error) {
        this.options.log.error({ err: error }, "a listener of gaps failed");
      }
    }
  }

  private async write(): Promise<void> {
    // Let everybody who notes one in this turn of the event loop into the same manifest.
    await Promise.resolve();
    const gaps = this.waiting;
    this.waiting = [];
    this.writing = undefined;
    await this.options.write(gaps);
  }
}
