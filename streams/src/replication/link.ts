import type { LinkClass } from "@landfall/proto/api";
import type { Frame } from "@landfall/proto/gen/landfall/v1/replication";
import type { Env } from "../env.js";
import { isLandfallError, LandfallError, type ErrorCode } from "../model/errors.js";
import { LINK_CLASSES } from "./link-classes.js";
import { LinkMeter } from "./link-meter.js";
import type { Message } from "./machine-state.js";
import { commonVersion, PROTOCOL_VERSION, PROTOCOL_VERSION_OLDEST } from "./protocol-version.js";
import type { Channel } from "./transport.js";
import { HELLO_MS_MAX } from "./wire-limits.js";

const LINK_CLASS_NAMES: readonly string[] = ["lan", "wan", "port", "satellite"] satisfies LinkClass[];
const PATTERNS_MAX = 1_000;

export interface Hello {
  readonly site: string;
  readonly node: string;
  readonly link: string;
  readonly linkClass: LinkClass;
  readonly carries: readonly string[];
  readonly wants: readonly string[];
  /** Understands gaps, requests with an end, and digests. */
  readonly tellsGaps: boolean;
  /** Takes blocks of sealed runs as they lie on disk. */
  readonly takesSealed: boolean;
}

export interface LinkEvents {
  /** Both sides have said hello. */
  established(link: EstablishedLink, peer: Hello): void;
  message(link: EstablishedLink, message: Exclude<Message, { $case: "hello" | "ping" | "pong" }>): void;
  /** A ping was answered after so long. */
  roundTrip(link: EstablishedLink, ms: number): void;
  closed(link: EstablishedLink | undefined, why: LandfallError): void;
}

/**
 * One channel from hello to close: agrees on version and class, answers pings, measures round trip and rates,
 * and closes a channel on which the other side has gone silent.
 */
export class EstablishedLink {
  readonly meter = new LinkMeter();
  /** Set once the hello is there. */
  peer: Hello | undefined;
  /** Class by which this side treats the link; the dialler's settings decide. */
  linkClass: LinkClass;
  roundTripMs: number | undefined;
  /** Wall clock of the last frame. */
  lastContact: number;
  #heardAt: number;
  #pingAt: number;
  #openedAt: number;

  constructor(
    readonly id: number,
    readonly channel: Channel,
    readonly dialled: boolean,
    private readonly hello: Hello,
    private readonly env: Env,
    private readonly events: LinkEvents,
  ) {
    this.linkClass = hello.linkClass;
    this.lastContact = env.now();
    this.#heardAt = env.monotonic();
    this.#openedAt = this.#heardAt;
    this.#pingAt = 0;
    channel.onFrame = (frame) => this.#onFrame(frame);
    channel.onClose = (why) => events.closed(this.peer === undefined ? undefined : this, why);
    // The dialler speaks first: the listener learns from it what kind of link this is.
    if (dialled) this.#sayHello();
  }

  send(message: Message): void {
    this.meter.count(frameBytes(message), recordsIn(message));
    this.channel.send({ body: message });
  }

  close(reason: string, code?: ErrorCode): void {
    this.channel.close(reason, code);
  }

  /** Called about ten times a second: pings, and ends a link that has gone silent. */
  tick(): void {
    const now = this.env.monotonic();
    const tuning = LINK_CLASSES[this.linkClass];
    if (this.peer === undefined) {
      if (now - this.#openedAt > HELLO_MS_MAX) {
        this.close(`the other side did not say hello within ${HELLO_MS_MAX / 1_000} s`, "PROTOCOL_ERROR");
      }
      return;
    }
    if (now - this.#heardAt > tuning.silenceMs) {
      this.close(`nothing heard for ${Math.round((now - this.#heardAt) / 1_000)} s`);
      return;
    }
    if (now >= this.#pingAt) {
      this.#pingAt = now + tuning.pingMs;
      this.meter.sample(now);
      this.send({ $case: "ping", value: { token: Math.round(now) } });
    }
  }

