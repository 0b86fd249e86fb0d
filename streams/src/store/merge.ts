import { join } from "node:path";
import { RunCursor, keyOf, sharedChars } from "./merge-cursor.js";
import { mergedDigests } from "./run-digests.js";
import { SegmentWriter } from "./run-writer.js";
import { readError } from "./disk-errors.js";
import { segmentName } from "./segment-format.js";
import type { Disk, DiskFile } from "./disk.js";
import type { NewSegment } from "./seal.js";
import type { RunMeta } from "./segment-format.js";

export interface MergeInput {
  readonly segment: number;
  readonly meta: RunMeta;
}

/** Each group becomes one run, all of them in one segment. */
export interface MergeJob {
  readonly kind: "merge";
  readonly folder: string;
  /** Runs of one origin in one stream each, in order of seq; what lies between them was superseded. */
  readonly groups: readonly (readonly MergeInput[])[];
  readonly segment: number;
  readonly packed: boolean;
  /** Keep only the newest record of each topic. */
  readonly compact: boolean;
  /** Leave out what lies before this seq: the one group becomes a run that begins with it. */
  readonly after?: number;
  /** Leave out this seq and what lies behind it: the one group becomes a run that ends before it. */
  readonly before?: number;
}

/** @throws LandfallError CORRUPT_BLOCK, DISK_FULL, DISK_FAILED */
export async function mergeRuns(disk: Disk, job: MergeJob): Promise<NewSegment[]> {
  const path = join(job.folder, segmentName(job.segment));
  const writer = await SegmentWriter.create(disk, path, job.segment, job.packed);
  const files = new Map<number, DiskFile>();
  try {
    for (const group of job.groups) {
      const [first, last] = [group[0] as MergeInput, group.at(-1) as MergeInput];
      const { stream, origin } = first.meta;
      const [from, to] = [job.after ?? first.meta.from, job.before ?? last.meta.to];
      const isWhole = !job.compact && job.after === undefined && job.before === undefined;
      const metas = group.map(({ meta }) => meta);
      writer.beginRun(stream, origin, from, to, isWhole ? (mergedDigests(metas, from, to) ?? "nowhere") : "records");
      const inputs: RunCursor[] = [];
      for (const { segment, meta } of group) {
        const file = files.get(segment) ?? (await open(disk, join(job.folder, segmentName(segment))));
        files.set(segment, file);
        const cursor = new RunCursor(file, meta, job.after ?? 0, job.before ?? Infinity);
        if (await cursor.begin()) inputs.push(cursor);
      }
      await mergeGroup(inputs, writer, job.compact);
      writer.endRun();
      await writer.flush();
    }
    const bytes = await writer.finish();
    await disk.syncFolder(job.folder);
    return [{ number: job.segment, bytes, runs: writer.runs }];
  } catch (error) {
    await writer.abandon();
    throw readError(error, path);
  } finally {
    for (const file of files.values()) await file.close();
  }
}

/** Topic by topic; within one, run after run: of one origin, later seqs have larger offsets. */
async function mergeGroup(inputs: readonly RunCursor[], writer: SegmentWriter, compact: boolean): Promise<void> {
  const left = inputs.toSorted((a, b) => a.from - b.from);
  const shared = sharedChars(left);
  // Side by side, because most comparisons are of two of them and nothing else.
  const keys = Float64Array.from(left, (input) => keyOf(input, shared));
  while (left.length > 0) {
    const at = firstOf(left, keys);
    const input = left[at] as RunCursor;
    const isSuperseded = compact && left.some((other) => other.from > input.from && other.compare(input) === 0);
    input.give(writer, compact, isSuperseded);
    while (input.atBlockEnd) {
      if (writer.isDue) await writer.flush();
      if (!(await input.nextBlock())) break;
      input.give(writer, compact, isSuperseded);
    }
    if (input.ended) {
      left.splice(at, 1);
      keys.copyWithin(at, at + 1);
    } else keys[at] = keyOf(input, shared);
  }
}

/** Which of the inputs is next in order of topic and run; they are in order of their runs. */
function firstOf(inputs: readonly RunCursor[], keys: Float64Array): number {
  let first = 0;
  let least = keys[0] as number;
  const { length } = inputs;
  for (let i = 1; i < length; i++) {
    const key = keys[i] as number;
    if (key > least) continue;
    if (key === least && (inputs[first] as RunCursor).compare(inputs[i] as RunCursor) <= 0) continue;
    first = i;
    least = key;
  }
  return first;
}

async function open(disk: Disk, path: string): Promise<DiskFile> {
  try {
    return await disk.open(path, "read");
  } catch (error) {
    throw readError(error, path);
  }
}
