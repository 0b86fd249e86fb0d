import type { Channel, ListenerEvents } from "../src/replication/transport.js";

/** A listener that lets everybody in. */
export function acceptAll(accept: (channel: Channel) => void): ListenerEvents {
  return { admit: () => undefined, accept, turnedAway: () => undefined };
}
