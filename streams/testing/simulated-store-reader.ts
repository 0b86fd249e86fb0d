import type { StreamName } from "../src/model/names.js";
import type { Cursor } from "../src/model/record.js";
import type { SimulatedStoreNode } from "./simulated-store-node.js";
import type { SimulatedWitness } from "./simulated-witness.js";

const PAGE = 200;

/** Follows a stream with its cursor, at one site today and at another tomorrow (O4). */
export class SimulatedStoreReader {
  #cursor: Cursor | undefined;
  readonly #seen = new Set<string>();
  #isAtIt = false;

  constructor(
    private readonly stream: StreamName,
    private readonly witness: SimulatedWitness,
  ) {}

  /** Reads on at a node; what its death cuts short is read again elsewhere. Returns how much there was. */
  async read(node: SimulatedStoreNode): Promise<number> {
    const { running } = node;
    if (running === undefined || this.#isAtIt) return 0;
    this.#isAtIt = true;
    try {
      const { records, cursor } = await running.store.readStream(this.stream, this.#cursor, PAGE);
      if (node.running !== running) return 0;
      for (const { origin, seq } of records) {
        const id = `${this.stream} ${origin} ${seq}`;
        if (this.#seen.has(id)) this.witness.fail(`a reader is given ${id} again at ${node.site} (O4)`);
        this.#seen.add(id);
      }
      // Through JSON, as it travels in an API.
      this.#cursor = JSON.parse(JSON.stringify(cursor)) as Cursor;
      return records.length;
    } catch (error) {
      if (node.running === running) this.witness.fail(`a reader fails at ${node.site}: ${String(error)}`);
      return 0;
    } finally {
      this.#isAtIt = false;
    }
  }

  /** In the end it has seen whatever a site holds. */
  async readAll(node: SimulatedStoreNode, here: ReadonlySet<string>): Promise<void> {
    while ((await this.read(node)) > 0);
    const missed = [...here].find((id) => id.startsWith(`${this.stream} `) && !this.#seen.has(id));
    if (missed !== undefined) this.witness.fail(`a reader never got ${missed}, which ${node.site} holds (O4)`);
  }
}
