import {
  type Client,
  Metadata,
  Server,
  ServerCredentials,
  credentials as grpcCredentials,
  status,
  type ClientDuplexStream,
  type ServerDuplexStream,
} from "@grpc/grpc-js";
import { type Frame, ReplicationClient, ReplicationService } from "@landfall/proto/gen/landfall/v1/replication";
import type { Http2Server, ServerHttp2Session } from "node:http2";
import type { Env } from "../env.js";
import { BLOCK_BYTES_MAX } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import type { Channel, Credentials, Listener, Transport } from "./transport.js";

/**
 * HTTP/2 flow-control window, bytes: the ceiling of what a link can carry (throughput is window ÷ (2 × round
 * trip)). What is under way is bounded by credit, not by this.
 */
const HTTP2_WINDOW_BYTES = 32 * 1024 * 1024;
/** A block with its envelope; everything else is far smaller. */
const FRAME_BYTES_MAX = 2 * BLOCK_BYTES_MAX + 64 * 1024;
const DIAL_MS_MAX = 5_000;

const SITE_HEADER = "landfall-site";
const TOKEN_HEADER = "landfall-token";

type Call = ClientDuplexStream<Frame, Frame> | ServerDuplexStream<Frame, Frame>;

export interface GrpcTransportOptions {
  readonly env: Env;
  /** Milliseconds to wait for a peer to answer. */
  readonly dialMs?: number;
}

export function createGrpcTransport(options: GrpcTransportOptions): Transport {
  const dialMs = options.dialMs ?? DIAL_MS_MAX;
  const limits = {
    "grpc.max_receive_message_length": FRAME_BYTES_MAX,
    "grpc.max_send_message_length": FRAME_BYTES_MAX,
  };

  async function dial(address: string, credentials: Credentials): Promise<Channel> {
    // A client of its own for each attempt: grpc-js shares back-off between calls, and ours is the link's.
    const client = new ReplicationClient(address, grpcCredentials.createInsecure(), {
      ...limits,
      "grpc.use_local_subchannel_pool": 1,
      "grpc-node.flow_control_window": HTTP2_WINDOW_BYTES,
    });
    try {
      await waitForReady(client, options.env.now() + dialMs);
    } catch (cause) {
      client.close();
      throw new LandfallError("PROTOCOL_ERROR", `nobody answers at ${address}`, { cause });
    }
    const metadata = new Metadata();
    metadata.set(SITE_HEADER, credentials.site);
    metadata.set(TOKEN_HEADER, credentials.token);
    const call = client.sync(metadata);
    return channelOver(call, () => {
      call.cancel();
      client.close();
    });
  }

  async function listen(
    address: string,
    admit: (credentials: Credentials) => string | undefined,
    accept: (channel: Channel, credentials: Credentials) => void,
  ): Promise<Listener> {
    const server = new Server(limits);
    widenWindows(server);
    server.addService(ReplicationService, {
      sync(call: ServerDuplexStream<Frame, Frame>) {
        const credentials = { site: text(call.metadata, SITE_HEADER), token: text(call.metadata, TOKEN_HEADER) };
        const refusal = admit(credentials);
        if (refusal !== undefined) {
          call.emit("error", Object.assign(new Error(refusal), { code: status.UNAUTHENTICATED, details: refusal }));
          return;
        }
        // Headers at once, so that the dialler is not left waiting for the first frame.
        call.sendMetadata(new Metadata());
        accept(
          channelOver(call, () => call.end()),
          credentials,
        );
      },
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) resolve(bound);
        else {
          const reason = `cannot listen for other sites on ${address} (replication.listen): the port is taken or not ours`;
          reject(new LandfallError("PORT_IN_USE", reason, { cause: error }));
        }
      });
    });
    widenSessions(server);
    return {
      port,
      close: () =>
        new Promise((resolve) => {
          server.forceShutdown();
          resolve();
        }),
    };
  }

  return { dial, listen };
}

function waitForReady(client: Client, deadlineMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    client.waitForReady(deadlineMs, (error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}

function channelOver(call: Call, release: () => void): Channel {
  let closed = false;
  const finish = (reason: string) => {
    if (closed) return;
    closed = true;
    release();
    channel.onClose(reason);
  };
  const channel: Channel = {
    send(frame) {
      if (!closed) call.write(frame);
    },
    get queuedBytes() {
      return call.writableLength;
    },
    onFrame: () => undefined,
    onClose: () => undefined,
    close: finish,
  };
  call.on("data", (frame: Frame) => {
    if (!closed) channel.onFrame(frame);
  });
  call.on("end", () => finish("the other side closed the connection"));
  call.on("close", () => finish("the connection closed"));
  call.on("cancelled", () => finish("the connection was cut"));
  call.on("error", (error: Error & { details?: string }) => finish(error.details ?? error.message));
  return channel;
}

function text(metadata: Metadata, header: string): string {
  const value = metadata.get(header)[0];
  return typeof value === "string" ? value.slice(0, 256) : "";
}

/**
 * grpc-js has no public option for the window of what a server receives, and a ship that dials a port would be
 * held to 0.1 MB/s by the default. These two places are private: the version is pinned, and
 * `grpc-transport.test.ts` fails when they stop working.
 */
function widenWindows(server: Server): void {
  const inner = server as unknown as { commonServerOptions?: { settings?: Record<string, unknown> } };
  const options = inner.commonServerOptions;
  if (options !== undefined) options.settings = { ...options.settings, initialWindowSize: HTTP2_WINDOW_BYTES };
}

function widenSessions(server: Server): void {
  const inner = server as unknown as { http2Servers?: Map<Http2Server, unknown> };
  for (const http2 of inner.http2Servers?.keys() ?? []) {
    http2.on("session", (session: ServerHttp2Session) => session.setLocalWindowSize(HTTP2_WINDOW_BYTES));
  }
}
