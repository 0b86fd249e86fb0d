import { STAGED_BLOCK_BYTES_MAX } from "../limits.js";
import { isLandfallError } from "../model/errors.js";
import { RUN_BLOCK_HEAD_BYTES, decodeRunColumns, runBlockSize } from "./run-block.js";
import { SEGMENT_HEAD_BYTES } from "./segment-format.js";
import type { DiskFile } from "./disk.js";
import type { RunCheck } from "./run-check.js";
import type { RunColumns } from "./run-columns.js";

export interface StagedBlock {
  readonly bytes: Uint8Array;
  readonly columns: RunColumns;
}

/** Blocks of a staged file, one after the other, up to the first that is not whole or not what its run has there. */
export async function* readStagedBlocks(file: DiskFile, check: RunCheck): AsyncGenerator<StagedBlock> {
  for await (const bytes of readBlocks(file)) {
    const columns = columnsOf(bytes, check);
    if (columns === undefined) return;
    yield { bytes, columns };
  }
}

function columnsOf(block: Uint8Array, check: RunCheck): RunColumns | undefined {
  try {
    const columns = decodeRunColumns(block);
    check.add(columns, block.byteLength);
    return columns;
  } catch (error) {
    if (isLandfallError(error, "CORRUPT_BLOCK") || isLandfallError(error, "INVALID_NAME")) return undefined;
    throw error;
  }
}

async function* readBlocks(file: DiskFile): AsyncGenerator<Uint8Array> {
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
