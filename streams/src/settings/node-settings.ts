import type { LinkClass, SiteKind } from "@landfall/proto/api";
import type { StreamRule } from "../access/policy.js";
import type { RulesSettings } from "./onboard-rules.js";

/** One site of the fleet, as every site's settings list it. */
export interface SiteEntry {
  readonly site: string;
  readonly kind: SiteKind;
  /** For people: `Big Blue Hyacinth`, `Port of Tokyo`. */
  readonly name: string;
  readonly owner: string;
  /** Groups of the principal `site.<site>`. */
  readonly groups: readonly string[];
  readonly imo?: string;
  readonly locode?: string;
  /** SHA-256, hex, of the token with which this site dials others where there is no TLS. */
  readonly tokenSha256?: string;
}

/** A connection that this site dials and keeps trying to dial. */
export interface LinkSettings {
  readonly id: string;
  /** Site at the other end; this one itself for a link to another node of it. */
  readonly to: string;
  /** Node of it that is to answer; any by default. */
  readonly node?: string;
  readonly class: LinkClass;
  /** `host:port` of the other end's replication listener. */
  readonly address: string;
  /** Streams whose records may cross, as patterns; all by default. */
  readonly carries: readonly string[];
  /** Streams, as patterns, in the order in which the link serves them; what none matches comes last. */
  readonly urgent?: readonly string[];
  /** What may cross the link in a day (UTC), both ways and all included. */
  readonly budget?: BudgetSettings;
}

/** The nodes of this site, which copy each other. */
export interface ClusterSettings {
  /** All of them, in the order in which they stand in for each other. */
  readonly nodes: readonly string[];
  /** When a sensor's message is acknowledged: on disk at this node, or at a second one as well. */
  readonly ack: "local" | "quorum";
}

export interface BudgetSettings {
  /** Of the whole site: each node of a cluster has an equal share of it. */
  readonly bytesPerDay: number;
  /** The last so many percent are for `*.alerts`, and what keeps the link up, alone. */
  readonly alertsPercent: number;
  /** Name of a budget that several links of this node share, as they share an antenna. */
  readonly shared?: string;
}

/** Files with which a site proves who it is and judges others; PEM, followed while the node runs. */
export interface TlsSettings {
  /** Certificates of the authorities that may issue certificates of sites. */
  readonly ca: string;
  /** This site's own certificate, with what stands between it and the authority. */
  readonly cert: string;
  readonly key: string;
  /** Fingerprints of certificates that are good no longer, one a line. */
  readonly revoked?: string;
}

/** How long this site keeps the streams that a pattern matches. */
export interface RetentionRule {
  readonly stream: string;
  /** Since the origin received it; one of the two. */
  readonly minutes?: number;
  readonly days?: number;
  /** On disk, sealed, in millions of bytes. */
  readonly megabytes?: number;
  /** Only the newest record of each topic, of each origin, is kept for good. */
  readonly compact?: boolean;
}

/** The Apache Kafka cluster that is the commit log of this site, for all its nodes. */
export interface KafkaSettings {
  /** `host:port` of brokers to begin with; some may be dead. */
  readonly brokers: readonly string[];
  /** What the names of this site's Kafka topics begin with; by default `<site>.`. */
  readonly topicPrefix?: string;
  /** Of each topic; the same at all nodes of the site, for ever. */
  readonly partitions: number;
  /** Replicas of each topic that is made; by default three, or as many as there are brokers. */
  readonly replication?: number;
  /** TLS to the brokers; PEM files. Without `ca`, the system's authorities count. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly sasl?: KafkaSaslSettings;
}

export interface KafkaSaslSettings {
  readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
  readonly username: string;
  /** One of the two. */
  readonly password?: string;
  readonly passwordFile?: string;
}

/** What every node needs to know, whatever it is. Services extend it. */
export interface NodeSettings {
  readonly site: string;
  readonly node: string;
  /** Data folder; created when it is not there. */
  readonly data: string;
  /** Writer slot of this node, 0…1023; by default a hash of the origin. */
  readonly slot?: number;
  /** Where the site's records are durable; without `kafka`, in the data folder. */
  readonly log?: { readonly kafka?: KafkaSettings };
  readonly http: {
    readonly host: string;
    readonly port: number;
    /** Whose word counts for where a request came from, and by what protocol: proxies in front of this node. */
    readonly trustedProxies?: readonly string[];
  };
  readonly replication: {
    /** `host:port` to accept other sites on; absent for a site that only dials. */
    readonly listen?: string;
    /** Certificates for mutual TLS; absent where sites talk over loopback alone. */
    readonly tls?: TlsSettings;
    /** Secret with which this site dials others where there is no TLS. */
    readonly token?: string;
    /** Streams that this site wants to hold, as patterns. */
    readonly wants: readonly string[];
  };
  readonly links: readonly LinkSettings[];
  /** Absent for a site of one node. */
  readonly cluster?: ClusterSettings;
  /** The fleet, this site included. */
  readonly sites: readonly SiteEntry[];
  readonly access: readonly StreamRule[];
  /** The first rule that matches a stream counts; what none matches is kept for ever. */
  readonly retention: readonly RetentionRule[];
  /** Thresholds of the on-board rules; of an edge. */
  readonly rules?: RulesSettings;
  /** Above this use of its disk, in percent, what was not handed over may expire, too (S6). */
  readonly diskPercentMax: number;
  /** Bearer tokens for programs and operators at this node's own HTTP port. */
  readonly tokens: readonly {
    /** In plain text, or its SHA-256 in hex: one of them. */
    readonly token?: string;
    readonly tokenSha256?: string;
    readonly user: string;
    readonly groups: readonly string[];
    readonly roles: readonly string[];
  }[];
  /** Seconds between two status records in `<owner>.metrics`. */
  readonly metricsSeconds: number;
  readonly logLevel: "debug" | "info" | "warn" | "error" | "silent";
}
