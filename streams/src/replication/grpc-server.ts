import { Server, ServerCredentials, status, type ServerOptions, type StatusObject } from "@grpc/grpc-js";
import { constants, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { SecureContextOptions, TLSSocket } from "node:tls";
import type { Env } from "../env.js";
import type { SiteCredentials } from "../identity/credential-files.js";
import type { SiteIdentity } from "../identity/site-identity.js";
import { CODE_TRAILER } from "./grpc-channel.js";
import { HANDSHAKE_MS_MAX, HTTP2_WINDOW_BYTES, LISTENER_CONNECTIONS_MAX } from "./wire-limits.js";

/** What happens on a connection before any call of it: grpc-js tells nobody. */
export interface ConnectionEvents {
  /** TLS was not agreed on. */
  handshakeFailed(error: Error, from: string): void;
  /** Nothing was asked within `silenceMs`, or before the other side left. */
  silent(from: string, hasLeft: boolean): void;
}

/**
 * A grpc-js server with what it has no public option for: the window of what a server receives (a ship that dials
 * a port would be held to 0.1 MB/s by the default), a deadline of the handshake, a limit of connections. The fields
 * are private: the version is pinned, and `grpc-transport.test.ts` and `grpc-bounds.test.ts` fail when they stop working.
 */
export function createServer(options: ServerOptions): Server {
  const server = new Server(options);
  const inner = server as unknown as { commonServerOptions?: { settings?: Record<string, unknown> } };
  const common = inner.commonServerOptions;
  if (common !== undefined) {
    common.settings = { ...common.settings, initialWindowSize: HTTP2_WINDOW_BYTES };
    Object.assign(common, { handshakeTimeout: HANDSHAKE_MS_MAX });
  }
  return server;
}

/** To be called once the server is bound. @param silenceMs time in which a connection must ask for something */
export function watchConnections(server: Server, env: Env, silenceMs: number, events: ConnectionEvents): void {
  const inner = server as unknown as { http2Servers?: Map<Http2Server, unknown> };
  for (const http2 of inner.http2Servers?.keys() ?? []) {
    http2.maxConnections = LISTENER_CONNECTIONS_MAX;
    http2.on("session", (session: ServerHttp2Session) => {
      session.setLocalWindowSize(HTTP2_WINDOW_BYTES);
      const from = addressOf(session.socket as TLSSocket);
      const silent = (hasLeft: boolean) => {
        session.off("stream", spoken).off("close", left);
        deadline.cancel();
        events.silent(from, hasLeft);
        session.destroy();
      };
      const left = () => silent(true);
      const deadline = env.setTimer(silenceMs, () => silent(false));
      const spoken = () => {
        deadline.cancel();
        session.off("close", left);
      };
      session.once("stream", spoken).once("close", left);
    });
    http2.on("tlsClientError", (error: NodeJS.ErrnoException, socket: TLSSocket) => {
      if (error.code === "ECONNRESET") events.silent(addressOf(socket), true);
      else events.handshakeFailed(error, addressOf(socket));
    });
  }
}

/** What grpc-js keeps behind a call: private, as above. */
interface Inside {
  readonly call?: { readonly stream?: ServerHttp2Stream; sendStatus?: (given: Partial<StatusObject>) => void };
}

/** grpc-js ends the call of a frame that is too long by itself, and tells its handler nothing. @param tell ends the call */
export function onOversize(call: object, tell: (words: string) => void): void {
  const { call: inner } = call as Inside;
  const send = inner?.sendStatus?.bind(inner);
  if (inner === undefined || send === undefined) return;
  let isTold = false;
  inner.sendStatus = (given) => {
    // What comes after it is the status that `tell` has brought about.
    if (isTold || given.code !== status.RESOURCE_EXHAUSTED || given.metadata?.get(CODE_TRAILER).length === 1)
      send(given);
    else {
      isTold = true;
      tell(given.details ?? "a frame that is too long");
    }
  };
}

/** A call that has ended here ends at once, or in some time, whether or not the other side reads what was still to be sent. */
export function hangUp(call: object, env: Env, ms: number): void {
  const stream = (call as Inside).call?.stream;
  if (stream === undefined || stream.closed) return;
  const deadline = env.setTimer(ms, () => stream.close(constants.NGHTTP2_CANCEL));
  stream.once("close", () => deadline.cancel());
}

function addressOf(socket: TLSSocket): string {
  const { remoteAddress, remotePort } = socket;
  return remoteAddress === undefined ? "somebody who is gone" : `${remoteAddress}:${remotePort}`;
}

/** Without an identity, callers prove themselves by token. */
export function serverCredentials(identity: SiteIdentity | undefined): ServerCredentials {
  return identity === undefined ? ServerCredentials.createInsecure() : new FollowingCredentials(identity);
}

/**
 * Server credentials that follow the identity's files. Callers without a good certificate get through the handshake
 * and are refused at their call: TLS alone would reset the connection and leave them without a word.
 */
class FollowingCredentials extends ServerCredentials {
  constructor(identity: SiteIdentity) {
    super({ requestCert: true, rejectUnauthorized: false, minVersion: "TLSv1.3" }, contextOf(identity.credentials));
    identity.onChange((credentials) => this.updateSecureContextOptions(contextOf(credentials)));
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

function contextOf({ ca, cert, key }: SiteCredentials): SecureContextOptions {
  return { ca, cert, key };
}
