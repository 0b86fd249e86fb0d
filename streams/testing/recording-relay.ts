import { Frame } from "@landfall/proto/gen/landfall/v1/replication";
import { systemEnv } from "../src/env.js";
import type { LandfallError } from "../src/model/errors.js";
import { createGrpcTransport } from "../src/replication/grpc-transport.js";
import type { Message } from "../src/replication/machine-state.js";
import { SmallBlocks } from "../src/replication/small-blocks.js";
import type { Channel } from "../src/replication/transport.js";
import { acceptAll } from "./accept-all.js";

/** What crossed one link, in one direction: each frame as it is encoded, blocks undeflated, and the words with which calls ended. */
export interface Recorded {
  readonly frames: Frame[];
  readonly ends: LandfallError[];
  /** All of it as one text, byte for byte (latin1), to be searched. */
  text(): string;
}

export interface RecordingRelay {
  readonly port: number;
  readonly toDialler: Recorded;
  readonly toListener: Recorded;
  /** Says something more to the listener, in the dialler's name. */
  sayToListener(body: Message): void;
  /** Passes on what it has held back, in its order, and holds back nothing more. */
  release(): void;
  close(): Promise<void>;
}

/**
 * Stands between two sites as a man in the middle: takes the dialler's call, makes the same call to the listener under the
 * dialler's name, passes every frame on as it is, and keeps a copy.
 */
export async function recordingRelay(options: {
  readonly to: { readonly site: string; readonly port: number };
  readonly dialler: { readonly site: string; readonly token: string };
  /** Frames of this kind go on with `release` only; all others pass them. */
  readonly holds?: Message["$case"];
}): Promise<RecordingRelay> {
  const { to, dialler } = options;
  const transport = createGrpcTransport({ env: systemEnv });
  const [toDialler, toListener] = [recorded(), recorded()];
  let held: (() => void)[] | undefined = options.holds === undefined ? undefined : [];
  const passOn = (channel: Channel, frame: Frame): void => {
    if (held !== undefined && frame.body?.$case === options.holds) held.push(() => channel.send(frame));
    else channel.send(frame);
  };
  const open = new Set<Channel>();
  let listening: Channel | undefined;
  const join = async (near: Channel): Promise<void> => {
    open.add(near);
    const waiting: Frame[] = [];
    near.onFrame = (frame) => waiting.push(frame);
    try {
      const far = await transport.dial(`127.0.0.1:${to.port}`, to.site, dialler);
      open.add(far);
      listening = far;
      pipe(far, near, toDialler, passOn);
      pipe(near, far, toListener, passOn);
      for (const frame of waiting) near.onFrame(frame);
    } catch (error) {
      toDialler.ends.push(error as LandfallError);
      near.close("nobody is there");
    }
  };
  const listener = await transport.listen(
    "127.0.0.1:0",
    acceptAll((near) => void join(near)),
  );
  return {
    port: listener.port,
    toDialler,
    toListener,
    sayToListener: (body) => listening?.send({ body }),
    release() {
      const waiting = held ?? [];
      held = undefined;
      for (const send of waiting) send();
    },
    async close() {
      for (const channel of open) channel.close("the relay is closed");
      await listener.close();
    },
  };
}

function pipe(from: Channel, to: Channel, into: Recorded, passOn: (channel: Channel, frame: Frame) => void): void {
  const blocks = new SmallBlocks();
  from.onFrame = (frame) => {
    into.frames.push(whole(frame, blocks));
    passOn(to, frame);
  };
  from.onClose = (why) => {
    into.ends.push(why);
    to.close(why.message, why.code);
  };
}

/** As it was before it was deflated. */
function whole(frame: Frame, blocks: SmallBlocks): Frame {
  const { body } = frame;
  if (body?.$case !== "data" || body.value.rawBytes === 0) return frame;
  const block = blocks.inflate(body.value.block, body.value.rawBytes);
  return { body: { $case: "data", value: { ...body.value, block, rawBytes: 0 } } };
}

function recorded(): Recorded {
  const frames: Frame[] = [];
  const ends: LandfallError[] = [];
  return {
    frames,
    ends,
    text: () =>
      [
        ...frames.map((frame) => Buffer.from(Frame.encode(frame).finish()).toString("latin1")),
        ...ends.map(({ code, message }) => `${code}: ${message}`),
      ].join("\n"),
  };
}
