import { readFileSync } from "node:fs";
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import type { TlsSettings } from "../../src/settings/node-settings.js";

/** A call of `Replication/Sync` over HTTP/2 as it is: whoever makes it writes the bytes, and listens for what comes. */
export function rawCall(port: number, tls: TlsSettings): { session: ClientHttp2Session; stream: ClientHttp2Stream } {
  const [ca, key, cert] = [tls.ca, tls.key, tls.cert].map((path) => readFileSync(path));
  const session = connect(`https://127.0.0.1:${port}`, {
    ca: ca as Buffer,
    key: key as Buffer,
    cert: cert as Buffer,
    checkServerIdentity: () => undefined,
  });
  session.on("error", () => undefined);
  const stream = session.request({
    ":method": "POST",
    ":path": "/landfall.v1.Replication/Sync",
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => undefined);
  return { session, stream };
}
