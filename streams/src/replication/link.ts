import type { LinkClass } from "@landfall/proto/api";
import type { Frame } from "@landfall/proto/gen/landfall/v1/replication";
import type { Env } from "../env.js";
import { isLandfallError, LandfallError, type ErrorCode } from "../model/errors.js";
import type { BudgetLedger } from "./budget/ledger.js";
import { LentToll, PayingToll, type Toll } from "./budget/toll.js";
import { usedUpUntil } from "./budget/budgets.js";
import { HELLO_BYTES_MAX, wireBytes } from "./budget/wire-bytes.js";
import { checkFrame } from "./check-frame.js";
import { Keepalive } from "./keepalive.js";
import { tuningOf, type ClassTuning } from "./link-classes.js";
import { LinkMeter } from "./link-meter.js";
import type { Message } from "./machine-state.js";
import { commonVersion, PROTOCOL_VERSION, PROTOCOL_VERSION_OLDEST } from "./protocol-version.js";
import type { Purse } from "./budget/purse.js";
import { SmallBlocks } from "./small-blocks.js";
import { TalkLimit } from "./talk-limit.js";
import { payloadBytes, type Channel } from "./transport.js";
import { URGENT_FIRST } from "./urgency.js";
import { HELLO_MS_MAX, QUEUED_BYTES_MAX } from "./wire-limits.js";

const LINK_CLASS_NAMES: readonly string[] = ["lan", "wan", "port", "satellite"] satisfies LinkClass[];

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
  /** Takes small blocks of records deflated. */
  readonly inflates: boolean;
  /** Streams as patterns, the most urgent first. */
  readonly urgent: readonly string[];
}

export interface LinkEvents {
  /** Both sides have said hello. */
  established(link: EstablishedLink, peer: Hello): void;
  message(
    link: EstablishedLink,
    message: Exclude<Message, { $case: "hello" | "ping" | "pong" | "allowance" | "closing" }>,
  ): void;
  /** On a metered link, there may be more to spend. */
  funds(link: EstablishedLink): void;
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
  /** What the first answer took at a listener: hardly less than a round trip, and more where the dialler was busy. */
  greetedAfterMs: number | undefined;
  /** Wall clock of the last frame. */
  lastContact: number;
  #keepalive: Keepalive;
  #sampleAt = 0;
  #openedAt: number;
  #toll: Toll | undefined;
  #endBudget: () => void = () => undefined;
  #hasGreeted = false;
  readonly #talk: TalkLimit;
  readonly #leaving = new SmallBlocks();
  readonly #coming = new SmallBlocks();

  constructor(
    readonly id: number,
    readonly channel: Channel,
    readonly dialled: boolean,
    private readonly hello: Hello,
    private readonly env: Env,
    private readonly events: LinkEvents,
    /** Budget that pays for both ways, of a link that this side dialled. */
    private readonly ledger?: BudgetLedger,
    /** The other side takes this one's hello before it has said its own. */
    greets = dialled,
  ) {
    this.linkClass = hello.linkClass;
    this.lastContact = env.now();
    this.#openedAt = env.monotonic();
    this.#talk = new TalkLimit(this.#openedAt);
    this.#keepalive = new Keepalive(this.tuning, dialled, this.#openedAt);
    if (ledger !== undefined) {
      const toll = new PayingToll(ledger, (message) => this.#put(message));
      this.#toll = toll;
      const stop = ledger.onMore(() => this.#more());
      this.#endBudget = () => {
        stop();
        toll.close();
      };
    }
    channel.onFrame = (frame) => this.#onFrame(frame);
    channel.onClose = (why) => {
      this.#endBudget();
      events.closed(this.peer === undefined ? undefined : this, why);
    };
    // The listener learns from the dialler what kind of link this is; its own hello does not depend on that.
    if (greets) this.#sayHello();
  }

  get tuning(): ClassTuning {
    return tuningOf(this.linkClass, this.ledger !== undefined || this.#toll !== undefined);
  }

  /** What blocks are paid from, on a metered link. */
  get purse(): Purse | undefined {
    return this.#toll?.purse;
  }

  /** What the other side says of the budget that it keeps for this link. */
  get budgetSaid(): { readonly bytesPerDay: number; readonly usedBytes: number } | undefined {
    return this.#toll instanceof LentToll ? this.#toll.said : undefined;
  }

  send(message: Message): void {
    if (this.#toll === undefined) this.#put(message);
    else this.#toll.send(message);
  }

  close(reason: string, code?: ErrorCode): void {
    this.channel.close(reason, code);
  }

  /** Called about ten times a second: pings, and ends a link that has gone silent. */
  tick(): void {
    const now = this.env.monotonic();
    if (this.peer === undefined) {
      if (now - this.#openedAt > HELLO_MS_MAX) {
        this.close(`the other side did not say hello within ${HELLO_MS_MAX / 1_000} s`, "PROTOCOL_ERROR");
      }
      return;
    }
    const silence = this.#keepalive.silence(now);
    if (silence !== undefined) {
      this.close(`nothing heard for ${Math.round(silence / 1_000)} s`);
      return;
    }
    if (this.ledger?.state.isUsedUp === true) {
      this.close(usedUpUntil(this.ledger.state.until));
      return;
    }
    if (now >= this.#sampleAt) {
      this.#sampleAt = now + this.tuning.pingMs;
      this.meter.sample(now);
    }
    if (this.#keepalive.isPingDue(now)) this.#ping();
  }

  #ping(): void {
    this.send({ $case: "ping", value: { token: Math.round(this.env.monotonic()) } });
  }

  #put(given: Message): void {
    const message = this.#squeezed(given);
    this.meter.sent(frameBytes(message), recordsIn(message));
    this.#keepalive.sent(message, this.env.monotonic());
    this.#talk.sent(message);
    this.channel.send({ body: message });
    if (this.channel.queuedBytes > QUEUED_BYTES_MAX) {
      this.close("the other side does not read what it asks for", "OVERLOADED");
    }
  }

  /** Where bytes matter and the other side can undo it. What a budget pays for was counted as it is. */
  #squeezed(message: Message): Message {
    const isFit = message.$case === "data" && this.linkClass !== "lan" && this.#toll === undefined;
    if (!isFit || this.peer?.inflates !== true) return message;
    const { value } = message;
    const block = this.#leaving.deflate(value.block);
    return block === undefined
      ? message
      : { $case: "data", value: { ...value, block, rawBytes: value.block.byteLength } };
  }

  /** As it was before it was deflated. */
  #whole<Given extends Message>(message: Given): Given {
    if (message.$case !== "data" || message.value.rawBytes === 0) return message;
    const { value } = message;
    return { ...message, value: { ...value, block: this.#coming.inflate(value.block, value.rawBytes), rawBytes: 0 } };
  }

  #more(): void {
    this.#toll?.more();
    if (this.peer !== undefined) this.events.funds(this);
  }

  #sayHello(): void {
    const { carries, wants, urgent } = this.hello;
    const versions = { version: PROTOCOL_VERSION, oldestVersion: PROTOCOL_VERSION_OLDEST };
    const lists = { carries: [...carries], wants: [...wants], urgent: [...urgent] };
    const metered = { metered: this.ledger !== undefined, keepsAllowance: true };
    const body = { $case: "hello", value: { ...versions, ...this.hello, ...lists, ...metered } } as const;
    if (this.purse !== undefined) checkShort(body);
    this.#hasGreeted = true;
    this.channel.send({ body });
  }

