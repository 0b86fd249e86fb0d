import type { Gap, Hole } from "../model/gap.js";
import type { NamedDigest } from "./digest-job.js";
import type { CountedDigest } from "./run-digests.js";
import type {
  Cursor,
  NewRecord,
  Offset,
  OriginRecord,
  Seq,
  SeqRange,
  StoredRecord,
  TimestampMs,
  VersionVector,
} from "../model/record.js";
import type { OriginId, StreamName, TopicName } from "../model/names.js";

/** What the store gave to one appended record. */
export interface Appended {
  readonly topic: TopicName;
  readonly offset: Offset;
  readonly seq: Seq;
  readonly received: TimestampMs;
}

/** Consecutive records of one origin in one stream, as replication carries them. */
export interface Batch {
  readonly stream: StreamName;
  readonly origin: OriginId;
  /** Seq of `records[0]`; the others follow without a gap. */
  readonly firstSeq: Seq;
  readonly records: readonly OriginRecord[];
}

/** What became durable in one group commit, per stream and origin. */
export interface Committed {
  readonly stream: StreamName;
  readonly origin: OriginId;
  readonly firstSeq: Seq;
  /** First seq after the committed ones. */
  readonly nextSeq: Seq;
}

/**
 * Bounds of offsets are whole numbers from 0 to 2^53 - 1, those of times anything but NaN; what begins beyond the end, or
 * ends before it begins, finds nothing.
 */
export interface TopicQuery {
  /** First offset wanted (inclusive), also with `reverse`. Default: from the beginning. */
  readonly fromOffset?: Offset;
  /** Exclusive upper bound of offsets; with `reverse`, how to get the next page. */
  readonly toOffset?: Offset;
  /** Event time, inclusive lower bound. */
  readonly fromTime?: TimestampMs;
  /** Event time, exclusive upper bound. */
  readonly toTime?: TimestampMs;
  /** At most this many records; the store caps it at READ_RECORDS_MAX, and values at READ_BYTES_MAX altogether. */
  readonly limit: number;
  /** Newest first. */
  readonly reverse?: boolean;
}

/**
 * The store of one node: streams of topics of records, written here or at other origins.
 *
 * Durability (S1): `append` and `apply` resolve after the data is on disk; until then no reader, no peer and
 * no `onCommit` listener sees it (S2). Ordering: seqs of an origin are gapless; within a topic, reads are by
 * (offset, origin), the same at every site (O1–O3). Every method throws LandfallError CLOSED once `close` was
 * called; reads under way when it is called are finished first.
 *
 * What is refused changes nothing. Writing under a name outside the grammar is refused with INVALID_NAME; reading finds
 * nothing under it, because nothing can be there. Seqs, offsets and limits that no record can have (negative, fractions,
 * NaN, 2^53 and above) are refused with INVALID_ARGUMENT; those beyond the end find nothing, since they may come to be (ADR 31).
 */
export interface StreamStore {
  /**
   * The identity under which this node appends; a new one whenever the data folder is new or was copied, and, while the
   * store is open, when `reincarnate` says so: ask for it each time.
   */
  readonly origin: OriginId;

  /**
   * Appends records of this node to one stream, in order, as one unit: all or none are kept.
   * @throws LandfallError INVALID_NAME, PRODUCE_FORBIDDEN where rules say that this site may not, INVALID_ARGUMENT,
   *   VALUE_TOO_LARGE, DISK_FULL, DISK_FAILED, CLOCK_REFUSED, OVERLOADED
   */
  append(stream: StreamName, records: readonly NewRecord[]): Promise<Appended[]>;

  /**
   * Applies records of another origin; the version vector advances with them in one atomic step (R4).
   * Records that are already here are skipped, so that a repeated batch changes nothing. A batch that lies in a gap
   * fills it.
   * @throws LandfallError SEQ_GAP when the batch starts beyond what this store has of that origin, PROTOCOL_ERROR for
   *   records that cannot be its origin's, INVALID_NAME, INVALID_ARGUMENT, VALUE_TOO_LARGE, DISK_FULL, DISK_FAILED,
   *   CLOCK_REFUSED, OVERLOADED
   */
  apply(batch: Batch): Promise<void>;

  /** Names of all streams that have, or had, at least one record; sorted. */
  streams(): StreamName[];

  /** Per origin, the next seq this store lacks; durable records only. Empty for an unknown stream. */
  vector(stream: StreamName): VersionVector;

  /** Topic names after `after`, sorted by code unit, beginning with `prefix`. */
  topics(stream: StreamName, query: { prefix?: string; after?: string; limit: number }): TopicName[];

