import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { encodeEntries } from "./run-index.js";
import type { BlockEntry } from "./run-index.js";
import type { RunMeta } from "./segment-format.js";

/** The id of a run: the same for all copies of these blocks, wherever they lie. */
export function nameOfRun(
  { stream, origin, from, to, count }: Pick<RunMeta, "stream" | "origin" | "from" | "to" | "count">,
  entries: readonly BlockEntry[],
): string {
  const places = encodeEntries(entries.map((entry) => ({ ...entry, at: 0 })));
  const text = `${stream} ${origin} ${from} ${to} ${count} ${crc32(places)} `;
  return createHash("sha256").update(text).update(places).digest("base64url").slice(0, 22);
}
