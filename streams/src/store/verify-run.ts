import { crc32 } from "node:zlib";
import { LandfallError, isLandfallError } from "../model/errors.js";
import { decodeRunBlock } from "./run-block.js";
import { decodeEntries, decodePages } from "./run-index.js";
import type { DiskFile } from "./disk.js";
import type { RunMeta } from "./segment-format.js";

export interface RunDamage {
  /** Byte of the segment at which the damaged part begins. */
  readonly at: number;
  readonly why: string;
}

/** Reads all of a sealed run: its directory, its index, its blocks. Undefined when nothing is wrong with it. */
export async function verifyRun(file: DiskFile, meta: RunMeta): Promise<RunDamage | undefined> {
  let { at } = meta;
  try {
    const directory = await readBytes(file, meta.at, meta.bytes);
    if (crc32(directory) !== meta.crc) throw new LandfallError("CORRUPT_BLOCK", "a damaged directory");
    let count = 0;
    for (const page of decodePages(directory)) {
      ({ at } = page);
      const entries = await readBytes(file, page.at, page.bytes);
      if (crc32(entries) !== page.crc) throw new LandfallError("CORRUPT_BLOCK", "a damaged index page");
      for (const entry of decodeEntries(entries)) {
        ({ at } = entry);
        count += decodeRunBlock(await readBytes(file, entry.at, entry.bytes)).count;
      }
    }
    if (count !== meta.count) throw new LandfallError("CORRUPT_BLOCK", `${count} records instead of ${meta.count}`);
    return undefined;
  } catch (error) {
    if (!isLandfallError(error, "CORRUPT_BLOCK")) throw error;
    return { at, why: error.message };
  }
}

/** As many of the bytes as there are. */
export async function readBytes(file: DiskFile, at: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  return bytes.subarray(0, await file.read(bytes, at));
}
