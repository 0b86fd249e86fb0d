import { isFillable, type Hole } from "../model/gap.js";
import { holdingOf } from "./holdings.js";
import { damagedNote } from "./maintenance.js";
import type { Seq } from "../model/record.js";
import type { GapNote } from "./gap-notes.js";
import type { OriginLog } from "./origin-log.js";
import type { StoreDigests } from "./store-digests.js";

export interface RepairOptions {
  readonly digests: StoreDigests;
  /** Until all that is in journals by now is sealed. */
  readonly sealNow: () => Promise<void>;
  /** Durable when it resolves. */
  readonly noteGaps: (gaps: readonly GapNote[]) => Promise<void>;
  readonly changed: (log: OriginLog) => void;
}

/**
 * Reads every byte of what is here of [from, to), and makes a gap of what cannot be read. Returns what is lacking there and may
 * be filled.
 * @throws LandfallError DISK_FULL, DISK_FAILED
 */
export async function repairRange(log: OriginLog, from: number, to: number, options: RepairOptions): Promise<Hole[]> {
  for (let at = from; at < to;) {
    const [read] = await options.digests.of(log, [{ from: at, to, step: Number.MAX_SAFE_INTEGER }], true);
    // Runs are gaps by now; blocks of journals are not.
    for (const [start, end] of read?.damaged ?? []) await giveUpUnsealed(log, start, end, options);
    at = read?.next ?? to;
  }
  return (holdingOf(log)?.gaps ?? []).flatMap((hole) => {
    const part = { ...hole, from: Math.max(hole.from, from) as Seq, to: Math.min(hole.to, to) as Seq };
    return part.from < part.to && isFillable(part.reason) ? [part] : [];
  });
}

/**
 * Blocks of unsealed journals that cannot be read. What they hold is known by topic and offset until they are sealed, and
 * would be taken for a second record under the same offset: so they are sealed first, which leaves them out.
 */
async function giveUpUnsealed(log: OriginLog, from: number, to: number, options: RepairOptions): Promise<void> {
  await options.sealNow();
  const notes = log.missing(from, to).map(([start, end]) => damagedNote(log, start, end));
  if (notes.length === 0) return;
  await options.noteGaps(notes);
  for (const { from: start, to: end, reason } of notes) log.addGap(start, end, reason);
  options.changed(log);
}
