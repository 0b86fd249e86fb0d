import type { AuthenticateError, Client, ConnectPacket } from "aedes";
import type { FollowedFiles } from "@landfall/streams/identity/followed-files";
import type { Env } from "@landfall/streams/env";
import { DeviceList } from "../devices/device-list.js";
import { GuardedConnection } from "./guarded-connection.js";
import type { Listeners } from "./listeners.js";
import type { MqttSettings } from "./mqtt-settings.js";
import type { SensorAudit } from "./sensor-audit.js";
import { CONNACK, isRefused, SignIn, type NotSignedIn } from "./sign-in.js";
import type { Sensor, TopicRules } from "./topic-rules.js";

export interface DoorOptions {
  readonly settings: MqttSettings;
  readonly env: Env;
  readonly devices: FollowedFiles<"devices", DeviceList> | undefined;
  readonly rules: TopicRules;
  readonly listeners: Pick<Listeners, "tls">;
  /** A connection has proved who it is. */
  readonly onSignedIn: (connection: GuardedConnection) => void;
  readonly complain: (client: Client, code: string, message: string, id?: string) => void;
  readonly audit: Pick<SensorAudit, "tell">;
}

/** Lets clients in when they have proved who they are, knows them while they are there, and sends them away when that is good no longer. */
export class Door {
  readonly #options: DoorOptions;
  readonly #signIn: SignIn;
  readonly #connects = new WeakMap<Client, ConnectPacket>();
  readonly #sensors = new WeakMap<Client, Sensor>();
  readonly #signedIn = new Set<Client>();

  constructor(options: DoorOptions) {
    const { settings, env, devices, rules, listeners } = options;
    this.#options = options;
    this.#signIn = new SignIn({
      env,
      devices: () => devices?.value ?? NOBODY,
      hasDevices: devices !== undefined,
      anonymous: settings.anonymous,
      wrongPasswordsPerMinute: settings.wrongPasswordsPerMinute,
      rules,
      isRevoked: (fingerprint) => listeners.tls?.isRevoked(fingerprint) ?? false,
    });
    devices?.onChange(() => this.dismissStrangers());
    listeners.tls?.onChange(() => this.dismissStrangers());
  }

  /** Who a client is; undefined before it has signed in. */
  sensorOf(client: Client): Sensor | undefined {
    return this.#sensors.get(client);
  }

  /** Keeps what CONNECT said: `authenticate` of aedes is told only a part of it. */
  knocked(client: Client, packet: ConnectPacket): void {
    const { protocolVersion, clientId } = packet;
    if (protocolVersion === 5) {
      const message = `${JSON.stringify(clientId)} speaks MQTT 5: want MQTT 3.1.1 (protocol version 4)`;
      this.#options.complain(client, "MQTT_5_REFUSED", message, clientId);
    }
    this.#connects.set(client, packet);
  }

  /** @returns the error that aedes answers with, or undefined when the client is in */
  async authenticate(client: Client): Promise<AuthenticateError | undefined> {
    const connect = this.#connects.get(client);
    const { conn } = client;
    if (connect === undefined || !(conn instanceof GuardedConnection)) throw new Error("no CONNECT came before");
    this.#connects.delete(client);
    const outcome = await this.#signIn.signIn(connect, conn);
    if (isRefused(outcome)) {
      // The client id is not theirs yet: the complaint is about the address.
      this.#options.complain(client, outcome.code, outcome.message, "");
      this.#tellRefused(outcome, connect, conn.remote);
      return authenticateError(outcome);
    }
    // Who has left meanwhile is nobody any more.
    if (conn.destroyed) return undefined;
    this.#sensors.set(client, outcome);
    this.#signedIn.add(client);
    conn.once("close", () => this.#signedIn.delete(client));
    this.#options.onSignedIn(conn);
    this.#options.audit.tell({ action: "device.sign-in", status: 200, sensor: outcome, remote: conn.remote });
    return undefined;
  }

  /** Ends the connections of those whose credentials are good no longer. */
  dismissStrangers(): void {
    for (const client of this.#signedIn) {
      const sensor = this.#sensors.get(client);
      const why = sensor && this.#signIn.whyNoLonger(sensor);
      if (why === undefined) continue;
      this.#signedIn.delete(client);
      this.#options.complain(client, "DISMISSED", why);
      const { remote } = client.conn as GuardedConnection;
      this.#options.audit.tell({ action: "device.stay", status: 403, sensor, remote });
      client.conn.destroy();
    }
  }

  /** What is only wrong, or has to wait, is nobody's refusal. A name is told only where somebody has it: people mistype passwords there. */
  #tellRefused({ returnCode }: NotSignedIn, { username = "" }: ConnectPacket, remote: string): void {
    if (returnCode === CONNACK.UNAVAILABLE) return;
    const isKnown = this.#options.devices?.value.get(username) !== undefined;
    const subject = isKnown ? username : undefined;
    this.#options.audit.tell({ action: "device.sign-in", status: 401, sensor: undefined, remote, subject });
  }
}

const NOBODY = new DeviceList([]);

function authenticateError({ returnCode, message }: NotSignedIn): AuthenticateError {
  // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- aedes exports this enum as a type only
  return Object.assign(new Error(message), { returnCode }) as AuthenticateError;
}
