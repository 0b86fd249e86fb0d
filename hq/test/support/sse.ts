import type { LiveEvent } from "@landfall/proto/api";

export interface LiveMessage {
  readonly event: LiveEvent;
  readonly id: string | undefined;
}

/** Reads server-sent events as any client would. */
export class SseClient {
  readonly messages: LiveMessage[] = [];
  readonly comments: string[] = [];
  lastId: string | undefined;
  /** Set when the server ended the answer. */
  isEnded = false;
  private readonly waiting = new Set<() => void>();
  private constructor(
    readonly status: number,
    private readonly controller: AbortController,
  ) {}

  static async open(url: string, token: string, lastEventId?: string): Promise<SseClient> {
    const controller = new AbortController();
    const response = await fetch(url, {
      signal: controller.signal,
      headers: {
        authorization: `Bearer ${token}`,
        ...(lastEventId !== undefined && { "last-event-id": lastEventId }),
      },
    });
    const client = new SseClient(response.status, controller);
    if (response.status === 200) void client.follow(response);
    return client;
  }

  /** Resolves with the first message that fits, of those that came already or will. */
  async next(fits: (event: LiveEvent) => boolean, from = 0): Promise<LiveMessage> {
    for (;;) {
      const found = this.messages.slice(from).find(({ event }) => fits(event));
      if (found) return found;
      if (this.isEnded) throw new Error(`the feed ended after ${JSON.stringify(this.messages)}`);
      await new Promise<void>((resolve) => this.waiting.add(resolve));
    }
  }

  async ended(): Promise<void> {
    while (!this.isEnded) await new Promise<void>((resolve) => this.waiting.add(resolve));
  }

  close(): void {
    this.controller.abort();
  }

  private async follow(response: Response): Promise<void> {
    let text = "";
    try {
      for await (const chunk of response.body ?? []) {
        text += Buffer.from(chunk as Uint8Array).toString("utf8");
        for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
          this.take(text.slice(0, end));
          text = text.slice(end + 2);
        }
        this.wake();
      }
    } catch {
      // Closed from this side, or cut.
    }
    this.isEnded = true;
    this.wake();
  }

  private take(block: string): void {
    const fields = new Map(
      block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
    );
    const [type, data, id] = [fields.get("event"), fields.get("data"), fields.get("id")];
    if (id !== undefined) this.lastId = id;
    if (type !== undefined && data !== undefined) {
      this.messages.push({ event: { type, data: JSON.parse(data) as unknown } as LiveEvent, id });
    } else this.comments.push(block);
  }

  private wake(): void {
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
  }
}