  /**
   * Records of a topic in (offset, origin) order, or newest first. Empty for an unknown topic.
   * @throws LandfallError INVALID_ARGUMENT, CORRUPT_BLOCK, DISK_FAILED
   */
  readTopic(stream: StreamName, topic: TopicName, query: TopicQuery): Promise<StoredRecord[]>;

  /**
   * Records that the cursor's owner has not seen, in some order that is gapless per origin but for what `gaps` says,
   * and the cursor after them: what fills a gap that it passed is read later. Without a cursor: from the beginning. Exact, and continues at any site (O4).
   * @throws LandfallError INVALID_ARGUMENT, CORRUPT_BLOCK, DISK_FAILED
   */
  readStream(
    stream: StreamName,
    cursor: Cursor | undefined,
    limit: number,
  ): Promise<{ records: StoredRecord[]; cursor: Cursor }>;

  /**
   * Consecutive records of one origin from `from` on, at most about `maxBytes` (at least one record if there is one).
   * @throws LandfallError INVALID_ARGUMENT, CORRUPT_BLOCK, DISK_FAILED
   */
  readOrigin(stream: StreamName, origin: OriginId, from: Seq, maxBytes: number): Promise<OriginRecord[]>;

  /**
   * Writes down that records of another origin are not to be had, and why; the version vector advances over them in
   * the same step, as soon as it is on disk (R6). What is here already stays. `apply` fills gaps for which
   * `isFillable` holds, if the records turn up after all.
   * @throws LandfallError INVALID_NAME, INVALID_ARGUMENT, SEQ_GAP when the hole begins beyond what this store has of that
   *   origin, PROTOCOL_ERROR for this node's own origin, DISK_FULL, DISK_FAILED
   */
  noteGap(stream: StreamName, origin: OriginId, hole: Hole): Promise<void>;

  /**
   * What is not here, per origin in order of seq: gaps, and what damage has left lacking. Records of a compacted stream
   * that were superseded here are in none of them; `holeAt` tells.
   */
  gaps(stream: StreamName): Gap[];

  /**
   * Why the record with this seq cannot be read, and up to where; undefined when it can, or never came.
   * @throws LandfallError INVALID_ARGUMENT, DISK_FAILED
   */
  holeAt(stream: StreamName, origin: OriginId, seq: Seq): Promise<Hole | undefined>;

  /** Called when gaps were noted, were filled, or came from expiry. Returns how to stop. */
  onGaps(listener: GapListener): () => void;

  /** Called after every group commit, in commit order, with what became visible. Returns how to stop. */
  onCommit(listener: (committed: readonly Committed[]) => void): () => void;

  /** Counters for `/metrics` and `/readyz`. */
  stats(): StoreStats;

  /** Finishes the commit under way, then releases the folder. Idempotent. */
  close(): Promise<void>;
}

/** How long, and how much of, a stream is kept at this site; without limits, everything for ever (S5). */
export interface Retention {
  /** Since the origin received it. */
  readonly ageMs?: number;
  /** On disk, sealed. */
  readonly bytes?: number;
  /** Of each topic only the newest record of each origin stays, once runs are merged; the others are superseded. */
  readonly compact?: boolean;
}

/** Told all gaps of an origin, as they are now, and how far its records are here. */
export type GapListener = (gaps: {
  readonly stream: StreamName;
  readonly origin: OriginId;
  readonly nextSeq: Seq;
  readonly holes: readonly Hole[];
}) => void;

/** What a store that keeps its own files can do besides. */
/** Where all nodes of a site write to one log: words of each to all of them, in one order. */
export interface SharedLog {
  /** In the log when it resolves. A node's words keep their order. @throws LandfallError CLOSED, FENCED */
  say(words: Uint8Array): Promise<void>;
  /** What nodes of the site say from now on, this one included, in the order of the log; `node` is `site.node`. Returns how to stop. */
  onWords(listener: (node: string, origin: OriginId, words: Uint8Array) => void): () => void;
  /** Nodes of the site, `site.node`, that have ever said something, as far as that is known here; this one may be among them. */
  nodes(): string[];
  /** A node, `site.node`, is gone without a word: it may only sleep, and what it was sending be on its way. */
  fence(node: string): void;
  /** Histories of which more is here than in the log, up to `next`: it came as runs, and was not put there before this process began, or gave up. */
  left(): { readonly stream: StreamName; readonly origin: OriginId; readonly next: number }[];
  /**
   * What any node had put of this history into the log before the call is here when it resolves, and nothing of this history gets there any more of what
   * nodes brought that `fence` was said of, or this one before `giveUp`.
   * @param why whoever is to ask for the history has what is left of it put into the log; who is to fill gaps has what was lost to damage
   *   here again
   * @throws LandfallError CLOSED, FENCED, TAKEN_OVER
   */
  settled(stream: StreamName, origin: OriginId, why: "ask" | "fill" | "own"): Promise<void>;
  /** Whoever waits for what this node brings is told TAKEN_OVER, and is to ask for `settled` before it brings anything again. */
  giveUp(): void;
  /** Calls back when another node has said `fence` of this one, and the log takes nothing any more of what it brings. Returns how to stop. */
  onFenced(listener: () => void): () => void;
}