  #sayHello(): void {
    const { carries, wants } = this.hello;
    const versions = { version: PROTOCOL_VERSION, oldestVersion: PROTOCOL_VERSION_OLDEST };
    const value = { ...versions, ...this.hello, carries: [...carries], wants: [...wants] };
    this.channel.send({ body: { $case: "hello", value } });
  }

  #onFrame(frame: Frame): void {
    this.#heardAt = this.env.monotonic();
    this.lastContact = this.env.now();
    const { body } = frame;
    try {
      if (body === undefined) return; // A kind of frame from a later version.
      if (this.peer === undefined) this.#onHello(body);
      else if (body.$case === "ping") this.send({ $case: "pong", value: { token: body.value.token } });
      else if (body.$case === "pong") this.#onPong(body.value.token);
      else if (body.$case === "hello") throw new LandfallError("PROTOCOL_ERROR", "a second hello");
      else {
        if (body.$case === "data" || body.$case === "sealed") this.meter.count(frameBytes(body), recordsIn(body));
        this.events.message(this, body);
      }
    } catch (error) {
      const code = isLandfallError(error) ? error.code : "PROTOCOL_ERROR";
      this.close(error instanceof Error ? error.message : String(error), code);
    }
  }

  #onHello(body: Message): void {
    if (body.$case !== "hello") throw new LandfallError("PROTOCOL_ERROR", `${body.$case} before hello`);
    const { version, oldestVersion, site, node, link, linkClass, carries, wants, tellsGaps, takesSealed } = body.value;
    commonVersion(site, version, oldestVersion);
    checkProven(this.channel, site, node);
    if (carries.length > PATTERNS_MAX || wants.length > PATTERNS_MAX) {
      throw new LandfallError("PROTOCOL_ERROR", `more than ${PATTERNS_MAX} stream patterns in a hello`);
    }
    if (!this.dialled) {
      if (!LINK_CLASS_NAMES.includes(linkClass))
        throw new LandfallError("PROTOCOL_ERROR", `unknown link class ${linkClass}`);
      this.linkClass = linkClass as LinkClass;
      this.#sayHello();
    }
    this.peer = {
      site,
      node,
      link: this.dialled ? this.hello.link : link,
      linkClass: this.linkClass,
      carries: this.dialled ? this.hello.carries : carries,
      wants,
      tellsGaps,
      takesSealed,
    };
    this.events.established(this, this.peer);
  }

  #onPong(token: number): void {
    const measured = Math.max(0, this.env.monotonic() - token);
    this.roundTripMs = this.roundTripMs === undefined ? measured : this.roundTripMs * 0.7 + measured * 0.3;
    this.events.roundTrip(this, measured);
  }
}

/** A hello says no more than the certificate proves. @throws LandfallError CERTIFICATE_REFUSED */
function checkProven({ certificate }: Channel, site: string, node: string): void {
  if (certificate === undefined) return;
  if (certificate.site === site && (certificate.node ?? node) === node) return;
  const name = (text: string | undefined) => (text === undefined ? "" : `.${text}`);
  const proven = `${certificate.site}${name(certificate.node)}`;
  const text = `a site calls itself ${JSON.stringify(`${site}.${node}`.slice(0, 130))}, but its certificate is of ${proven}`;
  throw new LandfallError("CERTIFICATE_REFUSED", text);
}

/** Records that count with this frame: those of a sealed run with its last. */
function recordsIn(message: Message): number {
  if (message.$case === "data") return message.value.count;
  return message.$case === "sealed" && message.value.next === message.value.blocks ? message.value.count : 0;
}

/** About what the frame takes on the wire. */
function frameBytes(message: Message): number {
  if (message.$case === "data") return message.value.block.byteLength + 32;
  return message.$case === "sealed" ? message.value.bytes.byteLength + 96 : 64;
}
