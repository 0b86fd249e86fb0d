import type { LiveEvent } from "@landfall/proto/api";
import type { Service } from "./service.js";

/** An open live feed of a headquarters, as one of its readers has it. */
export interface Feed {
  readonly events: readonly LiveEvent[];
  /** The first event that fits, from number `from` on, that came or comes. Fails when the feed ends. */
  next(fits: (event: LiveEvent) => boolean, from?: number): Promise<LiveEvent>;
  /** Resolves when it has ended, from whichever side. */
  readonly ended: Promise<void>;
  close(): void;
}

export async function follow(service: Service, token: string): Promise<Feed> {
  const controller = new AbortController();
  const answer = await fetch(`${service.url}/api/live`, {
    signal: controller.signal,
    headers: { authorization: `Bearer ${token}` },
  });
  if (answer.status !== 200) throw new Error(`the live feed of ${service.name} answers ${answer.status}`);
  const events: LiveEvent[] = [];
  const waiting = new Set<() => void>();
  let isEnded = false;
  const wake = () => {
    for (const resolve of waiting) resolve();
    waiting.clear();
  };
  const ended = (async () => {
    let text = "";
    try {
      for await (const chunk of answer.body ?? []) {
        text += Buffer.from(chunk as Uint8Array).toString("utf8");
        for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
          const event = readEvent(text.slice(0, end));
          if (event) events.push(event);
          text = text.slice(end + 2);
        }
        wake();
      }
    } catch {
      // Closed from this side, or cut.
    }
    isEnded = true;
    wake();
  })();
  return {
    events,
    ended,
    async next(fits, from = 0) {
      for (;;) {
        const found = events.slice(from).find(fits);
        if (found) return found;
        if (isEnded) throw new Error(`the live feed of ${service.name} has ended`);
        await new Promise<void>((resolve) => waiting.add(resolve));
      }
    },
    close: () => controller.abort(),
  };
}

function readEvent(block: string): LiveEvent | undefined {
  const field = (name: string) =>
    block
      .split("\n")
      .find((line) => line.startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim();
  const [type, data] = [field("event"), field("data")];
  return type === undefined || data === undefined ? undefined : ({ type, data: JSON.parse(data) } as LiveEvent);
}