export interface LocalStore extends StreamStore {
  /** Where the site's other nodes have the same log as this one. */
  readonly shared?: SharedLog;

  /**
   * The newest record of each topic behind `after`, in order of topic, without reading the rest of their histories.
   * @throws LandfallError INVALID_ARGUMENT, CORRUPT_BLOCK
   */
  latest(stream: StreamName, query: { prefix?: string; after?: string; limit: number }): Promise<StoredRecord[]>;

  /**
   * Records behind the cursor, then those that come, until `signal` fires or the store is closed. Nothing is read ahead
   * of who asks, so a slow reader holds up nobody and fills no memory.
   */
  follow(
    stream: StreamName,
    cursor: Cursor | undefined,
    options?: { readonly limit?: number; readonly signal?: AbortSignal },
  ): AsyncGenerator<{ records: StoredRecord[]; cursor: Cursor }, void, void>;

  /** The sealed run that begins with this very seq, if there is one. @throws LandfallError CORRUPT_BLOCK, DISK_FAILED */
  openSealed(stream: StreamName, origin: OriginId, from: Seq): Promise<SealedRunReader | undefined>;

  /**
   * Makes a packed run that begins with this seq, of a large backlog that is in journals, is not packed, or begins within a
   * run; and begins with the one behind it. Takes its time; undefined at once when that is not worth it.
   * @param isFirst the journal that is being written is sealed, too: not for those who follow what is written, journal by journal
   * @throws LandfallError CORRUPT_BLOCK, DISK_FULL, DISK_FAILED
   */
  prepareSealed(
    stream: StreamName,
    origin: OriginId,
    from: Seq,
    isFirst?: boolean,
  ): Promise<SealedRunReader | undefined> | undefined;

  /**
   * Begins to take a run in, at the seq that the store lacks next of its origin.
   * @throws LandfallError INVALID_ARGUMENT, SEQ_GAP, DISK_FULL, DISK_FAILED
   */
  receiveSealed(run: SealedRun): Promise<SealedRunWriter>;

  /**
   * Runs of which a former process has taken the first blocks in, as far as these are on disk and verified again: called once,
   * before any are received. What nobody goes on with is removed after a week.
   * @throws LandfallError DISK_FAILED
   */
  resumeSealed(): Promise<SealedRunWriter[]>;

  /**
   * From now on appends under a new origin; the former one is like any other. Durable when it resolves; appends that come
   * meanwhile wait. @throws LandfallError DISK_FULL, DISK_FAILED
   */
  reincarnate(): Promise<OriginId>;

  /** The origins that `reincarnate` was called under: what they numbered, others may know under the same numbers as something else. */
  restoredOrigins(): readonly OriginId[];

  /**
   * Makes records from this seq on of a former origin of this node stand a second time, under an origin of their own and
   * with the same offsets: their numbers were given before, to others. Only the first call for an origin of a stream says
   * from where; later ones, also after a crash, finish what it began.
   * @throws LandfallError INVALID_ARGUMENT for another node's origin, or the present one; CORRUPT_BLOCK, DISK_FULL, DISK_FAILED
   */
  appendAgain(stream: StreamName, origin: OriginId, from: Seq): Promise<void>;

  /** What `appendAgain` was called for. */
  appendedAgain(): { readonly stream: StreamName; readonly origin: OriginId }[];

  /**
   * Where records of a former origin stand again here, under a later origin of the same node and record by record the same,
   * gives up those under the former, one stretch of them: one step, after which they are a gap that others' records of these
   * numbers fill. Which of two is the former shows in the numbers; where those are the same, from 0 on, it is the one of which
   * another history was met (`isForked`). Says what was given up; undefined, and nothing is changed, when they do not stand again.
   * @throws LandfallError CORRUPT_BLOCK, DISK_FULL, DISK_FAILED
   */
  setAside(stream: StreamName, origin: OriginId, isForked: boolean): Promise<Hole | undefined>;

  /**
   * Whether a record that is said to be of this origin stands here under a later origin of the same node.
   * @throws LandfallError CORRUPT_BLOCK, DISK_FAILED
   */
  standsAgain(stream: StreamName, origin: OriginId, record: OriginRecord): Promise<boolean>;

