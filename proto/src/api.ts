/**
 * Shapes of the HTTP contract. Times are RFC 3339 in UTC, angles degrees (WGS 84, longitude −180…180),
 * temperatures °C, shares %, speeds knots. Errors are RFC 9457 problem details.
 */

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** One of the library's error codes, e.g. `NOT_FOUND`. */
  readonly code: string;
  readonly detail?: string;
  /** Part of the request that is wrong, where it is one: `querystring/limit`, `body/cursor`. */
  readonly field?: string;
}

// ── every node ──────────────────────────────────────────────────────────────────────────────────

export interface StreamsReply {
  readonly streams: readonly {
    readonly name: string;
    /** Absent where only a part of the stream may be read: what counts the rest is not told. */
    readonly records?: number;
  }[];
}

export interface TopicsReply {
  readonly topics: readonly string[];
  /** Pass as `after` for the next page; absent on the last one. */
  readonly next?: string;
}

export interface ApiRecord {
  readonly topic: string;
  readonly offset: number;
  readonly origin: string;
  readonly seq: number;
  /** When it was measured. */
  readonly timestamp: string;
  /** When its origin first stored it. */
  readonly received: string;
  /** When this site got it ("known since"). */
  readonly arrived: string;
  readonly headers: Readonly<Record<string, string>>;
  /** UTF-8 text as it came; where the bytes are no UTF-8, `valueBase64` stands instead. */
  readonly value?: string;
  readonly valueBase64?: string;
}

export interface RecordsReply {
  readonly records: readonly ApiRecord[];
  /** Pass as `offset` for the next page; absent when there is nothing more for now. */
  readonly next?: number;
}

export interface ReadRequest {
  readonly cursor?: string;
  /** Where to begin without a cursor; `now` gives a cursor past everything that is here, and no records. */
  readonly from?: "beginning" | "now";
  readonly limit?: number;
}

