import { join } from "node:path";
import { LandfallError } from "../model/errors.js";
import { RunExport } from "./run-export.js";
import { RunImport } from "./run-import.js";
import { segmentName } from "./segment-format.js";
import type { Env } from "../env.js";
import type { OriginId, StreamName } from "../model/names.js";
import type { Seq } from "../model/record.js";
import type { Catalog } from "./catalog.js";
import type { Disk } from "./disk.js";
import type { Maintenance } from "./maintenance.js";
import type { OriginLog } from "./origin-log.js";
import type { SegmentReader } from "./segment-reader.js";
import type { Committed, SealedRun, SealedRunReader, SealedRunWriter } from "./store.js";

export interface SealedTransfersOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly env: Env;
  readonly catalog: Catalog;
  readonly reader: SegmentReader;
  readonly maintenance: Maintenance;
  /** A run became visible. */
  readonly onReceived: (committed: Committed, records: number) => void;
}

/** Sealed runs on their way to other sites and from them, as they lie on disk. */
export class SealedTransfers {
  private readonly open = new Set<{ close(): Promise<void> }>();
  private readonly installing = new Set<Promise<void>>();
  private closed = false;

  constructor(private readonly options: SealedTransfersOptions) {}

  async send(stream: StreamName, origin: OriginId, from: Seq): Promise<SealedRunReader | undefined> {
    const { catalog, reader, disk, folder } = this.options;
    const run = catalog.streams.get(stream)?.logs.get(origin)?.locate(from)?.run;
    if (run?.from !== from || run.damaged) return undefined;
    return this.keep(await RunExport.open(disk, folder, reader, run));
  }

  async receive(run: SealedRun): Promise<SealedRunWriter> {
    const { catalog, disk, folder, maintenance } = this.options;
    const log = catalog.streams.forWriting(run.stream).log(run.origin);
    checkNext(log, run);
    const number = maintenance.takeNumber();
    const incoming = await RunImport.begin(disk, folder, number, run);
    const abandon = async (): Promise<void> => {
      this.open.delete(entry);
      await incoming.abandon();
      await disk.remove(join(folder, segmentName(number)));
    };
    const entry = { close: abandon };
    this.open.add(entry);
    return {
      run,
      get blocks() {
        return incoming.blocks;
      },
      add: (bytes) => incoming.add(bytes),
      finish: async () => {
        const installed = this.install(incoming, log);
        this.installing.add(installed);
        try {
          await installed;
          this.open.delete(entry);
        } catch (error) {
          await abandon();
          throw error;
        } finally {
          this.installing.delete(installed);
        }
      },
      abandon,
    };
  }

  /** Nothing goes on; what was not complete is gone. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.allSettled(this.installing);
    await Promise.all([...this.open].map((one) => one.close()));
  }

  private async install(incoming: RunImport, log: OriginLog): Promise<void> {
    const { env, maintenance, onReceived } = this.options;
    const { run } = incoming;
    if (this.closed) throw new LandfallError("CLOSED", "the store was closed");
    const made = await incoming.finish(env.now());
    await maintenance.exclusive(async () => {
      checkNext(log, run);
      await maintenance.receive(made);
    });
    onReceived({ stream: run.stream, origin: run.origin, firstSeq: run.from, nextSeq: log.next as Seq }, run.count);
  }

  private keep(reader: RunExport): SealedRunReader {
    this.open.add(reader);
    return {
      run: reader.run,
      read: (block, maxBytes) => reader.read(block, maxBytes),
      close: async () => {
        if (this.open.delete(reader)) await reader.close();
      },
    };
  }
}

function checkNext(log: OriginLog, { stream, origin, from }: SealedRun): void {
  if (log.next === from && log.planned === from) return;
  throw new LandfallError(
    "SEQ_GAP",
    `a run of ${stream} from ${origin} begins at ${from}, but ${log.planned} comes next`,
  );
}
