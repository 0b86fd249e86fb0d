import { LENGTH_FIELD_BYTES_MAX } from "../limits.js";
import type { MqttSettings } from "./mqtt-settings.js";

/** Why a connection cannot go on: what comes is no MQTT, or more than is taken. */
export interface FrameProblem {
  readonly code: "NOT_MQTT" | "PACKET_TOO_LARGE";
  readonly message: string;
}

const CONNECT_BYTE = 0x10;

/**
 * Follows the boundaries of MQTT packets through a byte stream without keeping any of it, so that a packet which
 * announces too much is known before its first byte is buffered.
 */
export class FrameScanner {
  readonly #max: Pick<MqttSettings, "connectBytesMax" | "packetBytesMax">;
  #place: "header" | "length" | "body" = "header";
  #lengthBytes = 0;
  #length = 0;
  #left = 0;
  #packets = 0;

  constructor(max: Pick<MqttSettings, "connectBytesMax" | "packetBytesMax">) {
    this.#max = max;
  }

  /** Packets begun so far. */
  get packets(): number {
    return this.#packets;
  }

  /** Length that the packet under way announced; 0 between packets. */
  get announced(): number {
    return this.#place === "body" ? this.#length : 0;
  }

  /** Whether the last byte seen was inside a packet. */
  get isInside(): boolean {
    return this.#place !== "header";
  }

  /** Moves on over the next bytes of the connection; after a problem it is of no further use. */
  scan(chunk: Uint8Array): FrameProblem | undefined {
    let at = 0;
    while (at < chunk.length) {
      if (this.#place === "body") {
        const step = Math.min(this.#left, chunk.length - at);
        this.#left -= step;
        at += step;
        if (this.#left === 0) this.#place = "header";
        continue;
      }
      const byte = chunk[at++] as number;
      const problem = this.#place === "header" ? this.#begin(byte) : this.#lengthByte(byte);
      if (problem) return problem;
    }
    return undefined;
  }

  #begin(byte: number): FrameProblem | undefined {
    if (this.#packets === 0 && byte !== CONNECT_BYTE) {
      const shown = `0x${byte.toString(16).padStart(2, "0")}`;
      return { code: "NOT_MQTT", message: `the first byte is ${shown}: want an MQTT CONNECT (0x10)` };
    }
    this.#packets++;
    this.#place = "length";
    this.#lengthBytes = 0;
    this.#length = 0;
    return undefined;
  }

  #lengthByte(byte: number): FrameProblem | undefined {
    this.#length += (byte & 0x7f) * 128 ** this.#lengthBytes++;
    if (byte & 0x80) {
      if (this.#lengthBytes < LENGTH_FIELD_BYTES_MAX) return undefined;
      return { code: "NOT_MQTT", message: "a packet's length field has more than four bytes: this is no MQTT" };
    }
    const max = this.#packets === 1 ? this.#max.connectBytesMax : this.#max.packetBytesMax;
    if (this.#length > max) {
      const what = this.#packets === 1 ? "the CONNECT packet" : "a packet";
      return { code: "PACKET_TOO_LARGE", message: `${what} announces ${this.#length} bytes: want at most ${max}` };
    }
    this.#left = this.#length;
    this.#place = this.#left === 0 ? "header" : "body";
    return undefined;
  }
}
