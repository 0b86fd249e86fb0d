import { connect } from "node:net";
import { once } from "node:events";

const ALTER_CLIENT_QUOTAS = 49;
/** Bytes of the answer before the code of its one entry: its length, the number of the request, throttling, the number of entries. */
const ANSWER_HEAD_BYTES = 16;

/**
 * What a client of this id may write, bytes/s; kafkajs has no such request.
 * @throws Error with the code that the broker answered
 */
export async function limitProducer(broker: string, clientId: string, bytesPerSecond: number): Promise<void> {
  const [host = "", port = ""] = broker.split(":");
  const entity = [int32(1), text("client-id"), text(clientId)];
  const wish = [int32(1), text("producer_byte_rate"), float64(bytesPerSecond), int8(0)];
  const body = Buffer.concat([int32(1), ...entity, ...wish, int8(0)]);
  const head = [int16(ALTER_CLIENT_QUOTAS), int16(0), int32(1), text("operator")];
  const request = Buffer.concat([...head, body]);
  const socket = connect({ host, port: Number(port) });
  try {
    socket.write(Buffer.concat([int32(request.length), request]));
    let answer = Buffer.alloc(0);
    while (answer.length < ANSWER_HEAD_BYTES + 2) {
      const [more] = (await once(socket, "data")) as [Buffer];
      answer = Buffer.concat([answer, more]);
    }
    const code = answer.readInt16BE(ANSWER_HEAD_BYTES);
    if (code !== 0) throw new Error(`the broker refuses the quota: code ${code}`);
  } finally {
    socket.destroy();
  }
}

function int8(value: number): Buffer {
  return Buffer.from([value]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function float64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
}

function text(value: string): Buffer {
  return Buffer.concat([int16(value.length), Buffer.from(value, "latin1")]);
}
