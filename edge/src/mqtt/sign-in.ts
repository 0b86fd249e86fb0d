import type { X509Certificate } from "node:crypto";
import { TLSSocket } from "node:tls";
import type { ConnectPacket } from "aedes";
import { networkOf } from "@landfall/streams/identity/network";
import { fingerprintOf } from "@landfall/streams/identity/peer-certificate";
import type { Env } from "@landfall/streams/env";
import type { DeviceList, KnownDevice } from "../devices/device-list.js";
import { Passwords } from "../devices/passwords.js";
import type { GuardedConnection } from "./guarded-connection.js";
import { ANONYMOUS, type Sensor, type TopicRules } from "./topic-rules.js";
import { WrongPasswords } from "./wrong-passwords.js";

/** Return codes of CONNACK (MQTT 3.1.1, 3.2.2.3). */
export const CONNACK = { IDENTIFIER_REJECTED: 2, UNAVAILABLE: 3, BAD_PASSWORD: 4, NOT_AUTHORIZED: 5 } as const;

/** Why somebody is not let in: `code` and `message` for people here, `returnCode` for the client. */
export interface NotSignedIn {
  readonly returnCode: (typeof CONNACK)[keyof typeof CONNACK];
  readonly code: string;
  readonly message: string;
}

export interface SignInOptions {
  readonly env: Env;
  readonly devices: () => DeviceList;
  /** False where no file of devices is set: a user name then proves nothing and refutes nothing. */
  readonly hasDevices: boolean;
  readonly anonymous: boolean;
  readonly wrongPasswordsPerMinute: number;
  readonly rules: TopicRules;
  readonly isRevoked: (fingerprint: string) => boolean;
}

/** What of CONNECT says who somebody is and what they want. */
export type Connect = Pick<ConnectPacket, "clientId" | "clean" | "username" | "password" | "will">;

/** Decides at CONNECT who a client is, whether the client id is theirs, and whether their will may be. */
export class SignIn {
  readonly #options: SignInOptions;
  readonly #passwords = new Passwords();
  readonly #wrong: WrongPasswords;

  constructor(options: SignInOptions) {
    this.#options = options;
    this.#wrong = new WrongPasswords(options.wrongPasswordsPerMinute);
  }

  async signIn(connect: Connect, connection: GuardedConnection): Promise<Sensor | NotSignedIn> {
    if (connect.clientId === "" && connect.clean === false) {
      // 3.1.3-8: nobody could ever find that session again.
      const message = "an empty client id with clean session off: want an id, or a clean session";
      return { returnCode: CONNACK.IDENTIFIER_REJECTED, code: "CLIENT_ID_MISSING", message };
    }
    const sensor = await this.#identify(connect, connection);
    if (isRefused(sensor)) return sensor;
    return this.#clientIdProblem(connect.clientId ?? "", sensor) ?? this.#willProblem(connect, sensor) ?? sensor;
  }

  /** Why somebody who signed in may stay no longer, or undefined. */
  whyNoLonger({ device, certificate, passwordHash }: Sensor): string | undefined {
    const { devices, isRevoked, env, anonymous } = this.#options;
    if (device === undefined) return anonymous ? undefined : "sensors without a name are no longer heard";
    const known = devices().get(device);
    if (known === undefined) return `the device ${device} is no longer listed`;
    if (certificate === undefined)
      return known.passwordHash === passwordHash ? undefined : `${device} has another password`;
    if (!known.certificate) return `${device} may no longer prove itself by a certificate`;
    if (isRevoked(certificate.fingerprint)) return `the certificate of ${device} is revoked`;
    return env.now() >= certificate.expiresAt ? `the certificate of ${device} has expired` : undefined;
  }

  async #identify({ username, password }: Connect, connection: GuardedConnection): Promise<Sensor | NotSignedIn> {
    const certificate = connection.socket instanceof TLSSocket ? connection.socket.getPeerX509Certificate() : undefined;
    if (certificate !== undefined) return this.#byCertificate(certificate, connection.socket as TLSSocket, username);
    if (username !== undefined && this.#options.hasDevices) {
      return this.#byPassword(username, password ?? Buffer.alloc(0), connection.address);
    }
    if (this.#options.anonymous) return ANONYMOUS;
    return notAuthorized("a client that says no user name and brings no certificate: want either (or mqtt.anonymous)");
  }

