import { HEADERS_BYTES_MAX, OFFSET_MAX, RUN_RECORDS_MAX, VALUE_BYTES_MAX } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import { topicName } from "../model/names.js";
import { isTime } from "./append-input.js";
import { decodeHeaders } from "./block-headers.js";
import { RECORD_HEADER_BYTES } from "./block-layout.js";
import type { RunColumns } from "./run-columns.js";
import type { SealedRun } from "./store.js";

/**
 * Verifies a run of another site block by block: that each fits behind the one before, and that all of them are what was said of the
 * run. Values stay packed: they are what the origin's checksum says.
 */
export class RunCheck {
  blocks = 0;
  private count = 0;
  private bytes = 0;
  private lastTopic = "";
  private lastOffset = -1;
  private readonly seen: Uint8Array;

  /** @throws LandfallError INVALID_ARGUMENT when no run can be as `run` says */
  constructor(private readonly run: SealedRun) {
    const { from, to, count, blocks, bytes, rawBytes } = run;
    const span = to - from;
    const isSane = [from, to, count, blocks, bytes, rawBytes].every((n) => Number.isSafeInteger(n) && n >= 0);
    const isRun = span <= RUN_RECORDS_MAX && count >= 1 && count <= span && blocks >= 1 && blocks <= count;
    if (!isSane || !isRun || rawBytes > count * RAW_BYTES_MAX) {
      const said = `seqs ${from} to ${to}, ${count} records of ${rawBytes} bytes, ${blocks} blocks of ${bytes} bytes`;
      throw new LandfallError("INVALID_ARGUMENT", `no run has ${said}`);
    }
    this.seen = new Uint8Array(Math.ceil(span / 8));
  }

  /** The next block. @param bytes its length. @throws LandfallError CORRUPT_BLOCK, INVALID_NAME */
  add(columns: RunColumns, bytes: number): void {
    const { run } = this;
    if (this.blocks === run.blocks) throw wrong(`more than ${run.blocks} blocks`);
    this.bytes += bytes;
    if (this.bytes > run.bytes) throw wrong(`more than ${run.bytes} bytes`);
    this.checkHeaders(columns);
    this.checkRecords(columns);
    this.count += columns.count;
    this.blocks++;
  }

  /** All blocks are there. @param id what they are called. @throws LandfallError CORRUPT_BLOCK */
  end(id: string): void {
    const { run, blocks, count, bytes } = this;
    if (blocks !== run.blocks || count !== run.count || bytes !== run.bytes) {
      const said = `${run.blocks} with ${run.count} of ${run.bytes} bytes`;
      throw wrong(`it ended after ${blocks} blocks with ${count} records of ${bytes} bytes, not ${said}`);
    }
    if (id !== run.id) throw wrong("it is not the run that it was said to be");
  }

  private checkHeaders({ count, headerBytes, headerOf }: RunColumns): void {
    for (const header of headerBytes) {
      if (header.byteLength > HEADERS_BYTES_MAX) throw wrong(`headers of ${header.byteLength} bytes`);
      decodeHeaders(header, 0);
    }
    const known = headerBytes.length;
    if (known === 0) throw wrong("headers that are not there");
    if (headerOf === undefined) return;
    for (let i = 0; i < count; i++) if ((headerOf[i] as number) >= known) throw wrong("headers that are not there");
  }

  private checkRecords({ topics, topicEnds, seqs, offsets, received, timestamps }: RunColumns): void {
    let i = 0;
    topics.forEach((topic, number) => {
      const goesOn = number === 0 && topic === this.lastTopic;
      if (!goesOn) {
        if (topic <= this.lastTopic) throw wrong("topics out of order");
        this.lastTopic = topicName(topic);
        this.lastOffset = -1;
      }
      const end = topicEnds[number] as number;
      if (end <= i) throw wrong("a topic without records");
      for (; i < end; i++) {
        const offset = offsets[i] as number;
        if (!(offset > this.lastOffset && offset <= OFFSET_MAX)) throw wrong("offsets out of order");
        this.lastOffset = offset;
        this.take(seqs[i] as number);
        if (!isTime(received[i]) || !isTime(timestamps[i])) throw wrong("impossible times");
      }
    });
  }

  private take(seq: number): void {
    const { run, seen } = this;
    const at = seq - run.from;
    const bit = 1 << (at & 7);
    const isIts = Number.isSafeInteger(at) && at >= 0 && at < run.to - run.from;
    if (!isIts || ((seen[at >>> 3] as number) & bit) !== 0) throw wrong("a seq that is not the run's, or twice");
    seen[at >>> 3] = (seen[at >>> 3] as number) | bit;
  }
}

/** A record at its limits, unpacked. */
const RAW_BYTES_MAX = RECORD_HEADER_BYTES + HEADERS_BYTES_MAX + VALUE_BYTES_MAX;

function wrong(what: string): LandfallError {
  return new LandfallError("CORRUPT_BLOCK", `a run from another site: ${what}`);
}
