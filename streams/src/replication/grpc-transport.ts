import {
  type Client,
  Metadata,
  credentials as grpcCredentials,
  type ChannelCredentials,
  type ServerDuplexStream,
  type ServiceError,
} from "@grpc/grpc-js";
import { type Frame, ReplicationClient, ReplicationService } from "@landfall/proto/gen/landfall/v1/replication";
import { X509Certificate } from "node:crypto";
import type { Env } from "../env.js";
import { readPeerCertificate, type PeerCertificate } from "../identity/peer-certificate.js";
import type { SiteIdentity } from "../identity/site-identity.js";
import { LandfallError } from "../model/errors.js";
import { channelOver, fromStatus, readFrame, toStatus } from "./grpc-channel.js";
import { createServer, hangUp, onOversize, serverCredentials, watchConnections } from "./grpc-server.js";
import type { Caller, Channel, Credentials, Listener, ListenerEvents, Transport } from "./transport.js";
import {
  CALLS_PER_CONNECTION_MAX,
  CLOSING_MS_MAX,
  DIAL_MS_MAX,
  FRAME_BYTES_MAX,
  HANDSHAKE_MS_MAX,
  HTTP2_WINDOW_BYTES,
  QUEUED_BYTES_MAX,
} from "./wire-limits.js";

const SITE_HEADER = "landfall-site";
const TOKEN_HEADER = "landfall-token";
/** Of the words of a closing frame. */
const CLOSING_CHARS_MAX = 500;
/** Whether the dialler takes the listener's hello before it has said its own. */
const HELLO_HEADER = "landfall-takes-hello";

const LIMITS = {
  "grpc.max_receive_message_length": FRAME_BYTES_MAX,
  "grpc.max_send_message_length": FRAME_BYTES_MAX,
};

export interface GrpcTransportOptions {
  readonly env: Env;
  /** With it, every connection is mutual TLS; without it, sites prove themselves by token. */
  readonly identity?: SiteIdentity;
  /** Milliseconds to wait for a peer to answer. */
  readonly dialMs?: number;
  /** Milliseconds in which somebody who connects must ask for something. */
  readonly handshakeMs?: number;
}

export function createGrpcTransport(options: GrpcTransportOptions): Transport {
  const { env, identity, dialMs = DIAL_MS_MAX } = options;
  return {
    dial: (address, site, credentials) => new Dial(address, site, identity).open(credentials, env, dialMs),
    listen: (address, events) => listen(address, events, options),
  };
}

/** One attempt to reach a site. */
class Dial {
  #certificate: PeerCertificate | undefined;
  #refusal: LandfallError | undefined;

  constructor(
    private readonly address: string,
    private readonly site: string,
    private readonly identity: SiteIdentity | undefined,
  ) {}

