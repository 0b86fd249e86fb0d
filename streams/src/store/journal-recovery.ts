import { FILE_HEAD_BYTES, FRAME_HEAD_BYTES } from "./journal-format.js";
import type { FrameHead } from "./journal-format.js";
import type { Frame, ScanVisitor } from "./journal-scan.js";

/** Bytes of a journal file that cannot be read back. */
export interface Damage {
  readonly file: number;
  readonly from: number;
  readonly to: number;
  readonly why: string;
}

/** The end of the journal that has to go: a commit that was not acknowledged. */
export interface Tail {
  readonly file: number;
  readonly from: number;
  /** Where what was written in it ends; behind that the file may go on with an earlier journal. */
  readonly to: number;
  /** Unreadable bytes lie in it, so that it cannot be told from an acknowledged commit that rotted. */
  readonly ambiguous: boolean;
}

interface OpenCommit {
  readonly number: number;
  readonly file: number;
  readonly from: number;
  /** Where what is known of it ends. */
  to: number;
  readonly frames: Frame[];
  readonly total: number;
  sawLast: boolean;
  damaged: boolean;
}

/**
 * Decides, frame by frame, which commits of a journal count.
 *
 * A commit is written after the one before it is durable. So whatever is missing of a commit with a later one behind
 * it was lost later: damage, and its other frames count. Only the last commit may be torn, and then none of it was
 * acknowledged: none of it counts, and its bytes are cut off. A last commit whose last frame is there but
 * another is unreadable may have been acknowledged: what is left of it counts. Where journals are overwritten, a torn
 * commit looks just like that, so there none of it counts.
 */
export class JournalRecovery {
  readonly damages: Damage[] = [];
  private open: OpenCommit | undefined;
  private file = 0;
  private damagedSince = false;
  /** Where the last commit that counts ends, in the current file. */
  private settled = 0;

  /**
   * @param take called with every frame that counts, in order, with the number of its file
   * @param lastCommit number of the last commit that counts; -1 for none
   */
  constructor(
    private readonly take: (file: number, frame: Frame) => void,
    public lastCommit = -1,
  ) {}

  /** Begins the next file; its frames go to the visitor. */
  beginFile(file: number): ScanVisitor {
    // A file is begun only after the commits before it are durable.
    this.settle();
    this.file = file;
    this.settled = FILE_HEAD_BYTES;
    return {
      frame: (frame) => this.frame(frame),
      damage: (from, to, why, head) => this.damage(from, to, why, head),
    };
  }

  /** For a file that is missing or has no readable head. */
  lostFile(file: number, bytes: number, why: string): void {
    this.damages.push({ file, from: 0, to: bytes, why });
    this.damagedSince = true;
  }

  /** An incomplete frame at the end of a file that is not the last. */
  incomplete(file: number, from: number, to: number): void {
    this.damages.push({ file, from, to, why: "the file ends within a frame" });
    this.damagedSince = true;
  }

  /** After the last file, which has `size` bytes: what to cut off, if anything. */
  finish(size: number, overwrites: boolean): Tail | undefined {
    if (this.open?.sawLast === true && !overwrites) this.settle();
    const from = overwrites ? this.settled : (this.open?.from ?? this.settled);
    this.open = undefined;
    if (from >= size) return undefined;
    const within = this.damages.filter((damage) => damage.file === this.file && damage.from >= from);
    const kept = this.damages.filter((damage) => !within.includes(damage));
    this.damages.splice(0, this.damages.length, ...kept);
    const to = overwrites ? Math.max(from, ...within.map((damage) => damage.to)) : size;
    return { file: this.file, from, to, ambiguous: within.length > 0 };
  }

  private frame(frame: Frame): void {
    const open = this.enter(frame.head, frame.position);
    if (open === undefined) {
      const to = endOf(frame.head, frame.position);
      this.damages.push({ file: this.file, from: frame.position, to, why: "a frame out of order" });
      return;
    }
    open.frames.push(frame);
    if (open.frames.length === open.total) this.settle();
  }

  private damage(from: number, to: number, why: string, head: FrameHead | undefined): void {
    if (head !== undefined) this.enter(head, from);
    if (this.open !== undefined) this.open.damaged = true;
    this.damages.push({ file: this.file, from, to, why });
    this.damagedSince = true;
  }

  /** The commit that this head belongs to; undefined when it is one that is over. */
  private enter(head: FrameHead, position: number): OpenCommit | undefined {
    if (this.open !== undefined && head.commit !== this.open.number) this.settle();
    if (this.open === undefined) {
      if (head.commit <= this.lastCommit) return undefined;
      if (head.commit > this.lastCommit + 1 && !this.damagedSince) {
        const why = `commits ${this.lastCommit + 1} to ${head.commit - 1} are missing`;
        this.damages.push({ file: this.file, from: position, to: position, why });
      }
      this.open = {
        number: head.commit,
        file: this.file,
        from: position,
        to: position,
        frames: [],
        total: head.frames,
        sawLast: false,
        damaged: false,
      };
    }
    this.open.to = endOf(head, position);
    this.open.sawLast ||= head.index === head.frames - 1;
    return this.open;
  }

  private settle(): void {
    const { open } = this;
    if (open === undefined) return;
    this.open = undefined;
    this.lastCommit = open.number;
    if (open.frames.length < open.total) {
      this.damagedSince = true;
      if (!open.damaged) this.damages.push({ file: open.file, from: open.to, to: open.to, why: "frames are missing" });
    } else {
      this.damagedSince = false;
    }
    this.settled = open.to;
    for (const frame of open.frames) this.take(open.file, frame);
  }
}

function endOf(head: FrameHead, position: number): number {
  return position + FRAME_HEAD_BYTES + head.blockBytes;
}
