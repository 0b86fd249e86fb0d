import type { Frame } from "@landfall/proto/gen/landfall/v1/replication";
import type { Channel, Transport } from "@landfall/streams/replication/transport";
import { decodeRunColumns, runBlockLength } from "@landfall/streams/store/run-block";

/** What one connection carried, as one of its ends saw it: bytes of blocks. */
export interface Carried {
  sent: number;
  arrived: number;
}

/** Counts what crosses into one site and out of it, record by record, below everything that could hide it. */
export class Counts {
  /** Records that arrived, and those of them that had arrived before. */
  arrived = 0;
  twice = 0;
  /** Standing requests beyond the first for each history: so often was a source changed. */
  changes = 0;
  recordsSent = 0;
  /** The widest window that a peer said it has, bytes. */
  windowBytes = 0;
  /** In the order in which they were opened. */
  readonly connections: Carried[] = [];
  private readonly keys = new Map<number, string>();
  private readonly asked = new Set<string>();
  private readonly seen = new Map<string, Set<number>>();

  /** A transport over which everything is counted. */
  over(transport: Transport): Transport {
    return {
      dial: async (...target) => this.counted(await transport.dial(...target)),
      listen: (address, events) =>
        transport.listen(address, {
          ...events,
          accept: (channel, caller) => events.accept(this.counted(channel), caller),
        }),
    };
  }

  /** A site with a new folder begins: it has nothing. */
  forget(): void {
    this.seen.clear();
    this.asked.clear();
  }

  private counted(channel: Channel): Channel {
    const carried: Carried = { sent: 0, arrived: 0 };
    this.connections.push(carried);
    const comes = (frame: Frame): void => this.comes(frame, carried);
    const counted: Channel = {
      ...(channel.certificate && { certificate: channel.certificate }),
      get queuedBytes() {
        return channel.queuedBytes;
      },
      send: (frame) => {
        this.leaves(frame, carried);
        channel.send(frame);
      },
      get onFrame() {
        return channel.onFrame;
      },
      set onFrame(handle) {
        channel.onFrame = (frame) => {
          comes(frame);
          handle(frame);
        };
      },
      get onClose() {
        return channel.onClose;
      },
      set onClose(handle) {
        channel.onClose = handle;
      },
      close: (...why) => channel.close(...why),
    };
    return counted;
  }

  private leaves({ body }: Frame, carried: Carried): void {
    if (body?.$case === "request") {
      const key = `${body.value.stream} ${body.value.origin}`;
      this.keys.set(body.value.id, key);
      if (body.value.to > 0) return;
      if (this.asked.has(key)) this.changes++;
      this.asked.add(key);
    } else if (body?.$case === "data") {
      carried.sent += body.value.block.byteLength;
      this.recordsSent += body.value.count;
    } else if (body?.$case === "sealed") {
      carried.sent += body.value.bytes.byteLength;
      for (const seqs of runSeqs(body.value.bytes)) this.recordsSent += seqs.length;
    }
  }

  private comes({ body }: Frame, carried: Carried): void {
    if (body?.$case === "data") {
      const { id, firstSeq, count, block } = body.value;
      carried.arrived += block.byteLength;
      for (let seq = firstSeq; seq < firstSeq + count; seq++) this.has(id, seq);
    } else if (body?.$case === "sealed") {
      carried.arrived += body.value.bytes.byteLength;
      for (const seqs of runSeqs(body.value.bytes)) for (const seq of seqs) this.has(body.value.id, seq);
    } else if (body?.$case === "credit") {
      this.windowBytes = Math.max(this.windowBytes, body.value.window ?? 0);
    }
  }

  private has(request: number, seq: number): void {
    const key = this.keys.get(request);
    if (key === undefined) throw new Error(`records for request ${request}, which nobody made`);
    let seen = this.seen.get(key);
    if (seen === undefined) this.seen.set(key, (seen = new Set()));
    this.arrived++;
    if (seen.has(seq)) this.twice++;
    seen.add(seq);
  }
}

/** Of each of these blocks, which records it holds. */
function* runSeqs(bytes: Uint8Array): Generator<ArrayLike<number> & Iterable<number>> {
  for (let at = 0; at < bytes.byteLength;) {
    const block = bytes.subarray(at, at + runBlockLength(bytes.subarray(at)));
    yield decodeRunColumns(block).seqs;
    at += block.byteLength;
  }
}
