import { isLandfallError } from "../model/errors.js";
import { parseJournalBlock } from "./journal-block.js";
import {
  FILE_HEAD_BYTES,
  FRAME_HEAD_BYTES,
  FRAME_MAGIC_BYTES,
  decodeFrameHead,
  frameHeadBut1Bit,
} from "./journal-format.js";
import type { JournalBlock } from "./journal-block.js";
import type { DiskFile } from "./disk.js";
import type { FileHead, FrameHead } from "./journal-format.js";

/** A frame whose head and block are intact. */
export interface Frame {
  readonly head: FrameHead;
  readonly block: JournalBlock;
  /** Where the frame begins in its file; the block follows its head. */
  readonly position: number;
}

export interface ScanVisitor {
  frame(frame: Frame): void;
  /** Bytes [from, to) are no intact frame. `head` is there when only the block is damaged. */
  damage(from: number, to: number, why: string, head: FrameHead | undefined): void;
}

/** Bytes read at once. Not reused: blocks that were handed out are views on them. */
const WINDOW_BYTES = 4 * 1024 * 1024;

/**
 * Walks over one file of a journal. Returns where the last frame that is there in full ends: what follows is the
 * beginning of a frame whose rest is missing, as a crash in the middle of a write leaves it, or belongs to the journal
 * that this one overwrites.
 */
export async function scanJournalFile(
  file: DiskFile,
  size: number,
  { salt, overwrites }: FileHead,
  visitor: ScanVisitor,
): Promise<number> {
  const window = new Window(file, size);
  let at = FILE_HEAD_BYTES;
  while (at + FRAME_HEAD_BYTES <= size) {
    const headBytes = window.view(at, FRAME_HEAD_BYTES) ?? (await window.load(at, FRAME_HEAD_BYTES));
    const head = decodeFrameHead(headBytes, salt);
    if (head === undefined) {
      // Loading moves the window.
      const near = overwrites ? frameHeadBut1Bit(headBytes, salt) : undefined;
      let next = await findFrame(window, at + 1, size, salt);
      if (overwrites && next === size) {
        if (near === undefined) return at;
        next = Math.min(at + FRAME_HEAD_BYTES + near.blockBytes, size);
      }
      visitor.damage(at, next, "no frame", near);
      at = next;
      continue;
    }
    const from = at + FRAME_HEAD_BYTES;
    const end = from + head.blockBytes;
    if (end > size) return at;
    const bytes = window.view(from, head.blockBytes) ?? (await window.load(from, head.blockBytes));
    try {
      visitor.frame({ head, block: parseJournalBlock(bytes), position: at });
    } catch (error) {
      if (!isLandfallError(error, "CORRUPT_BLOCK")) throw error;
      visitor.damage(at, end, error.message, head);
    }
    at = end;
  }
  return at;
}

/** Position of the next frame's head at or after `at`, or `size` when there is none. */
async function findFrame(window: Window, at: number, size: number, salt: Uint8Array): Promise<number> {
  let from = at;
  while (from + FRAME_HEAD_BYTES <= size) {
    const bytes = window.rest(from, FRAME_HEAD_BYTES) ?? (await window.loadRest(from));
    const found = bytes.indexOf(FRAME_MAGIC_BYTES);
    if (found < 0) {
      // The magic may lie across the end of what was searched.
      from += Math.max(bytes.byteLength - FRAME_MAGIC_BYTES.byteLength + 1, 1);
      continue;
    }
    from += found;
    if (from + FRAME_HEAD_BYTES > size) break;
    const head = window.view(from, FRAME_HEAD_BYTES) ?? (await window.load(from, FRAME_HEAD_BYTES));
    if (decodeFrameHead(head, salt) !== undefined) return from;
    from++;
  }
  return size;
}

class Window {
  private bytes = Buffer.alloc(0);
  private start = 0;
  constructor(
    private readonly file: DiskFile,
    private readonly size: number,
  ) {}

  view(at: number, length: number): Uint8Array | undefined {
    const from = at - this.start;
    return from >= 0 && from + length <= this.bytes.byteLength ? this.bytes.subarray(from, from + length) : undefined;
  }

  async load(at: number, length: number): Promise<Uint8Array> {
    const wanted = Math.min(Math.max(length, WINDOW_BYTES), this.size - at);
    const bytes = Buffer.allocUnsafeSlow(wanted);
    const read = await this.file.read(bytes, at);
    this.bytes = bytes.subarray(0, read);
    this.start = at;
    // Shorter than asked for only when the file shrinks under us; then what is missing shows as damage.
    return this.bytes.subarray(0, length);
  }

  /** All that is loaded from `at` on, if it is at least `length` bytes. */
  rest(at: number, length: number): Buffer | undefined {
    const from = at - this.start;
    return from >= 0 && from + length <= this.bytes.byteLength ? this.bytes.subarray(from) : undefined;
  }

  async loadRest(at: number): Promise<Buffer> {
    await this.load(at, 0);
    return this.bytes;
  }
}
