import type { AuditReply, AuditValue } from "@landfall/proto/api";
import type { Policy, Principal } from "@landfall/streams/access/policy";
import { LandfallError } from "@landfall/streams/model/errors";
import { ownerOfStream, type StreamName, type TopicName } from "@landfall/streams/model/names";
import type { Offset, StoredRecord } from "@landfall/streams/model/record";
import type { StreamStore } from "@landfall/streams/store/store";
import { AUDIT_SCANNED_MAX } from "../limits.js";

const PAGE = 200;
/** Nodes that write into one audit; a fleet of hundreds has tens of headquarters. */
const TOPICS_MAX = 1_000;

export interface AuditQuery {
  readonly owner?: string;
  readonly user?: string;
  readonly action?: string;
  readonly outcome?: string;
  readonly subject?: string;
  readonly before?: string;
  readonly limit: number;
}

interface Tail {
  readonly stream: StreamName;
  readonly topic: TopicName;
  readonly records: StoredRecord[];
  to: Offset | undefined;
  isOver: boolean;
}

/** Reads audits newest first, those of all companies that somebody may read together. */
export class AuditList {
  constructor(
    private readonly store: Pick<StreamStore, "streams" | "topics" | "readTopic">,
    private readonly policy: Policy,
  ) {}

  /** @throws LandfallError INVALID_ARGUMENT for a `before` that is none, CORRUPT_BLOCK, DISK_FAILED */
  async list(principal: Principal, query: AuditQuery): Promise<AuditReply> {
    const before = query.before === undefined ? undefined : (Number(query.before) as Offset);
    if (before !== undefined && !Number.isSafeInteger(before)) {
      throw new LandfallError("INVALID_ARGUMENT", "querystring/before: pass `next` of the page before");
    }
    const tails = this.tails(principal, query.owner, before);
    const entries: AuditReply["entries"][number][] = [];
    let scanned = 0;
    for (;;) {
      const newest = await this.newest(tails);
      if (!newest) return { entries };
      const record = newest.records.shift();
      const entry = record && toEntry(newest, record);
      if (!entry) continue;
      if (entries.length >= query.limit || scanned >= AUDIT_SCANNED_MAX)
        return { entries, next: String(entry.offset + 1) };
      scanned++;
      if (matches(entry, query)) entries.push(entry);
    }
  }

  private tails(principal: Principal, owner: string | undefined, to: Offset | undefined): Tail[] {
    return this.store
      .streams()
      .filter((stream) => stream.endsWith(".audit") && (owner === undefined || ownerOfStream(stream) === owner))
      .filter((stream) => this.policy.allows(principal, "read", stream))
      .flatMap((stream) =>
        this.store
          .topics(stream, { limit: TOPICS_MAX })
          .map((topic): Tail => ({ stream, topic, records: [], to, isOver: false })),
      );
  }

  /** The one whose next record is the newest of all. */
  private async newest(tails: readonly Tail[]): Promise<Tail | undefined> {
    let found: Tail | undefined;
    for (const tail of tails) {
      if (tail.records.length === 0 && !tail.isOver) await this.fill(tail);
      const [first] = tail.records;
      if (first && (!found?.records[0] || first.offset > found.records[0].offset)) found = tail;
    }
    return found;
  }

  private async fill(tail: Tail): Promise<void> {
    const { stream, topic, to } = tail;
    const query = { limit: PAGE, reverse: true, ...(to !== undefined && { toOffset: to }) };
    const page = await this.store.readTopic(stream, topic, query);
    tail.records.push(...page);
    tail.isOver = page.length === 0;
    tail.to = page.at(-1)?.offset;
  }
}

function toEntry({ stream, topic }: Tail, record: StoredRecord): AuditReply["entries"][number] | undefined {
  try {
    const value = JSON.parse(Buffer.from(record.value).toString("utf8")) as AuditValue;
    if (value.kind !== "audit") return undefined;
    const site = topic.slice(0, Math.max(0, topic.lastIndexOf(".")));
    return { ...value, owner: ownerOfStream(stream), site, offset: record.offset };
  } catch {
    // Another site wrote it: what it is, is not for this list to say.
    return undefined;
  }
}

function matches(entry: AuditValue, { user, action, outcome, subject }: AuditQuery): boolean {
  return (
    (user === undefined || entry.user === user) &&
    (action === undefined || entry.action === action || entry.action.startsWith(`${action}.`)) &&
    (outcome === undefined || entry.outcome === outcome) &&
    (subject === undefined || entry.subject === subject)
  );
}