/** Seqs [from, to) of one origin that are not at this site, and why. */
export interface ApiGap {
  readonly origin: string;
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

export interface GapsReply {
  readonly gaps: readonly ApiGap[];
}

/** `POST /api/holdings`: what a node holds, for sites to compare (`landfall verify --sites`). */
export interface HoldingsRequest {
  /** Only these; otherwise every stream that you may read, page by page. */
  readonly streams?: readonly string[];
  /** A site: the answer says which streams it may hold. */
  readonly peer?: string;
  /** `next` of the page before. */
  readonly after?: string;
  readonly limit?: number;
}

export interface HoldingsReply {
  readonly site: string;
  readonly node: string;
  /** Name of the function behind `POST /api/digests`: only the same can be compared. */
  readonly digest: string;
  readonly streams: readonly StreamHoldings[];
  /** Pass as `after`; absent on the last page. */
  readonly next?: string;
}

export interface StreamHoldings {
  readonly stream: string;
  /** This site takes in what others wrote to it. */
  readonly wanted: boolean;
  /** The peer that was named may hold it. */
  readonly replicates: boolean;
  /** Records that newer ones of their topics superseded are dropped here. */
  readonly compact: boolean;
  readonly origins: readonly OriginHolding[];
}

export interface OriginHolding {
  readonly origin: string;
  /** First seq of which nothing is known here. */
  readonly next: number;
  readonly gaps: readonly Omit<ApiGap, "origin">[];
}

export interface DigestRange {
  readonly stream: string;
  readonly origin: string;
  readonly from: number;
  readonly to: number;
  /** A digest is made of the records between each two multiples of it. */
  readonly step: number;
}

/** `POST /api/digests` */
export interface DigestsRequest {
  readonly ranges: readonly DigestRange[];
  /** Read every byte instead of adding up what is stored. */
  readonly deep?: boolean;
}

export interface DigestsReply {
  /** In the order of the request. */
  readonly ranges: readonly RangeDigests[];
}

export interface RangeDigests {
  /** What lies behind was not looked at: ask again from there. */
  readonly next: number;
  /** Of each cell up to `next`: records, and two sums. With a step of 1 empty, because `records` says more. */
  readonly digests: readonly (readonly [records: number, high: number, low: number])[];
  /** Seqs [from, to) that were met and cannot be read. */
  readonly damaged: readonly (readonly [from: number, to: number])[];
  /** With a step of 1: every record that is here, in order of seq. */
  readonly records?: readonly NamedRecord[];
  /** With a step of 1: what is not here, and why. */
  readonly absent?: readonly Omit<ApiGap, "origin">[];
}

export interface NamedRecord {
  readonly seq: number;
  readonly topic: string;
  readonly offset: number;
  readonly high: number;
  readonly low: number;
}

/** `POST /api/repair`, for administrators: look for damage, and have peers send again what cannot be read. */
export interface RepairRequest {
  readonly ranges: readonly Omit<DigestRange, "step">[];
}

export interface RepairReply {
  /** In the order of the request: what is lacking there now, and is taken in as soon as a peer turns up that holds it. */
  readonly ranges: readonly { readonly lacking: readonly Omit<ApiGap, "origin">[] }[];
}

export interface ReadReply {
  readonly records: readonly ApiRecord[];
  /** Gaps that the cursor has passed so far, and that are still there: what fills one is read later. */
  readonly gaps: readonly ApiGap[];
  readonly cursor: string;
}

/** What moves over a link in one direction, in a second. */
export interface LinkFlow {
  readonly bytesPerSecond: number;
  readonly recordsPerSecond: number;
}

/** One link in a status: `LinkView` of the library with its times as text. */
export interface StatusLink {
  readonly id: string;
  /** Site at the other end, and the node of it; absent before its first hello, and in what older versions wrote. */
  readonly peer: string;
  readonly node?: string;
  readonly class: LinkClass;
  readonly state: "up" | "down";
  /** Why a link that the node dials is down. */
  readonly problem?: string;
  /** When the peer's certificate expires; absent without TLS. */
  readonly certificateExpires?: string;
  readonly lastContact?: string;
  readonly roundTripMs?: number;
  /** What may cross in a day (UTC), both ways and over all links that share it, and what did; absent without a budget. */
  readonly budget?: { readonly bytesPerDay: number; readonly usedBytes: number; readonly leftBytes: number };
  readonly bytesPerSecond: number;
  readonly recordsPerSecond: number;
  /** Each way; absent from nodes of earlier versions. */
  readonly sending?: LinkFlow;
  readonly receiving?: LinkFlow;
  readonly toSend: number;
  readonly toReceive: number;
  /** Estimates for both ways together, from what crosses this link: absent before any record has. */
  readonly backlogBytes?: number;
  readonly secondsToGo?: number;
}

/** What a node writes to `<owner>.metrics` under the topic `<site>.<node>`, every few seconds (U1). */
export interface StatusValue {
  readonly kind: "status";
  readonly time: string;
  readonly site: string;
  readonly node: string;
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly links: readonly StatusLink[];
  /** When this site's own certificate expires; absent without TLS. */
  readonly certificateExpires?: string;
  /** Where the site's log is in Kafka: its other nodes that live, and how many histories this one asks other sites for. */
  readonly shared?: { readonly nodes: readonly string[]; readonly asksFor: number };
  /** Records of this site, as far as this node has them, that no other site is known to hold. */
  readonly notHandedOver: number;
  readonly store: {
    readonly recordsAppended: number;
    readonly recordsApplied: number;
    readonly bytesOnDisk: number;
    readonly topics: number;
    readonly streams: number;
    readonly failed?: string;
  };
  readonly rssBytes: number;
  /** Why the node is not ready; empty when it is. */
  readonly notReady: readonly string[];
}

/** What a node writes to `<owner>.exceptions` under the topic `<site>.<node>` (U1, U2). */
export interface ExceptionValue {
  readonly kind: "exception";
  readonly code: string;
  /** What raised it: `mqtt`, `replication`, a client's id. */
  readonly source: string;
  readonly message: string;
  readonly time: string;
  /** Reports of the same code and source since the last record that were left out. */
  readonly suppressed?: number;
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** `GET /api/status`, for a node's administrators. */
export interface StatusReply extends StatusValue {
  readonly owner: string;
  readonly peers: readonly {
    readonly site: string;
    readonly node?: string;
    readonly class: LinkClass;
    readonly lastContact: string;
    /** Records that this node holds and the peer lacks, and the reverse, of what the peer announced. */
    readonly lacks: number;
    readonly ahead: number;
  }[];
  readonly notHandedOverStreams: readonly { readonly stream: string; readonly records: number }[];
  /** Rules that travelled here and are in force, of owners whose settings the asking person may read. */
  readonly rules: readonly {
    readonly owner: string;
    readonly key: RuleKey;
    readonly version: number;
    readonly site: string;
    readonly time: string;
  }[];
}

/** What of an owner's rules stands in a document of its own, under the topic `rules.<key>` of `<owner>.settings`. */
export type RuleKey = "access" | "retention" | "onboard";

/** Who may do what with the streams of an owner that a pattern matches; what is left out is as the base has it. */
export interface AccessRule {
  readonly stream: string;
  readonly read?: string;
  readonly replicate?: string;
  readonly produce?: string;
  readonly relay?: string;
  readonly admin?: string;
}

/** How long streams of an owner are kept. */
export interface TravellingRetention {
  readonly stream: string;
  readonly minutes?: number;
  readonly days?: number;
  readonly megabytes?: number;
  readonly compact?: boolean;
  /** Sites, or kinds of sites, at which it counts; everywhere when left out. */
  readonly at?: readonly string[];
}

export interface RulesOf {
  /** Of several that match a stream the first counts. */
  readonly access: readonly AccessRule[];
  readonly retention: readonly TravellingRetention[];
  /** Thresholds of the on-board rules of the owner's ships; what is left out is as the base has it. */
  readonly onboard: Readonly<Record<string, number>>;
}

/** A document of rules as `<owner>.settings` holds it; `rules: null` returns to the base. */
export interface RulesValue<K extends RuleKey = RuleKey> {
  readonly kind: "rules";
  readonly version: 1;
  readonly key: K;
  readonly rules: RulesOf[K] | null;
  /** Who set it. */
  readonly by?: string;
}

/** The rules of one key that are in force at the answering site for one owner, and where they came from. */
export interface RulesInForce<K extends RuleKey = RuleKey> {
  readonly key: K;
  /** What travelled; absent while the base alone counts. */
  readonly rules?: RulesOf[K];
  /** What stands in this site's own settings for the owner's streams. */
  readonly base: RulesOf[K];
  /** Of the newest valid document: its offset, where it was written, when, by whom. Absent when there never was one. */
  readonly version?: number;
  readonly site?: string;
  readonly time?: string;
  readonly by?: string;
}

export interface OwnerRules {
  readonly owner: string;
  readonly keys: readonly RulesInForce[];
}

/** `GET /api/rules`, for those who run the node: owners whose settings they may read. */
export interface RulesReply {
  /** Site that answers: what is in force is its own view. */
  readonly site: string;
  readonly owners: readonly OwnerRules[];
}

/** `PUT /api/rules`, at a headquarters. */
export interface RulesRequest<K extends RuleKey = RuleKey> {
  readonly owner: string;
  readonly key: K;
  readonly rules: RulesOf[K];
  /** Version that it is meant to replace, 0 for none: answered with a conflict when another is in force by now. */
  readonly replaces?: number;
}

/**
 * A grant as `<owner>.settings` holds it, under the topic `grants.<id>`: somebody is shown a part of the owner's streams, beside what
 * rules say. Times are RFC 3339; `from` and `to` are of measuring, half-open.
 */
export interface GrantValue {
  readonly kind: "grant";
  readonly version: 1;
  readonly id: string;
  /** `u:name`, `g:group`, `r:role`, or `link` for whoever holds the link. */
  readonly subject: string;
  /** Streams of the owner, never its settings. */
  readonly streams: readonly string[];
  /** Container numbers, as topics are called; every topic when left out. */
  readonly topics?: readonly string[];
  readonly from?: string;
  readonly to?: string;
  /** Ends where the container leaves its terminal for the customer, or its booking ends: `to` is written then. */
  readonly untilGateOut?: true;
  /** When the right ends, whatever it is for; always there for a link. */
  readonly validUntil?: string;
  /** Of a link: SHA-256 of its token, in hex. The token itself is kept nowhere. */
  readonly tokenSha256?: string;
  /** Taken back. */
  readonly revoked?: true;
  /** Who made, and who took back or changed it last. */
  readonly by?: string;
  readonly note?: string;
}

export type GrantState = "in-force" | "expired" | "revoked";

/** A grant as it is told to those who may make it. */
export interface GrantReply extends Omit<GrantValue, "kind" | "version" | "tokenSha256" | "revoked"> {
  readonly owner: string;
  readonly state: GrantState;
  /** Offset of its record. */
  readonly recordOffset: number;
  /** Only in the answer to POST, for a link: what opens it, shown once. */
  readonly token?: string;
}

/** `GET /api/grants`: of owners whose streams the asking person administers. */
export interface GrantsReply {
  readonly grants: readonly GrantReply[];
}

/** `POST /api/grants`, at a headquarters. */
export interface GrantRequest {
  readonly owner: string;
  /** As in `GrantValue`. */
  readonly subject: string;
  /** By default `<owner>.containers`, `.alerts` and `.latest`. */
  readonly streams?: readonly string[];
  readonly topics?: readonly string[];
  readonly from?: string;
  readonly to?: string;
  /** The voyage on which the one container named in `topics` is, or last was, instead of `from` and `to`. */
  readonly voyage?: boolean;
  readonly validUntil?: string;
  readonly note?: string;
}

/** A container's stay between two gates, as its events tell, or else a booking. */
export interface VoyageSpan {
  readonly owner: string;
  readonly from: string;
  /** Absent while it lasts. */
  readonly to?: string;
  readonly source: "gate" | "booking";
  readonly vessels: readonly string[];
}

/** `GET /api/containers/{id}/voyages`, the newest first. */
export interface VoyagesReply {
  readonly voyages: readonly VoyageSpan[];
}

// ── a headquarters ──────────────────────────────────────────────────────────────────────────────

export interface SessionRequest {
  readonly username: string;
  readonly password: string;
}

/** A server of map tiles that browsers ask themselves. */
export interface MapTiles {
  /** Address of a tile, with `{z}`, `{x}` and `{y}`; `{r}` becomes `@2x` on sharp screens. */
  readonly url: string;
  /** Whose map it is; plain text. */
  readonly attribution: string;
  /** The closest zoom that the server has. */
  readonly maxZoom: number;
}

export interface SessionReply {
  readonly user: string;
  readonly displayName: string;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  /** Site that answered and the company it belongs to. */
  readonly site: string;
  readonly owner: string;
  /** Whether this person may use the voyage controls of the demo. */
  readonly mayControl: boolean;
  readonly expires: string;
  /** Drawn over the map's own land, where the settings name a server of tiles. */
  readonly tiles?: MapTiles;
  /** Whether they may show streams of somebody to others: grants and links. */
  readonly mayShare?: boolean;
  /** Whether rules of anybody are theirs to change here. */
  readonly mayRule?: boolean;
  /** Container that a share link shows; absent for who signed in. */
  readonly shared?: string;
  /** The administrator who looks as this person; absent for the person. */
  readonly seenBy?: string;
  /** Only in the answer to `POST /api/session`: a bearer token for programs. */
  readonly token?: string;
}

/**
 * Header with the name of somebody as whom an administrator looks: what is answered is what both may see, and nothing is
 * changed.
 */
export const SEE_AS_HEADER = "landfall-see-as";

/** `PUT /api/session/password`: answered like a sign-in, since every other session of that person ends. */
export interface PasswordRequest {
  readonly current: string;
  readonly password: string;
}

/** `GET /api/setup`: whether this headquarters still waits for its first administrator. */
export interface SetupState {
  readonly isOpen: boolean;
}

/** `POST /api/setup`, with the token that the log shows: makes the first administrator and signs them in. */
export interface SetupRequest {
  readonly token: string;
  readonly username: string;
  readonly password: string;
  readonly displayName?: string;
}

/** Somebody who may come in, as administrators are told. */
export interface PersonReply {
  readonly name: string;
  readonly displayName: string;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly disabled: boolean;
  /** `provider`: at the identity provider; `never`: a machine, which has tokens. */
  readonly signsIn: "password" | "provider" | "never";
  /** `settings`: as the YAML file has them; `kept`: as they were made or changed here. */
  readonly source: "settings" | "kept";
}

export interface PeopleReply {
  readonly people: readonly PersonReply[];
}

/** `POST /api/people`; without a password they cannot sign in, but have tokens. */
export interface PersonRequest {
  readonly name: string;
  readonly displayName?: string;
  readonly groups?: readonly string[];
  readonly roles?: readonly string[];
  readonly password?: string;
}

/** `PATCH /api/people/{name}`: what is left out stays. */
export interface PersonChange {
  readonly displayName?: string | null;
  readonly groups?: readonly string[];
  readonly roles?: readonly string[];
  readonly disabled?: boolean;
  readonly password?: string;
}

/** A record of `<owner>.audit`: who did what, and whether they were let. */
export interface AuditValue {
  readonly kind: "audit";
  /** What was done: `container.history`, `session.begin`, `person.change`. */
  readonly action: string;
  /** `failed`: it was allowed, and did not work. */
  readonly outcome: "allowed" | "refused" | "failed";
  /** HTTP status of the answer; of sensors, the one that says the same. */
  readonly status: number;
  /** Empty for somebody who has not said who they are; `device.<name>` for a sensor. */
  readonly user: string;
  /** As whom they looked, where they looked as somebody else. */
  readonly as?: string;
  /** `password`, `certificate`: of a sensor. */
  readonly via: "session" | "token" | "password" | "certificate" | "nobody";
  /** Names the session or the token; nobody gets in with it. */
  readonly credential?: string;
  readonly address: string;
  readonly subject?: string;
  readonly detail?: Readonly<Record<string, unknown>>;
  /** The same, so many times between `first` and `last`. */
  readonly count: number;
  readonly first: string;
  readonly last: string;
}

/** `GET /api/audit`: newest first. */
export interface AuditReply {
  readonly entries: readonly (AuditValue & {
    readonly owner: string;
    readonly site: string;
    readonly offset: number;
  })[];
  /** Pass as `before` for the next page; absent on the last one. */
  readonly next?: string;
}

/** A bearer token of a program. */
export interface TokenReply {
  readonly id: string;
  /** As whom it speaks. */
  readonly user: string;
  readonly label: string;
  readonly by: string;
  readonly created: string;
  readonly expires: string;
  /** Only in the answer to `POST /api/tokens`: shown once. */
  readonly token?: string;
}

export interface TokensReply {
  readonly tokens: readonly TokenReply[];
}

/** `POST /api/tokens`: for oneself, or, by administrators, for anybody. */
export interface TokenRequest {
  readonly user?: string;
  readonly label: string;
  readonly days?: number;
}

/**
 * The 401 of `GET /api/session` (nobody is signed in). Where the demo runs it says who may come in, so that
 * the sign-in page can offer it; never set on a real installation.
 */
export interface SignedOutProblem extends Problem {
  /** Whether the first administrator is still to be made: at `/setup`. */
  readonly setup?: true;
  /** Where people can sign in at an identity provider, and what it is called. */
  readonly provider?: { readonly name: string; readonly path: string };
  readonly demo?: {
    readonly password: string;
    readonly users: readonly {
      readonly username: string;
      /** What this person sees, half a sentence: `only the ducks`. */
      readonly sees: string;
    }[];
  };
}

/** What the sensors can say; every field optional. */
export interface Measurements {
  readonly latitude?: number;
  readonly longitude?: number;
  readonly temperatureC?: number;
  readonly supplyAirC?: number;
  readonly returnAirC?: number;
  readonly setpointC?: number;
  readonly defrosting?: boolean;
  readonly humidityPct?: number;
  readonly o2Pct?: number;
  readonly co2Pct?: number;
  readonly shockG?: number;
  readonly tiltDeg?: number;
  readonly doorOpen?: boolean;
  readonly powered?: boolean;
  readonly batteryPct?: number;
  readonly speedKn?: number;
  readonly courseDeg?: number;
  readonly headingDeg?: number;
}

export type ContainerStatus = "fine" | "out-of-range" | "no-power" | "door-open" | "lost" | "unknown";

/** Latest state of one container as far as the asking person may know it. */
export interface ContainerState {
  readonly container: string;
  /** Empty for who only reads a port's stream, which does not tell. */
  readonly owner: string;
  readonly status: ContainerStatus;
  /** When the newest reading was measured. */
  readonly time: string;
  /** When this site got it. */
  readonly knownSince: string;
  readonly latitude?: number;
  readonly longitude?: number;
  readonly measurements: Measurements;
  /** Ship it is aboard of (IMO number), after LOAD and before DISC. */
  readonly vessel?: string;
  /** UN/LOCODE of the terminal it stands in. */
  readonly location?: string;
  readonly lastEvent?: ContainerEvent;
}

export type ContainerEventType = "LOAD" | "DISC" | "GTIN" | "GTOT";
export type ShipEventType = "ARRI" | "DEPA";

export interface ContainerEvent {
  readonly type: ContainerEventType;
  readonly time: string;
  readonly location?: string;
  readonly vessel?: string;
  readonly voyage?: string;
  readonly knownSince: string;
}

/**
 * Query of `GET /api/containers`. With `zoom` the answer is clustered for that zoom level (an integer, 0…22);
 * without it the features are single containers in order of their numbers, a page at a time.
 */
export interface ContainersQuery {
  /** `west,south,east,north`; west > east means across 180°. */
  readonly bbox?: string;
  readonly zoom?: number;
  /** Part of a container number, without spaces. */
  readonly q?: string;
  /** Only those aboard this ship (IMO number), or in this terminal (UN/LOCODE). */
  readonly vessel?: string;
  readonly location?: string;
  /** Only those in one of these states, separated by commas: `lost,door-open`. */
  readonly status?: string;
  /** Only this company's. */
  readonly owner?: string;
  readonly limit?: number;
  /** `next` of the page before. */
  readonly after?: string;
}

/** A GeoJSON FeatureCollection of Points: either single containers or clusters of them. */
export interface ContainersReply {
  readonly type: "FeatureCollection";
  readonly features: readonly (ContainerFeature | ClusterFeature)[];
  /** Containers in view, and all that the person may see. */
  readonly matched: number;
  readonly total: number;
  /** Pass as `after` for the next page; absent on the last one and where clustered. */
  readonly next?: string;
}

export interface ContainerFeature {
  readonly type: "Feature";
  readonly id: string;
  readonly geometry: { readonly type: "Point"; readonly coordinates: readonly [number, number] } | null;
  readonly properties: ContainerState & { readonly kind: "container" };
}

export interface ClusterFeature {
  readonly type: "Feature";
  readonly id: string;
  readonly geometry: { readonly type: "Point"; readonly coordinates: readonly [number, number] };
  readonly properties: {
    readonly kind: "cluster";
    readonly count: number;
    readonly statuses: Readonly<Partial<Record<ContainerStatus, number>>>;
    /** Zoom at which it falls apart. */
    readonly expansionZoom: number;
    /** Set when every member is aboard one ship or in one terminal. */
    readonly vessel?: string;
    readonly location?: string;
  };
}

export interface HistoryPoint extends Measurements {
  readonly time: string;
  readonly knownSince: string;
  /** When its origin first stored it; much later than this, `knownSince` means that it came with a backlog. */
  readonly received?: string;
  readonly offset: number;
  readonly origin: string;
  readonly stream: string;
}

/** Why records are not at the site that answers. */
export type GapReason = "expired" | "missed" | "damaged" | "superseded";

/**
 * Records of one origin that are not at this site and of which some may belong to the history: which ones nobody can
 * tell. Placed in time as well as the records around them allow.
 */
export interface HistoryGap {
  readonly stream: string;
  readonly origin: string;
  /** Seqs [fromSeq, toSeq) of the origin; absent where only a part of the stream may be read. */
  readonly fromSeq?: number;
  readonly toSeq?: number;
  /** How many are missing, of all topics; absent like them. */
  readonly records?: number;
  readonly reason: GapReason;
  /** Measured between these; absent where no record tells: since ever, until now. */
  readonly from?: string;
  readonly to?: string;
}

export interface ContainerHistoryReply {
  readonly container: string;
  /** Measured readings, in order of their time, thinned to `maxPoints` without losing extremes. */
  readonly points: readonly HistoryPoint[];
  readonly events: readonly ContainerEvent[];
  /** What is missing of the streams that the asking person may read, in order of time. */
  readonly gaps: readonly HistoryGap[];
  /** Readings before thinning. */
  readonly total: number;
}

/** A time during which a measurement was beyond a limit. Between two readings nothing is known. */
export interface Excursion {
  /** Of the first and the last reading that were out. */
  readonly from: string;
  readonly to: string;
  readonly readings: number;
  /** The furthest that it went, when, since when that is known here, and where that was. */
  readonly value: number;
  readonly time: string;
  readonly knownSince: string;
  readonly latitude?: number;
  readonly longitude?: number;
  /** IMO number of the ship, or UN/LOCODE of the terminal, where it was. */
  readonly vessel?: string;
  readonly location?: string;
  /** It was defrosting all the while. */
  readonly defrosting?: true;
}

export interface ExcursionsReply {
  readonly container: string;
  readonly field: keyof Measurements;
  readonly above?: number;
  readonly below?: number;
  /** Readings that say anything about it. */
  readonly readings: number;
  /** How often it was out; `excursions` are the longest of them where there are too many, in order of time. */
  readonly total: number;
  readonly excursions: readonly Excursion[];
  /** What is missing of the time asked for: nobody knows what it was then. */
  readonly gaps: readonly HistoryGap[];
}

export interface ShipState {
  readonly imo: string;
  readonly name: string;
  /** When the newest position was measured; absent until one is known. */
  readonly time?: string;
  readonly knownSince?: string;
  readonly latitude?: number;
  readonly longitude?: number;
  readonly speedKn?: number;
  readonly courseDeg?: number;
  readonly headingDeg?: number;
  /** Class of the link over which the newest word came: satellite, port, lan, wan. */
  readonly lastLink?: LinkClass;
  readonly voyage?: string;
  readonly nextPort?: string;
  /** UN/LOCODE while it lies in port. */
  readonly docked?: string;
  /** Containers aboard that the asking person may see. */
  readonly containersAboard: number;
  /** Newest weather on board; only for those who may read it. */
  readonly environment?: Measurements & { readonly time: string };
}

export interface ShipsReply {
  readonly ships: readonly ShipState[];
}

export interface ShipHistoryReply {
  readonly imo: string;
  readonly points: readonly HistoryPoint[];
  readonly events: readonly {
    readonly type: ShipEventType;
    readonly time: string;
    readonly location?: string;
    readonly voyage?: string;
    readonly nextPort?: string;
    readonly knownSince: string;
  }[];
  /** What is missing of the streams that the asking person may read as a whole, in order of time. */
  readonly gaps: readonly HistoryGap[];
  readonly total: number;
}

/** `LOST`: silent while its neighbours report, as after a fall overboard. `SILENT`: no word while the ship sails on. */
export type AlertType = "LOST" | "SILENT" | "OUT_OF_RANGE" | "NO_POWER" | "DOOR_OPEN" | "SHOCK";

/** The rule by which an alert was raised, as it was in force on board then. */
export interface AlertRule {
  /** The thresholds that decide about this type of alert. */
  readonly limits: Readonly<Record<string, number>>;
  /** Of the document `rules.onboard` that travelled: its offset. Absent: the ship's own settings alone. */
  readonly version?: number;
}

/** A reading that led to an alert. */
export interface AlertReading extends Measurements {
  readonly time: string;
}

/** An alert as an edge node stores it in `<owner>.alerts`, and as the API shows it. */
export interface AlertValue {
  readonly id: string;
  readonly type: AlertType;
  readonly severity: "warning" | "critical";
  /** `raised` opens it, `cleared` closes the one with the same id. */
  readonly state: "raised" | "cleared";
  readonly container?: string;
  readonly vessel?: string;
  readonly time: string;
  readonly latitude?: number;
  readonly longitude?: number;
  /** One sentence for people. */
  readonly message: string;
  /** What led to it. */
  readonly evidence?: Measurements & { readonly lastSeen?: string };
  /** Of one that was raised. */
  readonly rule?: AlertRule;
  /** The last readings up to the one that raised it, oldest first: few, since they may cross a satellite. */
  readonly before?: readonly AlertReading[];
}

/**
 * A person's word on an alert, as it stands in the same stream and topic: it neither opens nor closes the alert. Its record's
 * timestamp is when it was said.
 */
export interface AcknowledgementValue {
  /** Of the alert. */
  readonly id: string;
  readonly type: AlertType;
  readonly state: "acknowledged";
  readonly container?: string;
  readonly vessel?: string;
  readonly time: string;
  /** What they said, in their own words. */
  readonly message: string;
  readonly by: string;
}

/** What somebody said on an alert, and at which site. */
export interface Acknowledgement {
  readonly by: string;
  readonly site: string;
  readonly time: string;
  readonly message: string;
  readonly knownSince: string;
}

export interface ApiAlert extends AlertValue {
  readonly owner: string;
  readonly knownSince: string;
  readonly clearedAt?: string;
  /** Oldest first; absent while nobody has said anything. */
  readonly acknowledgements?: readonly Acknowledgement[];
}

/** `POST /api/alerts/{id}/ack` */
export interface AcknowledgeRequest {
  readonly message: string;
}

/** `GET /api/alerts/{id}`: one alert, and what its container measured around it as far as it came ashore. */
export interface AlertReply {
  readonly alert: ApiAlert;
  /** In order of time, from before its cause to after its end. */
  readonly readings: readonly AlertReading[];
  /** Whether the asking person may say a word on it here. */
  readonly mayAcknowledge: boolean;
}

export interface AlertsReply {
  readonly alerts: readonly ApiAlert[];
}

export interface BookingRequest {
  /** Company whose stream takes the container's readings, e.g. `duckworks`. */
  readonly owner: string;
  readonly from: string;
  readonly to?: string;
}

/** A booking as `<owner>.settings` holds it, under the topic `booking.<container>.<from in ms>`. */
export interface BookingValue {
  readonly kind: "booking";
  readonly container: string;
  readonly owner: string;
  readonly from: string;
  readonly to?: string;
}

export interface BookingReply extends BookingValue {
  /** Offset of the settings record: the booking's version. */
  readonly version: number;
}

/** `GET /api/bookings/{container}`: those that the asking person may know, in order of their beginning. */
export interface BookingsReply {
  readonly bookings: readonly BookingReply[];
}

export type LinkClass = "lan" | "wan" | "port" | "satellite";

export type SiteKind = "ship" | "yard" | "port" | "hq";

/** How much of a stream a site holds and how much of what is known elsewhere it lacks, in records. */
export interface StreamHolding {
  readonly stream: string;
  readonly has: number;
  readonly lacks: number;
}

export interface ApiSite {
  readonly site: string;
  readonly kind: SiteKind;
  readonly name: string;
  readonly owner: string;
  /** IMO number of a ship, UN/LOCODE of a place. */
  readonly imo?: string;
  readonly locode?: string;
  readonly latitude?: number;
  readonly longitude?: number;
  /** When this headquarters last heard of it, by any path. */
  readonly lastContact?: string;
  /** Records written there that this headquarters does not have yet. */
  readonly notAshore: number;
  readonly streams: readonly StreamHolding[];
  /** Where a site has several: as their statuses tell them, to those who may read these. */
  readonly nodes?: readonly SiteNode[];
}

/** One node of a site that has several. */
export interface SiteNode {
  readonly node: string;
  /** When this headquarters last heard of it, by any path. */
  readonly lastContact: string;
  /** Why it is not ready, as it last said; empty when it is. */
  readonly notReady: readonly string[];
}

export type LinkStatus = "up" | "degraded" | "down";

/** One direction of a link: what waits to go that way, and what moves. */
export interface LinkDirection {
  readonly backlogRecords: number;
  readonly recordsPerSecond?: number;
  readonly bytesPerSecond?: number;
}

/** One connection between two sites as the reporting site sees it. */
export interface ApiLink {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  /** Nodes at its ends, where a site has several. */
  readonly fromNode?: string;
  readonly toNode?: string;
  readonly class: LinkClass;
  readonly state: LinkStatus;
  /** Records that wait to go over it, both ways; absent where this headquarters cannot know. */
  readonly backlogRecords?: number;
  /** What may cross in a day (UTC), both ways and over all links that share it, and what did; absent without a budget. */
  readonly budget?: { readonly bytesPerDay: number; readonly usedBytes: number; readonly leftBytes: number };
  /** Estimates, from what crosses the link now: absent while nothing does. */
  readonly backlogBytes?: number;
  readonly secondsToGo?: number;
  readonly recordsPerSecond?: number;
  readonly bytesPerSecond?: number;
  /** From `from` to `to`, and back. */
  readonly there?: LinkDirection;
  readonly back?: LinkDirection;
  readonly roundTripMs?: number;
  readonly lastContact?: string;
  /** When the certificate of the site at the other end expires; absent without TLS. */
  readonly certificateExpires?: string;
  /** Why it is down, as the dialling side says. */
  readonly problem?: string;
}

export interface SitesReply {
  readonly sites: readonly ApiSite[];
  readonly links: readonly ApiLink[];
}

/**
 * Server-sent events of `GET /api/live`: the SSE `event` is `type`, `data` the JSON of `data`,
 * `id` a cursor for Last-Event-ID. Container updates are coalesced: the newest state of each, at most once a second.
 */
export type LiveEvent =
  | {
      readonly type: "containers";
      /** States that are new; `gone`: containers that this person may no longer see. */
      readonly data: { readonly containers: readonly ContainerState[]; readonly gone?: readonly string[] };
    }
  | {
      readonly type: "ships";
      /** States that are new; `gone`: ships that no longer belong on this person's map (their cargo was discharged). */
      readonly data: { readonly ships: readonly ShipState[]; readonly gone?: readonly string[] };
    }
  | { readonly type: "alert"; readonly data: ApiAlert }
  | { readonly type: "sites"; readonly data: SitesReply }
  | { readonly type: "simulation"; readonly data: SimulationState };

/** What a node was like in a short stretch of time: the most of each in it. */
export interface HealthPoint {
  readonly time: string;
  /** Records that wait on its links, both ways. */
  readonly waitingRecords: number;
  /** Over all its links. */
  readonly bytesPerSecond: number;
  readonly recordsPerSecond: number;
  readonly bytesOnDisk: number;
  readonly rssBytes: number;
}

/** `GET /api/sites/{site}/health`: out of its owner's metrics and exceptions, for who may read both. */
export interface SiteHealthReply {
  readonly site: string;
  readonly nodes: readonly { readonly node: string; readonly points: readonly HealthPoint[] }[];
  /** Newest first. */
  readonly exceptions: readonly SiteException[];
}

export interface SiteException extends Omit<ExceptionValue, "kind" | "detail"> {
  readonly node: string;
}

// ── the demo's controls ─────────────────────────────────────────────────────────────────────────

export interface SimulationShip {
  readonly imo: string;
  readonly name: string;
  readonly phase: "at-sea" | "docked";
  /** UN/LOCODE where it lies, or whither it sails. */
  readonly port: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly containers: number;
  /** When it will be in port, by the simulated clock. */
  readonly eta?: string;
}

export interface SimulationLink {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly class: LinkClass;
  readonly state: "up" | "down" | "half-open";
  /** Down because the ship is at sea, not because somebody cut it. */
  readonly outOfReach: boolean;
  readonly latencyMs: number;
  /** 0: unlimited. */
  readonly kbps: number;
  readonly lossPct: number;
  readonly jitterMs?: number;
  readonly bytesPerSecond: number;
}

/** A process of the demo that can be killed. */
export interface SimulationNode {
  readonly site: string;
  /** `down`: somebody killed it, and it stays so; `restarting`: it is being started. */
  readonly state: "up" | "restarting" | "down";
}

/**
 * Answer of `GET /api/simulation` (404 where no simulation runs). Who may not control it gets the clock alone: the
 * lists are empty.
 */
export interface SimulationState {
  /** The simulated clock, and how many simulated seconds pass in one. */
  readonly time: string;
  readonly speed: number;
  /** Waiting for somebody to open the map. */
  readonly waiting: boolean;
  readonly ships: readonly SimulationShip[];
  readonly links: readonly SimulationLink[];
  /** Absent where nobody supervises the nodes: then they cannot be killed from here. */
  readonly nodes?: readonly SimulationNode[];
  /** What happened lately on the voyage, newest last, one sentence each. */
  readonly story: readonly { readonly time: string; readonly text: string }[];
}

export interface LinkPatch {
  /** `half-open`: connections stay and are accepted, and every byte is swallowed. */
  readonly state?: "up" | "down" | "half-open";
  /** One way. */
  readonly latencyMs?: number;
  /** In each direction; 0: unlimited. */
  readonly kbps?: number;
  /** Share of packets that are lost, and sent again by TCP. */
  readonly lossPct?: number;
  /** What is under way takes up to so much longer, by chance. */
  readonly jitterMs?: number;
}