  open(credentials: Credentials, env: Env, dialMs: number): Promise<Channel> {
    // A client of its own for each attempt: grpc-js shares back-off between calls, and ours is the link's.
    const client = new ReplicationClient(this.address, this.#channelCredentials(), {
      ...LIMITS,
      "grpc.use_local_subchannel_pool": 1,
      // Named in the handshake; an address may be a number, which must not be.
      "grpc.ssl_target_name_override": this.site,
      "grpc-node.flow_control_window": HTTP2_WINDOW_BYTES,
    });
    const metadata = new Metadata();
    metadata.set(SITE_HEADER, credentials.site);
    if (this.identity === undefined) metadata.set(TOKEN_HEADER, credentials.token);
    metadata.set(HELLO_HEADER, "1");
    const { path, requestSerialize } = ReplicationService.sync;
    // As `client.sync`, but that bytes which are no frame are told as such.
    const call = client.makeBidiStreamRequest(path, requestSerialize, readFrame, metadata);
    const release = () => {
      call.cancel();
      stopDialling(client);
      client.close();
    };
    /** A client has no status to end a call with: the last frame says why, and the other side hangs up. */
    const part = (why: LandfallError, isOurs: boolean) => {
      if (!isOurs || why.code === "CLOSED") {
        release();
        return;
      }
      const value = { code: why.code, message: why.message.slice(0, CLOSING_CHARS_MAX) };
      call.write({ body: { $case: "closing", value } });
      call.end();
      const deadline = env.setTimer(CLOSING_MS_MAX, release);
      call.once("status", () => {
        deadline.cancel();
        release();
      });
    };
    return new Promise((resolve, reject) => {
      const fail = (error: LandfallError) => {
        timer.cancel();
        release();
        reject(error);
      };
      const timer = env.setTimer(dialMs, () => fail(this.#refusal ?? this.#nobody()));
      call.once("error", (error: Partial<ServiceError> & Error) => fail(this.#reasonOf(error)));
      call.once("metadata", () => {
        timer.cancel();
        resolve(channelOver(call, this.#certificate, part));
      });
    });
  }

  #channelCredentials(): ChannelCredentials {
    if (this.identity === undefined) return grpcCredentials.createInsecure();
    const { ca, key, cert } = this.identity.credentials;
    return grpcCredentials.createSsl(ca, key, cert, {
      // Called once the chain is good. The name of the host says nothing: a site has one identity at any address.
      checkServerIdentity: (_host, { raw }) => (this.#refusal = this.#judge(new X509Certificate(raw))),
    });
  }

  #judge(x509: X509Certificate): LandfallError | undefined {
    try {
      const certificate = readPeerCertificate(x509);
      this.#certificate = certificate;
      if (certificate.site === this.site) return this.identity?.refusalOf(certificate);
      const text = `expected ${this.site} at ${this.address}, but its certificate is of ${certificate.site}`;
      return new LandfallError("CERTIFICATE_REFUSED", text);
    } catch (error) {
      return error as LandfallError;
    }
  }

  #reasonOf(error: Partial<ServiceError> & Error): LandfallError {
    if (this.#refusal !== undefined) return this.#refusal;
    const why = fromStatus(error);
    if (why.code !== "CLOSED") return why;
    const words = /Last error: (?:Error: )?(.*?)\. Resolution note/s.exec(why.message)?.[1] ?? why.message;
    if (!/certificate|self[- ]signed|SSL routines/i.test(words)) return this.#nobody(error);
    const reason = words.includes("wrong version number") ? "it answers without TLS" : words;
    const text = `TLS with ${this.site} at ${this.address} failed: ${reason}`;
    return new LandfallError("CERTIFICATE_REFUSED", text, { cause: error });
  }

  #nobody(cause?: unknown): LandfallError {
    const doubt = this.identity === undefined ? "without TLS" : "with TLS";
    return new LandfallError("UNAVAILABLE", `nobody answers ${doubt} at ${this.address}`, { cause });
  }
}

/**
 * A client of grpc-js that has failed to connect tries once more after it was closed, and then keeps a connection that
 * nobody speaks on. There is no public way to stop it: the version is pinned, and a test counts the connections.
 */
function stopDialling(client: Client): void {
  const { internalChannel } = client.getChannel() as unknown as {
    readonly internalChannel?: {
      readonly wrappedSubchannels?: Set<{ readonly child?: { continueConnecting: boolean } }>;
    };
  };
  for (const { child } of internalChannel?.wrappedSubchannels ?? []) {
    if (child !== undefined) child.continueConnecting = false;
  }
}

async function listen(
  address: string,
  events: ListenerEvents,
  { env, identity, handshakeMs = HANDSHAKE_MS_MAX }: GrpcTransportOptions,
): Promise<Listener> {
  const server = createServer({ ...LIMITS, "grpc.max_concurrent_streams": CALLS_PER_CONNECTION_MAX });
  const sync = { ...ReplicationService.sync, requestDeserialize: readFrame };
  server.addService(
    { sync },
    {
      sync(call: ServerDuplexStream<Frame, Frame>) {
        const caller = readCaller(call, identity);
        const refusal = caller instanceof LandfallError ? caller : events.admit(caller);
        if (caller instanceof LandfallError) events.turnedAway(caller, call.getPeer());
        if (refusal !== undefined || caller instanceof LandfallError) {
          call.emit("error", toStatus(refusal as LandfallError));
          return;
        }
        // Headers at once: the dialler waits for them to know that it is admitted.
        call.sendMetadata(new Metadata());
        const release = (why: LandfallError) => {
          if (why.code === "CLOSED") call.end();
          else call.emit("error", toStatus(why));
          // Who does not read does not read the status either.
          hangUp(call, env, channel.queuedBytes > QUEUED_BYTES_MAX ? 0 : CLOSING_MS_MAX);
        };
        const channel: Channel = channelOver(call, caller.certificate, release);
        onOversize(call, (words) => channel.close(words, "PROTOCOL_ERROR"));
        events.accept(channel, caller);
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, serverCredentials(identity), (error, bound) => {
      if (error === null) resolve(bound);
      else {
        const reason = `cannot listen for other sites on ${address} (replication.listen): the port is taken or not ours`;
        reject(new LandfallError("PORT_IN_USE", reason, { cause: error }));
      }
    });
  });
  watchConnections(server, env, handshakeMs, {
    handshakeFailed(error, from) {
      const text = `it does not speak TLS as this site wants it: ${error.message}`;
      events.turnedAway(new LandfallError("CERTIFICATE_REFUSED", text, { cause: error }), from);
    },
    silent(from, hasLeft) {
      const doubt = identity === undefined ? "" : ": does it trust this site's certificate?";
      const text = hasLeft ? `it connected and left without a word${doubt}` : "it connected and said nothing";
      events.turnedAway(new LandfallError("PROTOCOL_ERROR", text), from);
    },
  });
  return {
    port,
    close: async () => server.forceShutdown(),
  };
}

function readCaller(
  call: ServerDuplexStream<Frame, Frame>,
  identity: SiteIdentity | undefined,
): Caller | LandfallError {
  const takesHello = text(call.metadata, HELLO_HEADER) === "1";
  if (identity === undefined)
    return { site: text(call.metadata, SITE_HEADER), token: text(call.metadata, TOKEN_HEADER), takesHello };
  // Absent where TLS could not trace the certificate to our authority.
  const given = call.getAuthContext().sslPeerCertificate;
  if (given === undefined) {
    const claimed = JSON.stringify(text(call.metadata, SITE_HEADER).slice(0, 64));
    const words = `a site that calls itself ${claimed} has no certificate that an authority of this site issued and that is still good`;
    return new LandfallError("CERTIFICATE_REFUSED", words);
  }
  try {
    const certificate = readPeerCertificate(new X509Certificate(given.raw));
    return identity.refusalOf(certificate) ?? { site: certificate.site, token: "", certificate, takesHello };
  } catch (error) {
    return error as LandfallError;
  }
}

function text(metadata: Metadata, header: string): string {
  const value = metadata.get(header)[0];
  return typeof value === "string" ? value.slice(0, 256) : "";
}
