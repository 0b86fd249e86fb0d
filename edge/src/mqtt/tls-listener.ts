import { createServer, type Server, type TLSSocket } from "node:tls";
import type { Env } from "@landfall/streams/env";
import { FollowedFiles } from "@landfall/streams/identity/followed-files";
import { checkAuthorities, fingerprintsIn, readFiles, readPair } from "@landfall/streams/identity/pem-files";
import type { MqttTlsSettings } from "./mqtt-settings.js";

const KEYS = ["cert", "key", "ca", "revoked"] as const;
type Key = (typeof KEYS)[number];

interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Absent: sensors are not asked for certificates. */
  readonly ca?: Buffer;
  readonly revoked: ReadonlySet<string>;
}

/** The TLS side of the broker's listener: its files, followed while it runs, and who of the sensors' certificates is good no longer. */
export class TlsListener {
  readonly #files: FollowedFiles<Key, TlsFiles>;
  readonly server: Server;

  /** @throws LandfallError INVALID_SETTINGS naming the file and what is wrong with it */
  constructor(
    settings: MqttTlsSettings,
    options: {
      readonly env: Env;
      readonly trouble: (message: string) => void;
      readonly onSocket: (socket: TLSSocket) => void;
    },
  ) {
    const { port: _, ...files } = settings;
    const named = { setting: "mqtt.tls", files };
    const { env, trouble } = options;
    this.#files = new FollowedFiles<Key, TlsFiles>({
      read: () => readFiles<Key>(named, KEYS),
      check: (bytes) => {
        readPair(named, bytes);
        if (files.ca !== undefined) checkAuthorities(named, bytes);
        const { cert, key, ca } = bytes;
        return { cert, key, ...(files.ca !== undefined && { ca }), revoked: fingerprintsIn(named, bytes) };
      },
      env,
      trouble,
    });
    this.server = createServer({
      ...context(this.#files.value),
      // Who brings none may still have a password; who brings a bad one is told so by MQTT, not by a reset.
      requestCert: files.ca !== undefined,
      rejectUnauthorized: false,
      allowHalfOpen: true,
      pauseOnConnect: true,
    });
    this.server.on("secureConnection", options.onSocket);
    this.#files.onChange((now) => this.server.setSecureContext(context(now)));
  }

  get asksForCertificates(): boolean {
    return this.#files.value.ca !== undefined;
  }

  isRevoked(fingerprint: string): boolean {
    return this.#files.value.revoked.has(fingerprint);
  }

  /** Calls back whenever other files are in force. */
  onChange(listener: () => void): void {
    this.#files.onChange(listener);
  }

  start(): void {
    this.#files.start();
  }

  stop(): void {
    this.#files.stop();
  }
}

function context({ cert, key, ca }: TlsFiles) {
  return { cert, key, ...(ca !== undefined && { ca }), minVersion: "TLSv1.2" as const };
}
