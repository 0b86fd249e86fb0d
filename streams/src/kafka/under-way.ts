import type { OriginId, StreamName } from "../model/names.js";

interface Piece {
  readonly range: readonly [number, number];
  readonly done: Promise<void>;
}

/** Seqs on their way to Kafka and back. */
export class UnderWay {
  private readonly pieces = new Map<string, Set<Piece>>();

  /** Until `done`, these are on their way. Returns it. */
  add(stream: StreamName, origin: OriginId, from: number, to: number, done: Promise<void>): Promise<void> {
    const key = `${stream} ${origin}`;
    const piece: Piece = { range: [from, to], done };
    const pieces = this.pieces.get(key) ?? new Set();
    this.pieces.set(key, pieces);
    pieces.add(piece);
    return done.finally(() => {
      pieces.delete(piece);
      if (pieces.size === 0 && this.pieces.get(key) === pieces) this.pieces.delete(key);
    });
  }

  of(stream: StreamName, origin: OriginId): (readonly [number, number])[] {
    return [...(this.pieces.get(`${stream} ${origin}`) ?? [])].map(({ range }) => range);
  }

  /** Until what is on its way now has come. @throws what one of them was refused with */
  async settled(stream: StreamName, origin: OriginId): Promise<void> {
    await Promise.all([...(this.pieces.get(`${stream} ${origin}`) ?? [])].map(({ done }) => done));
  }

  /** Until what is on its way now, of a stream or of all, has come or was refused. */
  async idle(stream?: StreamName): Promise<void> {
    const isMeant = (key: string): boolean => stream === undefined || key.startsWith(`${stream} `);
    const some = [...this.pieces].filter(([key]) => isMeant(key)).flatMap(([, pieces]) => [...pieces]);
    await Promise.allSettled(some.map(({ done }) => done));
  }
}
