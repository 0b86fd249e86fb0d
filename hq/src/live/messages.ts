import type { LiveEvent } from "@landfall/proto/api";

/** One server-sent event; `id` is where a client that saw it goes on. */
export function toSse(event: LiveEvent, id?: string): string {
  return `event: ${event.type}\n${id === undefined ? "" : `id: ${id}\n`}data: ${JSON.stringify(event.data)}\n\n`;
}

/** A comment: keeps the connection, means nothing. */
export const KEEPALIVE = ":\n\n";

/** Where a client is in the changes of one run of this program, and what time it was. */
export interface LivePosition {
  /** Names the run: changes are counted anew in each. */
  readonly run: string;
  readonly seq: number;
  /** Milliseconds since 1970. */
  readonly time: number;
}

export function encodePosition({ run, seq, time }: LivePosition): string {
  return `${run}.${seq}.${time}`;
}

/** Undefined for what is none of ours: the client then gets everything again, which does no harm. */
export function decodePosition(text: string): LivePosition | undefined {
  const found = /^([a-z0-9]{1,32})\.([0-9]{1,15})\.([0-9]{1,15})$/.exec(text);
  return found ? { run: found[1] ?? "", seq: Number(found[2]), time: Number(found[3]) } : undefined;
}
