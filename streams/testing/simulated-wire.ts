import { Frame } from "@landfall/proto/gen/landfall/v1/replication";
import { LandfallError, type ErrorCode } from "../src/model/errors.js";
import type { Channel } from "../src/replication/transport.js";
import { noticeMs, type Direction } from "./simulated-connection.js";
import type { Mangling } from "./simulated-link.js";
import type { VirtualTime } from "./virtual-time.js";

/** A frame that is overtaken, or comes again, does so within this time. */
const ASTRAY_MS_MAX = 60;
/** Around a frame. */
const HEAD_BYTES = 20;

export interface WireOptions {
  readonly time: VirtualTime;
  readonly random: () => number;
  readonly latencyMs: number;
  readonly bytesPerMs: number;
  /** What the network does to frames at the moment. */
  readonly mangling: () => Mangling | undefined;
}

/** Two channels and the way between them. Frames cross as bytes; each end closes by itself, or when it hears of the other. */
export class SimulatedWire {
  readonly ends: readonly [WireEnd, WireEnd];
  /** It has doubled frames, or changed their order. */
  isMangled = false;
  isCut = false;
  readonly #isSilent: [boolean, boolean] = [false, false];
  readonly #free: [number, number];
  /** What the dialler has said, as somebody in between could repeat it. */
  readonly #said: Uint8Array[] = [];

  constructor(private readonly options: WireOptions) {
    const { now } = options.time;
    this.#free = [now, now];
    this.ends = [new WireEnd(this, 0), new WireEnd(this, 1)];
  }

  /** Nothing that is said from now on crosses; each end notices, sooner or later. */
  cut(): void {
    const { time, random } = this.options;
    if (this.isCut) return;
    this.isCut = true;
    if (random() < 0.5) this.#isSilent.fill(true);
    const why = new LandfallError("CLOSED", "the connection was cut");
    for (const end of this.ends) time.after(noticeMs(random), () => end.finish(why));
  }

  /** From now on one direction is silent. Only keepalives tell. */
  goHalfOpen(direction: Direction): void {
    this.#isSilent[direction] = true;
  }

  /** Says to the listener of another wire whatever the dialler of this one has said. */
  replayOver(other: SimulatedWire): void {
    other.isMangled = true;
    for (const bytes of this.#said) other.#carry(0, bytes, 0);
  }

  queuedBytes(direction: Direction): number {
    return Math.max(0, this.#free[direction] - this.options.time.now) * this.options.bytesPerMs;
  }

  send(direction: Direction, frame: Frame): void {
    const { random, mangling } = this.options;
    if (this.isCut) return;
    const bytes = Frame.encode(frame).finish();
    if (direction === 0) this.#said.push(bytes);
    const { doubled = 0, late = 0 } = mangling() ?? {};
    const isLate = late > 0 && random() < late;
    const isDoubled = doubled > 0 && random() < doubled;
    if (isLate || isDoubled) this.isMangled = true;
    this.#carry(direction, bytes, isLate ? random() * ASTRAY_MS_MAX : 0);
    if (isDoubled) this.#carry(direction, bytes, random() * ASTRAY_MS_MAX);
  }

  /** One end hung up, and said why. */
  hungUp(direction: Direction, why: LandfallError): void {
    const { time, random, latencyMs } = this.options;
    const other = this.ends[direction === 0 ? 1 : 0];
    const heard = direction === 1 ? why : new LandfallError("CLOSED", "the other side closed the connection");
    // The word gets lost with a line that is cut.
    const afterMs = this.isCut || this.#isSilent[direction] ? noticeMs(random) : latencyMs;
    time.after(afterMs, () => other.finish(heard));
  }

  #carry(direction: Direction, bytes: Uint8Array, astrayMs: number): void {
    const { time, latencyMs, bytesPerMs } = this.options;
    if (this.#isSilent[direction]) return;
    const start = Math.max(time.now, this.#free[direction]);
    this.#free[direction] = start + (bytes.byteLength + HEAD_BYTES) / bytesPerMs;
    time.after(this.#free[direction] - time.now + latencyMs + astrayMs, () => {
      if (this.#isSilent[direction]) return;
      this.ends[direction === 0 ? 1 : 0].deliver(Frame.decode(bytes.slice()));
    });
  }
}

/** One side's channel. */
export class WireEnd implements Channel {
  #isOpen = true;
  #closed: LandfallError | undefined;
  #onClose: (why: LandfallError) => void = () => undefined;
  #onFrame: ((frame: Frame) => void) | undefined;
  readonly #early: Frame[] = [];

  constructor(
    private readonly wire: SimulatedWire,
    private readonly side: Direction,
  ) {}

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get onFrame(): (frame: Frame) => void {
    return this.#onFrame ?? (() => undefined);
  }

  set onFrame(given: (frame: Frame) => void) {
    this.#onFrame = given;
    // Whoever sets it may not be ready yet.
    queueMicrotask(() => this.#deliverEarly());
  }

  get onClose(): (why: LandfallError) => void {
    return this.#onClose;
  }

  set onClose(given: (why: LandfallError) => void) {
    this.#onClose = given;
    const why = this.#closed;
    if (why !== undefined) queueMicrotask(() => given(why));
  }

  get queuedBytes(): number {
    return this.wire.queuedBytes(this.side);
  }

  send(frame: Frame): void {
    if (this.#isOpen) this.wire.send(this.side, frame);
  }

  close(reason: string, code: ErrorCode = "CLOSED"): void {
    if (!this.#isOpen) return;
    const why = new LandfallError(code, reason);
    this.wire.hungUp(this.side, why);
    this.finish(why);
  }

  /** The process is gone: nobody is told anything here; the other end notices. */
  abandon(): void {
    this.#isOpen = false;
    this.wire.cut();
  }

  /** Nobody holds this end: what comes to it is lost, and the other end does not know. */
  disown(): void {
    this.#isOpen = false;
  }

  finish(why: LandfallError): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#closed = why;
    this.#onClose(why);
  }

  deliver(frame: Frame): void {
    if (!this.#isOpen) return;
    if (this.#onFrame === undefined || this.#early.length > 0) this.#early.push(frame);
    else this.#onFrame(frame);
  }

  #deliverEarly(): void {
    for (let frame = this.#early.shift(); frame !== undefined; frame = this.#early.shift()) {
      if (this.#isOpen) this.#onFrame?.(frame);
    }
  }
}
