import { Frame } from "@landfall/proto/gen/landfall/v1/replication";
import type { Message } from "../machine-state.js";

/**
 * What a connection takes before its first frame, and at its end: TCP, TLS with both certificates and their chains, the
 * call's headers, both hellos.
 */
export const CONNECTION_BYTES = 16 * 1024;
/** A hello that is longer has no place in that. */
export const HELLO_BYTES_MAX = 4 * 1024;

/** Prefix of gRPC 5, header of HTTP/2 9, TLS record 22, a packet's headers (IPv6, TCP) 72, and of its acknowledgement 72. */
const FRAME_BYTES = 180;
/** So much of a frame surely fits one packet; for each further packet, headers, those of its acknowledgement, and TLS. */
const PACKET_BYTES = 1_200;
const FURTHER_PACKET_BYTES = 180;
/** Numbers beside a block in its frame, at their longest, and the name of a run. */
const ENVELOPE_BYTES = 200;

/** Upper estimate of the bytes on the wire for a frame, acknowledgements of the network included; not what is lost and sent again. */
export function wireBytes(message: Message): number {
  if (message.$case === "data" || message.$case === "sealed") return blockWireBytes(blockOf(message).byteLength);
  return onWire(Frame.encode({ body: message }).finish().byteLength);
}

/** The same for a frame with a block, or blocks of a run, of so many bytes. */
export function blockWireBytes(bytes: number): number {
  return onWire(bytes + ENVELOPE_BYTES);
}

function blockOf(message: Extract<Message, { $case: "data" | "sealed" }>): Uint8Array {
  return message.$case === "data" ? message.value.block : message.value.bytes;
}

function onWire(bytes: number): number {
  return bytes + FRAME_BYTES + Math.floor(bytes / PACKET_BYTES) * FURTHER_PACKET_BYTES;
}