  #byCertificate(certificate: X509Certificate, socket: TLSSocket, username: string | undefined): Sensor | NotSignedIn {
    const refused = (why: string) =>
      notAuthorized(`a client's certificate is not taken: ${why}`, "CERTIFICATE_REFUSED");
    if (!socket.authorized) return refused(String(socket.authorizationError ?? "unknown authority"));
    const fingerprint = fingerprintOf(certificate);
    const name = commonName(certificate);
    if (name === undefined) return refused("its subject has no common name, or several");
    if (this.#options.isRevoked(fingerprint)) return refused(`that of ${name} is revoked (${fingerprint})`);
    const device = this.#options.devices().get(name);
    if (device?.certificate !== true)
      return refused(`no device ${JSON.stringify(name)} with certificate: true is listed`);
    if (username !== undefined && username !== name)
      return refused(`it is that of ${name}, not of ${JSON.stringify(username)}`);
    return { device: name, certificate: { fingerprint, expiresAt: Date.parse(certificate.validTo) } };
  }

  async #byPassword(name: string, password: Uint8Array, address: string): Promise<Sensor | NotSignedIn> {
    const { env, devices } = this.#options;
    const device = devices().get(name);
    const proved = (): Sensor => ({ device: name, passwordHash: device?.passwordHash });
    if (device !== undefined && this.#passwords.isKnown(device, password)) return proved();
    const wrong = (why: string): NotSignedIn => ({
      returnCode: CONNACK.BAD_PASSWORD,
      code: "PASSWORD_REFUSED",
      message: `${JSON.stringify(name)}: ${why}`,
    });
    const network = networkOf(address);
    const mayTry = () => this.#wrong.mayTry(network, env.monotonic());
    const verdict = await this.#passwords.check(devices(), name, password, { address, mayTry });
    if (verdict === "too many") return wrong(`too many wrong passwords from ${address}`);
    if (verdict === "right") return proved();
    if (verdict === "busy") {
      const message = "too many devices sign in at this moment";
      return { returnCode: CONNACK.UNAVAILABLE, code: "SIGN_IN_BUSY", message };
    }
    this.#wrong.wasWrong(network, env.monotonic());
    return wrong("no such device, or not its password");
  }

  /** A client id is whose name it begins with: otherwise anybody could end a device's connection by using it. */
  #clientIdProblem(clientId: string, sensor: Sensor): NotSignedIn | undefined {
    const owner: KnownDevice | undefined = this.#options.devices().ownerOf(clientId);
    if (sensor.device === undefined ? owner === undefined : clientId === "" || owner?.name === sensor.device)
      return undefined;
    const wanted =
      sensor.device === undefined
        ? "it belongs to a device that signs in"
        : `want "${sensor.device}", or "${sensor.device}:" and anything`;
    const message = `the client id ${JSON.stringify(clientId)} is not theirs: ${wanted}`;
    return { returnCode: CONNACK.IDENTIFIER_REJECTED, code: "CLIENT_ID_REFUSED", message };
  }

  /** Asked again when the will is published: rights may be others by then. */
  #willProblem({ will }: Connect, sensor: Sensor): NotSignedIn | undefined {
    if (will === undefined || this.#options.rules.mayPublish(sensor, will.topic)) return undefined;
    const message = `a will on ${JSON.stringify(will.topic.slice(0, 200))}: the client may not publish there`;
    return notAuthorized(message, "WILL_REFUSED");
  }
}

export function isRefused(outcome: Sensor | NotSignedIn): outcome is NotSignedIn {
  return "returnCode" in outcome;
}

function notAuthorized(message: string, code = "NOT_SIGNED_IN"): NotSignedIn {
  return { returnCode: CONNACK.NOT_AUTHORIZED, code, message };
}

/** Node writes one attribute a line, and escapes what could look like another line. */
function commonName({ subject }: X509Certificate): string | undefined {
  const names = subject.split("\n").filter((line) => line.startsWith("CN="));
  return names.length === 1 ? names[0]?.slice("CN=".length) : undefined;
}
