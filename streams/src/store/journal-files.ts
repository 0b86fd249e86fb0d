import { join } from "node:path";
import { LandfallError } from "../model/errors.js";
import {
  FILE_HEAD_BYTES,
  FRAME_HEAD_BYTES,
  decodeFileHead,
  decodeFrameHead,
  journalName,
  journalNumber,
} from "./journal-format.js";
import { scanJournalFile } from "./journal-scan.js";
import type { Disk, DiskFile } from "./disk.js";
import type { Identity } from "./identity.js";
import type { FileHead } from "./journal-format.js";

/** A journal file that is open for reading. */
export interface FoundFile {
  readonly number: number;
  readonly file: DiskFile;
  readonly size: number;
  readonly fingerprint: string;
  readonly head: FileHead | undefined;
  /** Nothing was ever committed to it. */
  readonly isEmpty: boolean;
}

/** Opens all journal files and reads their heads. @throws LandfallError UNSUPPORTED_FORMAT */
export async function findFiles(disk: Disk, folder: string): Promise<FoundFile[]> {
  const numbers = (await disk.list(folder)).map(journalNumber).filter((number) => number !== undefined);
  const files: FoundFile[] = [];
  try {
    for (const number of numbers.sort((a, b) => a - b)) {
      const file = await disk.open(join(folder, journalName(number)), "read");
      const bytes = new Uint8Array(FILE_HEAD_BYTES + FRAME_HEAD_BYTES);
      const begin = bytes.subarray(0, await file.read(bytes, 0));
      const decoded = decodeFileHead(begin);
      const head = typeof decoded === "object" && decoded.number === number ? decoded : undefined;
      const size = await file.size();
      files.push({
        number,
        file,
        size,
        fingerprint: await file.fingerprint(),
        head,
        isEmpty: size <= FILE_HEAD_BYTES || (head?.overwrites === true && !(await hasFrames(file, size, head, begin))),
      });
      if (typeof decoded === "number") {
        throw new LandfallError(
          "UNSUPPORTED_FORMAT",
          `${join(folder, journalName(number))} has format ${decoded}, which this program does not read; nothing was changed`,
        );
      }
    }
  } catch (error) {
    for (const { file } of files) await file.close();
    throw error;
  }
  return files;
}

/** A crash after a journal was sealed leaves its file. */
export async function dropSealed(disk: Disk, folder: string, files: FoundFile[], sealed: number): Promise<void> {
  while (files[0] !== undefined && files[0].number <= sealed) {
    const [{ file, number }] = files.splice(0, 1) as [FoundFile];
    await file.close();
    await disk.remove(join(folder, journalName(number)));
  }
}

/** A crash while a new file is made leaves one that the identity does not know and that holds nothing. */
export function unborn(files: readonly FoundFile[], identity: Identity): FoundFile | undefined {
  const last = files.at(-1);
  if (last === undefined || !last.isEmpty) return undefined;
  return Object.hasOwn(identity.journals, journalName(last.number)) ? undefined : last;
}

export async function dropUnborn(disk: Disk, folder: string, files: FoundFile[], identity: Identity): Promise<void> {
  const last = unborn(files, identity);
  if (last === undefined) return;
  files.pop();
  await last.file.close();
  await disk.remove(join(folder, journalName(last.number)));
}

/** Anything of its own, damaged or not; what is seldom asked for is looked for in the whole file. */
async function hasFrames(file: DiskFile, size: number, head: FileHead, begin: Uint8Array): Promise<boolean> {
  if (decodeFrameHead(begin.subarray(FILE_HEAD_BYTES), head.salt) !== undefined) return true;
  let found = false;
  const note = (): void => {
    found = true;
  };
  await scanJournalFile(file, size, head, { frame: note, damage: note });
  return found;
}