  /** Drops what the stream's retention no longer covers, whole runs at a time. Returns how many records went. */
  expire(): Promise<number>;

  /** What is here of each origin, and what is not, as far as is known without reading; in order of origin. */
  holdings(stream: StreamName): OriginHoldings[];

  /**
   * Digests of what is here of an origin, for sites to compare (R1). Those of whole chunks that are sealed are stored, and
   * for everything else the records are read: about DIGEST_RECORDS_READ_MAX of them in one call, then `next` says where to go on.
   * @param deep every byte is read, whatever is stored: damage that nobody has met yet is found
   * @throws LandfallError INVALID_ARGUMENT, DISK_FAILED
   */
  digests(stream: StreamName, origin: OriginId, spans: readonly DigestSpan[], deep: boolean): Promise<SpanDigests[]>;

  /**
   * Reads what is here of [from, to) and writes down a gap for what cannot be read, which is filled as soon as a peer turns up
   * that holds it. Returns all that is lacking there and may be filled.
   * @throws LandfallError INVALID_ARGUMENT, DISK_FULL, DISK_FAILED
   */
  repair(stream: StreamName, origin: OriginId, from: Seq, to: Seq): Promise<Hole[]>;
}

/** Seqs [from, to) of an origin, in cells that end at the multiples of `step`, the first and the last being parts of one. */
export interface DigestSpan {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

export interface SpanDigests {
  /** Of each cell, what is here; up to `next`. */
  readonly cells: readonly CountedDigest[];
  /** What lies behind was not looked at. */
  readonly next: number;
  /** Was met and cannot be read. */
  readonly damaged: readonly SeqRange[];
  /** With a step of 1: every record, in order of seq. */
  readonly named: readonly NamedDigest[];
}

export interface OriginHoldings {
  readonly origin: OriginId;
  /** First seq of which nothing is known here: everything below is here, or in a gap, or superseded. */
  readonly next: Seq;
  readonly gaps: readonly Hole[];
}

/** A sealed run of one origin in one stream, as it travels between sites: its blocks are sent as they lie on disk. */
export interface SealedRun {
  readonly stream: StreamName;
  readonly origin: OriginId;
  /** Seqs [from, to). */
  readonly from: Seq;
  readonly to: Seq;
  /** Records; fewer than `to - from` where superseded ones were dropped. */
  readonly count: number;
  readonly blocks: number;
  /** Bytes of all blocks, and of the records unpacked. */
  readonly bytes: number;
  readonly rawBytes: number;
  readonly packed: boolean;
  /** The same for the same blocks at every site: only with these can a transfer that was cut go on. */
  readonly id: string;
}

/** Reads a sealed run's blocks; what is merged or expires meanwhile can be read to the end. */
export interface SealedRunReader {
  readonly run: SealedRun;
  /**
   * Whole blocks from number `block` on, about `maxBytes` of them (at least one), and the number of the first that is left.
   * @throws LandfallError INVALID_ARGUMENT, CORRUPT_BLOCK, DISK_FAILED
   */
  read(block: number, maxBytes: number): Promise<{ readonly bytes: Uint8Array; readonly next: number }>;
  close(): Promise<void>;
}

/** Takes a sealed run in. Nothing of it is visible, and the version vector stays, until `finish` resolves (R4). */
export interface SealedRunWriter {
  readonly run: SealedRun;
  /** Blocks that are here. */
  readonly blocks: number;
  /** Verifies and keeps the next blocks, on disk within a second or with the block after that. @throws LandfallError CORRUPT_BLOCK, DISK_FULL, DISK_FAILED */
  add(bytes: Uint8Array): Promise<void>;
  /** All of it is durable and visible when it resolves. @throws LandfallError CORRUPT_BLOCK, SEQ_GAP, DISK_FULL, DISK_FAILED */
  finish(): Promise<void>;
  /** Leaves what came to a later process. */
  suspend(): Promise<void>;
  /** Forgets what came. */
  abandon(): Promise<void>;
}

export interface StoreStats {
  readonly recordsAppended: number;
  readonly recordsApplied: number;
  readonly commits: number;
  readonly bytesWritten: number;
  readonly bytesOnDisk: number;
  /** Of these, files kept for the next journals: a bounded number, whatever is stored. */
  readonly bytesSpare: number;
  /** Of all streams; of one with more than TOPICS_COUNTED_MAX topics, or much that was written a moment ago, an estimate. */
  readonly topics: number;
  readonly streams: number;
  /** Damaged places in the journal that were found since it was opened, reading included (S3). */
  readonly corruptBlocks?: number;
  /** Set when a commit failed and nothing more is acknowledged; the reason, for `/readyz`. */
  readonly failed?: string;
}
