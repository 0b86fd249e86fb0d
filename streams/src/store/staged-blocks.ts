import { STAGED_BLOCK_BYTES_MAX } from "../limits.js";
import { isLandfallError } from "../model/errors.js";
import { RUN_BLOCK_HEAD_BYTES, runBlockSize } from "./run-block.js";
import { SEGMENT_HEAD_BYTES } from "./segment-format.js";
import type { DiskFile } from "./disk.js";

/** Blocks of a staged file, one after the other, as far as they are whole. */
export async function* readBlocks(file: DiskFile): AsyncGenerator<Uint8Array> {
  const size = await file.size();
  const head = new Uint8Array(RUN_BLOCK_HEAD_BYTES);
  for (let at = SEGMENT_HEAD_BYTES; at + RUN_BLOCK_HEAD_BYTES <= size;) {
    await file.read(head, at);
    const length = sizeOf(head);
    if (length === undefined || length > STAGED_BLOCK_BYTES_MAX || at + length > size) return;
    const block = new Uint8Array(length);
    await file.read(block, at);
    yield block;
    at += length;
  }
}

function sizeOf(head: Uint8Array): number | undefined {
  try {
    return runBlockSize(head);
  } catch (error) {
    if (isLandfallError(error, "CORRUPT_BLOCK")) return undefined;
    throw error;
  }
}
