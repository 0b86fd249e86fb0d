import { readFileSync } from "node:fs";
import {
  Metadata,
  Server,
  ServerCredentials,
  credentials,
  type ClientDuplexStream,
  type ServerDuplexStream,
  type ServiceError,
} from "@grpc/grpc-js";
import { Frame, ReplicationClient, ReplicationService } from "@landfall/proto/gen/landfall/v1/replication";
import type { Message } from "../src/replication/machine-state.js";
import type { TlsSettings } from "../src/settings/node-settings.js";
import { deferred } from "./deferred.js";
import { until } from "./until.js";

/** How the node ended the call: its code, or CLOSED where it gave none, and its words. */
export interface Ending {
  readonly code: string;
  readonly words: string;
}

/**
 * A peer that says what a test wants it to say, over the generated stubs and mutual TLS. It keeps its link up, answering pings, and
 * lets requests be stopped.
 */
export class BadPeer {
  /** What the node has said. */
  readonly heard: Message[] = [];
  readonly #ended = deferred<Ending>();
  hasEnded = false;

  constructor(
    private readonly call: ClientDuplexStream<Frame, Frame> | ServerDuplexStream<Frame, Frame>,
    readonly isListener: boolean,
    /** It reads what the node sends. */
    reads = true,
  ) {
    if (reads) call.on("data", (frame: Frame) => this.#hear(frame));
    call.on("error", (error: Partial<ServiceError> & Error) => {
      const code = error.metadata?.get("landfall-code")[0];
      this.#end(typeof code === "string" ? code : "CLOSED", error.details ?? error.message);
    });
    // A client has a status behind all else; a server has none, and its last frame may be a `closing`.
    const events = isListener ? ["end", "close", "cancelled"] : ["status"];
    for (const event of events) call.on(event, () => setImmediate(() => this.#end("CLOSED", event)));
  }

  /** @param frame bytes stand for a frame as they are */
  send(frame: Message | Uint8Array): void {
    this.call.write(frame instanceof Uint8Array ? (frame as never) : { body: frame });
  }

  /** The first frame of this kind. */
  async said<Case extends Message["$case"]>(kind: Case): Promise<Extract<Message, { $case: Case }>["value"]> {
    let found: Message | undefined;
    await until(() => {
      found = this.heard.find(({ $case }) => $case === kind);
      return found !== undefined || this.hasEnded;
    });
    if (found === undefined) throw new Error(`the call ended before a ${kind}`);
    return found.value as never;
  }

  ended(): Promise<Ending> {
    return this.#ended.promise;
  }

  /** As a process that goes away. */
  leave(): void {
    if (!("getPeer" in this.call && "cancel" in this.call)) this.call.end();
    else this.call.cancel();
  }

  #hear({ body }: Frame): void {
    if (body === undefined) return;
    this.heard.push(body);
    if (body.$case === "ping") this.send({ $case: "pong", value: body.value });
    if (body.$case === "stop") this.send({ $case: "stopped", value: body.value });
    if (body.$case === "closing") this.#end(body.value.code, body.value.message);
  }

  #end(code: string, words: string): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.#ended.resolve({ code, words });
    if (this.isListener) this.call.end();
  }
}

/** Frames as they are written, and bytes in their place. */
const toBytes = (frame: Frame | Uint8Array): Buffer =>
  frame instanceof Uint8Array ? Buffer.from(frame) : Buffer.from(Frame.encode(frame).finish());

/** Dials a node. The name in its certificate is not looked at: it is the peer that is bad. */
export function dialBadly(address: string, tls: TlsSettings, reads = true): BadPeer & { close(): void } {
  const [ca, key, cert] = [tls.ca, tls.key, tls.cert].map((path) => readFileSync(path)) as [Buffer, Buffer, Buffer];
  const client = new ReplicationClient(
    address,
    credentials.createSsl(ca, key, cert, { checkServerIdentity: () => undefined }),
    { "grpc.use_local_subchannel_pool": 1, "grpc.ssl_target_name_override": "node" },
  );
  const { path } = ReplicationService.sync;
  const call = client.makeBidiStreamRequest(path, toBytes, (bytes) => Frame.decode(bytes), new Metadata());
  const peer = new BadPeer(call, false, reads);
  return Object.assign(peer, {
    close() {
      call.cancel();
      client.close();
    },
  });
}

/** Listens for a node that dials; `onCall` has each call. @returns the port, and how to stop */
export async function listenBadly(
  tls: TlsSettings,
  onCall: (peer: BadPeer) => void,
): Promise<{ readonly port: number; close(): void }> {
  const [ca, key, cert] = [tls.ca, tls.key, tls.cert].map((path) => readFileSync(path)) as [Buffer, Buffer, Buffer];
  const server = new Server();
  const sync = { ...ReplicationService.sync, responseSerialize: toBytes };
  server.addService(
    { sync },
    {
      sync(call: ServerDuplexStream<Frame, Frame>) {
        call.sendMetadata(new Metadata());
        onCall(new BadPeer(call, true));
      },
    },
  );
  const pair = [{ private_key: key, cert_chain: cert }];
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createSsl(ca, pair, true), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { port, close: () => server.forceShutdown() };
}
