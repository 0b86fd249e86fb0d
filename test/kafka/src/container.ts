import { kafkaImage } from "./docker.js";
import { CONTROLLER, INTERNAL, serverEnvironment } from "./properties.js";
import { KAFKA_NEWEST } from "./versions.js";

const PORT = 9092;
const DATA = "/var/lib/kafka/data";

/** A broker as a service of a compose file, reached by the others under the service's name. */
export interface BrokerService {
  /** `host:port` for clients in other containers. */
  readonly address: string;
  readonly image: string;
  /** What makes the image's own command a broker with the settings of ours. */
  readonly environment: Readonly<Record<string, string>>;
  /** Folder of the data in the container. */
  readonly data: string;
  /** Says whether it answers. */
  readonly healthcheck: readonly string[];
}

/** One broker that is also its own controller. @param host the service's name */
export function brokerService(host: string): BrokerService {
  const ports = { PLAINTEXT: PORT, [CONTROLLER]: PORT + 1, [INTERNAL]: PORT + 2 };
  const layout = {
    listeners: { PLAINTEXT: { protocol: "PLAINTEXT" } },
    users: [],
    settings: {},
    ports: [ports],
    hosts: [host],
    bind: "0.0.0.0",
    advertised: host,
    secrets: "",
  } as const;
  return {
    address: `${host}:${PORT}`,
    image: kafkaImage(KAFKA_NEWEST),
    environment: { ...serverEnvironment(layout, 0, DATA), KAFKA_HEAP_OPTS: "-Xmx512m" },
    data: DATA,
    healthcheck: ["CMD", "bash", "-c", `exec 3<>/dev/tcp/127.0.0.1/${PORT}`],
  };
}