  #onFrame(frame: Frame): void {
    const { body } = frame;
    this.#keepalive.heard(this.env.monotonic(), body === undefined ? 0 : frameBytes(body));
    this.lastContact = this.env.now();
    try {
      // A sister announces with each of its commits.
      const isSister = body?.$case === "announce" && this.peer?.site === this.hello.site;
      if (!isSister) this.#talk.received(body, this.env.monotonic());
      if (body === undefined) return; // A kind of frame from a later version.
      if (this.peer !== undefined) checkFrame(body);
      if (this.peer !== undefined && this.#toll?.received(body) === true) this.events.funds(this);
      if (this.peer === undefined) this.#onHello(body);
      else if (body.$case === "ping") this.send({ $case: "pong", value: { token: body.value.token } });
      else if (body.$case === "pong") this.#onPong(body.value.token);
      else if (body.$case === "hello") throw new LandfallError("PROTOCOL_ERROR", "a second hello");
      else if (body.$case !== "allowance" && body.$case !== "closing") {
        if (body.$case === "data" || body.$case === "sealed") this.meter.received(frameBytes(body), recordsIn(body));
        this.events.message(this, this.#whole(body));
      }
    } catch (error) {
      const code = isLandfallError(error) ? error.code : "PROTOCOL_ERROR";
      this.close(error instanceof Error ? error.message : String(error), code);
    }
  }

  #onHello(body: Message): void {
    if (body.$case !== "hello") throw new LandfallError("PROTOCOL_ERROR", `${body.$case} before hello`);
    const { version, oldestVersion, site, node, link, linkClass, carries, wants } = body.value;
    const { tellsGaps, takesSealed, inflates, urgent, metered, keepsAllowance } = body.value;
    // A version that this site does not speak may say anything else in its own way.
    commonVersion(site, version, oldestVersion);
    checkFrame(body);
    checkProven(this.channel, site, node);
    if (!this.dialled) {
      if (!LINK_CLASS_NAMES.includes(linkClass))
        throw new LandfallError("PROTOCOL_ERROR", `unknown link class ${linkClass.slice(0, 64)}`);
      this.linkClass = linkClass as LinkClass;
      if (metered) this.#toll = new LentToll((message) => this.#put(message));
      const now = this.env.monotonic();
      this.#keepalive = new Keepalive(this.tuning, false, now);
      if (!this.#hasGreeted) this.#sayHello();
      // The dialler has waited for this side's word to say it.
      this.greetedAfterMs = now - this.#openedAt;
    }
    if (this.ledger !== undefined) {
      checkShort(body);
      if (!keepsAllowance) throw new LandfallError("UNSUPPORTED_VERSION", `${site} keeps to no byte budget`);
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
      inflates,
      urgent: this.dialled ? this.hello.urgent : urgent.length > 0 ? urgent : URGENT_FIRST,
    };
    if (this.#toll instanceof PayingToll) this.#toll.begin();
    // Before there is anything that the answer could wait behind.
    if (!(this.#toll instanceof LentToll)) this.#ping();
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

/** On a metered link hellos are paid with the connection. @throws LandfallError PROTOCOL_ERROR */
function checkShort(hello: Message): void {
  if (wireBytes(hello) <= HELLO_BYTES_MAX) return;
  throw new LandfallError("PROTOCOL_ERROR", `a hello of more than ${HELLO_BYTES_MAX} bytes on a metered link`);
}

/** Records that count with this frame: those of a sealed run with its last. */
export function recordsIn(message: Message): number {
  if (message.$case === "data") return message.value.count;
  return message.$case === "sealed" && message.value.next === message.value.blocks ? message.value.count : 0;
}

/** About what the frame takes on the wire. */
function frameBytes(message: Message): number {
  return payloadBytes(message) + 64;
}
