import type { Announce, Data, Gap, Hello, Hole, Request, Sealed } from "@landfall/proto/gen/landfall/v1/replication";
import {
  BLOCK_BYTES_MAX,
  BLOCK_RECORDS_MAX,
  DIGEST_CHUNK_RECORDS,
  RUN_RECORDS_MAX,
  STREAM_NAME_CHARS_MAX,
} from "../limits.js";
import { LandfallError } from "../model/errors.js";
import { nodeName, originId, siteName, streamName } from "../model/names.js";
import type { Message } from "./machine-state.js";
import {
  ALLOWANCE_BYTES_MAX,
  CREDIT_BYTES_MAX,
  DIGESTS_PER_REQUEST_MAX,
  HOLES_PER_HOLDING_MAX,
  LINK_NAME_CHARS_MAX,
  PATTERNS_MAX,
  RUN_ID_CHARS_MAX,
} from "./wire-limits.js";

/**
 * Whether a frame says what a peer may say, whatever was said before it: names by their grammar, numbers and lists within
 * their bounds. A frame is looked at whole before any of it is acted on.
 * @throws LandfallError INVALID_NAME, PROTOCOL_ERROR
 */
export function checkFrame(message: Message): void {
  switch (message.$case) {
    case "hello":
      checkHello(message.value);
      break;
    case "announce":
      checkAnnounce(message.value);
      break;
    case "request":
      checkRequest(message.value);
      break;
    case "data":
      checkData(message.value);
      break;
    case "sealed":
      checkSealed(message.value);
      break;
    case "gap":
      checkGap(message.value);
      break;
    case "credit":
      atMost(message.value.bytes, CREDIT_BYTES_MAX, "bytes of credit");
      break;
    case "allowance":
      atMost(message.value.bytes, ALLOWANCE_BYTES_MAX, "bytes of allowance");
      break;
  }
}

function checkHello({ site, node, link, carries, wants, urgent }: Hello): void {
  siteName(site);
  nodeName(node);
  atMost(link.length, LINK_NAME_CHARS_MAX, "characters in the name of a link");
  for (const patterns of [carries, wants, urgent]) {
    atMost(patterns.length, PATTERNS_MAX, "stream patterns in a hello");
    for (const { length } of patterns) atMost(length, STREAM_NAME_CHARS_MAX, "characters in a stream pattern");
  }
}

function checkAnnounce({ holdings }: Announce): void {
  for (const { stream, origin, holes } of holdings) {
    streamName(stream);
    originId(origin);
    atMost(holes.length, HOLES_PER_HOLDING_MAX, "holes of one origin");
    let end = 0;
    for (const hole of holes) {
      if (hole.from < end) wrong(`a hole from seq ${hole.from} behind one that ends at ${end}`);
      end = endOf(hole);
    }
  }
}

function checkRequest({ stream, origin, from, to, digests, staged }: Request): void {
  streamName(stream);
  originId(origin);
  if (to !== 0 && to <= from) wrong(`a request from seq ${from} to ${to}`);
  atMost(digests.length, DIGESTS_PER_REQUEST_MAX, "digests in a request");
  for (const digest of digests) {
    if (digest.to <= digest.from) wrong(`a digest from seq ${digest.from} to ${digest.to}`);
    atMost(digest.to - digest.from, DIGEST_CHUNK_RECORDS, "records in a digest");
  }
  atMost(staged?.run.length ?? 0, RUN_ID_CHARS_MAX, "characters in the id of a run");
}

function checkData({ count, block }: Data): void {
  if (count === 0) wrong("data without records");
  atMost(count, BLOCK_RECORDS_MAX, "records in a block");
  atMost(block.byteLength, BLOCK_BYTES_MAX, "bytes in a block");
}

function checkSealed({ run, from, to, count, blocks, runBytes, first, next, bytes }: Sealed): void {
  atMost(run.length, RUN_ID_CHARS_MAX, "characters in the id of a run");
  atMost(to - from, RUN_RECORDS_MAX, "seqs in a sealed run");
  const isRun = from < to && count >= 1 && count <= to - from && blocks >= 1 && blocks <= count;
  if (!isRun) wrong(`a sealed run of seqs ${from} to ${to} with ${count} records in ${blocks} blocks`);
  if (first >= next || next > blocks) wrong(`blocks ${first} to ${next} of a run of ${blocks}`);
  if (bytes.byteLength > runBytes) wrong(`${bytes.byteLength} bytes of a run of ${runBytes}`);
}

function checkGap({ hole }: Gap): void {
  if (hole !== undefined) endOf(hole);
}

function endOf({ from, to }: Hole): number {
  if (to <= from) wrong(`a hole from seq ${from} to ${to}`);
  return to;
}

function atMost(number: number, max: number, what: string): void {
  if (number > max) wrong(`${number} ${what}; at most ${max} are taken`);
}

function wrong(what: string): never {
  throw new LandfallError("PROTOCOL_ERROR", what);
}
