import { createReadStream } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { CHECKPOINT_PIECE_CHARS } from "../limits.js";
import { replaceFile } from "../util/kept-file.js";

/**
 * A file of many JSON values, a line each with its checksum before it, and how many there are at its end. Written and read a piece at
 * a time, so that requests get their turn; replaced as a whole, so that a crash leaves the old or the new one.
 */

/** Durable when it resolves. @throws LandfallError DISK_FULL, DISK_FAILED */
export function writeLines(path: string, values: Iterable<unknown>): Promise<void> {
  return replaceFile(path, (draft) => fill(draft, values));
}

async function fill(draft: FileHandle, values: Iterable<unknown>): Promise<void> {
  let piece = "";
  let count = 0;
  for (const value of values) {
    piece += toLine(value);
    count++;
    if (piece.length < CHECKPOINT_PIECE_CHARS) continue;
    await draft.appendFile(piece);
    piece = "";
  }
  await draft.appendFile(piece + toLine({ end: count }));
}

/**
 * The values of a file, in their order; none when there is no such file.
 * @throws Error at a line that is not as it was written, or at the end where lines are lacking
 */
export async function* readLines(path: string): AsyncGenerator<unknown, void, void> {
  let rest = "";
  let count = 0;
  let isWhole = false;
  try {
    for await (const piece of createReadStream(path, { encoding: "utf8", highWaterMark: CHECKPOINT_PIECE_CHARS })) {
      const lines = (rest + (piece as string)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const value = fromLine(line);
        isWhole = "end" in value && value.end === count;
        if ("end" in value) continue;
        count++;
        yield value;
      }
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if (!isWhole || rest !== "") throw new Error(`it ends after ${count} lines`);
}

function toLine(value: unknown): string {
  const text = JSON.stringify(value);
  return `${sumOf(text)} ${text}\n`;
}

function fromLine(line: string): object {
  const text = line.slice(SUM_CHARS + 1);
  if (line.slice(0, SUM_CHARS) !== sumOf(text)) throw new Error("a line is damaged");
  return JSON.parse(text) as object;
}

const SUM_CHARS = 8;

function sumOf(text: string): string {
  return crc32(text).toString(16).padStart(SUM_CHARS, "0");
}
