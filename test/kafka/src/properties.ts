/** A way into the brokers, beside the plain one that is always there. */
export interface ListenerWish {
  readonly protocol: "PLAINTEXT" | "SSL" | "SASL_PLAINTEXT" | "SASL_SSL";
  /** Ports that clients are told instead of the brokers' own: those of proxies in front of them, one for each broker. */
  readonly advertisedPorts?: readonly number[];
}

export interface KafkaUser {
  readonly name: string;
  readonly password: string;
}

export const SCRAM_MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-512"] as const;

/** One broker's ports by listener, `CONTROLLER` and `INTERNAL` among them. */
export type NodePorts = Readonly<Record<string, number>>;

export interface ClusterLayout {
  readonly listeners: Readonly<Record<string, ListenerWish>>;
  readonly users: readonly KafkaUser[];
  /** For each broker. */
  readonly ports: readonly NodePorts[];
  /** What brokers call each other. */
  readonly hosts: readonly string[];
  /** Address on which they listen. */
  readonly bind: string;
  /** Host that clients are told; by default loopback. */
  readonly advertised?: string;
  /** The folder of keys as the broker sees it. */
  readonly secrets: string;
  readonly settings: Readonly<Record<string, string>>;
}

const LOOPBACK = "127.0.0.1";
/** Listeners of the brokers' own. */
export const CONTROLLER = "CONTROLLER";
export const INTERNAL = "INTERNAL";

/** `server.properties` of a broker. */
export function serverProperties(layout: ClusterLayout, index: number, data: string): string {
  return Object.entries(serverSettings(layout, index, data))
    .map(([key, value]) => `${key}=${value}\n`)
    .join("");
}

/** What Apache's image makes `server.properties` of: `node.id` is `KAFKA_NODE_ID`. */
export function serverEnvironment(layout: ClusterLayout, index: number, data: string): Record<string, string> {
  const settings = Object.entries(serverSettings(layout, index, data));
  return Object.fromEntries(settings.map(([key, value]) => [`KAFKA_${key.toUpperCase().replaceAll(".", "_")}`, value]));
}

/**
 * Settings of a broker that is also a controller.
 * @param index from 0; the node's id is one more
 * @param data its folder, as it sees it
 */
function serverSettings(layout: ClusterLayout, index: number, data: string): Record<string, string> {
  const { listeners, ports, hosts, bind } = layout;
  const own = ports[index] ?? {};
  const host = hosts[index] ?? "";
  const brokers = hosts.length;
  const copies = String(Math.min(brokers, 3));
  const inSync = brokers >= 3 ? "2" : "1";
  const names = Object.keys(listeners);
  return {
    "process.roles": "broker,controller",
    "node.id": String(index + 1),
    "controller.quorum.voters": hosts.map((name, i) => `${i + 1}@${name}:${ports[i]?.[CONTROLLER]}`).join(","),
    "controller.listener.names": CONTROLLER,
    "inter.broker.listener.name": INTERNAL,
    listeners: [CONTROLLER, INTERNAL, ...names].map((name) => `${name}://${bind}:${own[name]}`).join(","),
    "advertised.listeners": [
      `${INTERNAL}://${host}:${own[INTERNAL]}`,
      ...names.map((name) => `${name}://${layout.advertised ?? LOOPBACK}:${advertisedPort(layout, name, index)}`),
    ].join(","),
    "listener.security.protocol.map": [
      `${CONTROLLER}:PLAINTEXT,${INTERNAL}:PLAINTEXT`,
      ...names.map((name) => `${name}:${listeners[name]?.protocol}`),
    ].join(","),
    "log.dirs": data,
    // Topics are made on purpose, as in a cluster that is looked after.
    "auto.create.topics.enable": "false",
    "default.replication.factor": copies,
    "min.insync.replicas": inSync,
    "offsets.topic.replication.factor": copies,
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": copies,
    "transaction.state.log.min.isr": inSync,
    "transaction.state.log.num.partitions": "4",
    // Quick, on a small machine: a group need not wait for more members, the cleaner not hold 128 MB.
    "group.initial.rebalance.delay.ms": "0",
    "log.cleaner.dedupe.buffer.size": String(4 * 1024 * 1024),
    // Soon known to be dead: one that was killed is let in again only when its old life has timed out.
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",
    "num.network.threads": "2",
    "num.io.threads": "4",
    ...securitySettings(layout),
    ...layout.settings,
  };
}

export function advertisedPort({ listeners, ports }: ClusterLayout, name: string, index: number): number {
  return listeners[name]?.advertisedPorts?.[index] ?? ports[index]?.[name] ?? 0;
}

/** Arguments of `StorageTool format` that make the users of SCRAM known. */
export function scramArguments(users: readonly KafkaUser[]): string[] {
  return users.flatMap(({ name, password }) =>
    SCRAM_MECHANISMS.flatMap((mechanism) => ["--add-scram", `${mechanism}=[name=${name},password=${password}]`]),
  );
}

export function speaksTls(protocol: ListenerWish["protocol"]): boolean {
  return protocol.endsWith("SSL");
}

export function asksWho(protocol: ListenerWish["protocol"]): boolean {
  return protocol.startsWith("SASL");
}

function securitySettings({ listeners, users, secrets }: ClusterLayout): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const [name, { protocol }] of Object.entries(listeners)) {
    const prefix = `listener.name.${name.toLowerCase()}`;
    if (speaksTls(protocol)) {
      settings[`${prefix}.ssl.keystore.type`] = "PEM";
      settings[`${prefix}.ssl.keystore.location`] = `${secrets}/broker.pem`;
      settings[`${prefix}.ssl.truststore.type`] = "PEM";
      settings[`${prefix}.ssl.truststore.location`] = `${secrets}/ca.pem`;
    }
    if (asksWho(protocol)) {
      settings[`${prefix}.sasl.enabled.mechanisms`] = ["PLAIN", ...SCRAM_MECHANISMS].join(",");
      const known = users.map((user) => `user_${user.name}="${user.password}"`).join(" ");
      settings[`${prefix}.plain.sasl.jaas.config`] =
        `org.apache.kafka.common.security.plain.PlainLoginModule required ${known};`;
      for (const mechanism of SCRAM_MECHANISMS) {
        settings[`${prefix}.${mechanism.toLowerCase()}.sasl.jaas.config`] =
          "org.apache.kafka.common.security.scram.ScramLoginModule required;";
      }
    }
  }
  return settings;
}
