import type { Aedes, Client, PublishPacket } from "aedes";
import { GuardedConnection } from "./guarded-connection.js";

/** What we need of aedes beyond its types, in one place: its version is to be looked at with each update (mqtt-conformance.test.ts). */
interface Inside {
  readonly clients: Readonly<Record<string, Client>>;
  publish(packet: PublishPacket, client: Client | Done, done?: Done): void;
  unregisterClient(client: Client): void;
}
type Done = (error?: Error) => void;

export function clientOf(aedes: Aedes, id: string): Client | undefined {
  return inside(aedes).clients[id];
}

/** For one that left while it was let in: aedes registers it all the same, and would keep it for ever. */
export function unregister(aedes: Aedes, client: Client): void {
  if (clientOf(aedes, client.id) === client) inside(aedes).unregisterClient(client);
}

/** From now on only packets for which `isPassed` go to subscribers, and aedes' own `$SYS`, which has no client. */
export function forwardOnly(aedes: Aedes, isPassed: (packet: PublishPacket) => boolean): void {
  const broker = inside(aedes);
  const publish = broker.publish.bind(aedes);
  broker.publish = (packet, client, done) => {
    const isOwn = typeof client === "function" && packet.topic.startsWith("$SYS/");
    if (isOwn || isPassed(packet)) return publish(packet, client, done);
    (typeof client === "function" ? client : done)?.();
  };
}

/** Resolves when everything written to a connection has left. */
export function flushed(connection: GuardedConnection): Promise<void> {
  // aedes writes acknowledgements in a later turn of the event loop; end() then waits for all that is written.
  return new Promise((resolve) => {
    connection.once("close", resolve);
    setImmediate(() => setImmediate(() => connection.end(() => resolve())));
  });
}

/** `address:port` of a client. */
export function remoteOf(client: Client): string {
  return client.conn instanceof GuardedConnection ? client.conn.remote : "";
}

/** What mqtt-packet and aedes say of packets that make no sense; a connection that was merely cut is no such thing. */
export function isProtocolError(error: Error & { code?: string }): boolean {
  return (
    error.code === undefined && /invalid|must|not allowed|cannot|expected|parse|malformed|illegal/i.test(error.message)
  );
}

function inside(aedes: Aedes): Inside {
  return aedes as unknown as Inside;
}
