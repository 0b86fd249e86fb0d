import { journalNumber } from "./journal-format.js";
import { scanJournalFile } from "./journal-scan.js";
import type { Identity } from "./identity.js";
import type { FoundFile } from "./journal-files.js";
import type { JournalRecovery, Tail } from "./journal-recovery.js";

/** Numbers of the journals that must be there: those that were begun here, and are not sealed. */
export function unsealedJournals({ journals }: Identity, sealedJournal: number): number[] {
  return Object.keys(journals)
    .map((name) => journalNumber(name) ?? 0)
    .filter((number) => number > sealedJournal);
}

/** The journal that the last commit went to; one behind it was made ahead. */
export function lastUsed(files: readonly FoundFile[]): FoundFile | undefined {
  return files.findLast(({ isEmpty }) => !isEmpty) ?? files.at(-1);
}

/**
 * Walks over all journals of a folder, oldest first; `recovery` decides which commits count, and knows the damage afterwards.
 * @param expected numbers of journals that must be there
 * @returns what has to go from the end of the last one in use, if anything
 */
export async function replayJournals(
  files: readonly FoundFile[],
  expected: readonly number[],
  recovery: JournalRecovery,
): Promise<Tail | undefined> {
  const present = new Set(files.map(({ number }) => number));
  for (const number of expected) if (!present.has(number)) recovery.lostFile(number, 0, "the file is missing");
  let tail: Tail | undefined;
  const used = lastUsed(files);
  for (const found of files) {
    if (found.head === undefined) {
      recovery.lostFile(found.number, found.size, "the file has no readable head");
      continue;
    }
    const end = await scanJournalFile(found.file, found.size, found.head, recovery.beginFile(found.number));
    const { overwrites } = found.head;
    // Where an earlier journal may follow, what is missing shows in the numbers of the commits.
    if (found === used) tail = recovery.finish(found.size, overwrites);
    else if (end < found.size && !overwrites && !found.isEmpty) recovery.incomplete(found.number, end, found.size);
  }
  if (used?.head === undefined) recovery.finish(0, false);
  return tail;
}
