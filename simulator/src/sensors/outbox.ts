import type { Publish } from "../world/state.js";

interface Entry {
  readonly publish: Publish;
  state: "waiting" | "sent" | "done";
}

/**
 * What the sensors behind one gateway have to say, in order, until the broker has acknowledged it. A message that
 * was sent and not acknowledged is sent again to the same broker: its PUBACK may have been lost on the way.
 */
export class Outbox {
  private entries: Entry[] = [];
  /** Everything before it is done. */
  private head = 0;
  /** Everything before it was sent. */
  private cursor = 0;
  private unfinished = 0;
  private droppedCount = 0;

  constructor(private readonly messagesMax: number) {}

  /** Appends; when full, the oldest that was never sent makes room and is counted. */
  push(publish: Publish): void {
    if (this.unfinished >= this.messagesMax) this.dropOldestWaiting();
    this.entries.push({ publish, state: "waiting" });
    this.unfinished++;
  }

  /** The next message to send, with what to call when it is acknowledged; undefined when there is none. */
  take(): { readonly publish: Publish; readonly acknowledged: () => void } | undefined {
    let entry = this.entries[this.cursor];
    while (entry !== undefined && entry.state !== "waiting") entry = this.entries[++this.cursor];
    if (entry === undefined) return undefined;
    const taken = entry;
    taken.state = "sent";
    this.cursor++;
    return { publish: taken.publish, acknowledged: () => this.finish(taken) };
  }

  /** The connection is gone: whatever was not acknowledged is to be sent again, in its old order. */
  connectionLost(): void {
    for (let i = this.head; i < this.cursor; i++) {
      const entry = this.entries[i];
      if (entry?.state === "sent") entry.state = "waiting";
    }
    this.cursor = this.head;
  }

  /** Messages not acknowledged, oldest first: what a snapshot has to keep. */
  unacknowledged(): Publish[] {
    return this.entries.slice(this.head).flatMap((entry) => (entry.state === "done" ? [] : [entry.publish]));
  }

  /** Messages not acknowledged. */
  get size(): number {
    return this.unfinished;
  }

  /** Messages that did not fit while the broker was away. */
  get dropped(): number {
    return this.droppedCount;
  }

  private finish(entry: Entry): void {
    if (entry.state === "done") return;
    entry.state = "done";
    this.unfinished--;
    while (this.entries[this.head]?.state === "done") this.head++;
    this.compact();
  }

  private dropOldestWaiting(): void {
    for (let i = this.head; i < this.entries.length; i++) {
      const entry = this.entries[i];
      if (entry?.state !== "waiting") continue;
      this.droppedCount++;
      this.finish(entry);
      return;
    }
  }

  /** Lets go of what is done once it is the larger part, so that each message is moved at most once. */
  private compact(): void {
    if (this.head < 1024 || this.head * 2 < this.entries.length) return;
    this.entries = this.entries.slice(this.head);
    this.cursor = Math.max(0, this.cursor - this.head);
    this.head = 0;
  }
}
