import { holeAt, isFillable } from "../src/model/gap.js";
import type { OriginId } from "../src/model/names.js";
import { STREAMS, TOPICS, type SimulatedStoreNode } from "./simulated-store-node.js";
import type { SimulatedWitness } from "./simulated-witness.js";

/** What must hold of simulated stores when everything is healed. */
export interface StoreChecks {
  readonly nodes: readonly SimulatedStoreNode[];
  /** Between which of them there are links. */
  readonly neighbours: readonly (readonly [SimulatedStoreNode, SimulatedStoreNode])[];
  readonly witness: SimulatedWitness;
  /** The network kept the order of frames, and each came once. */
  readonly isOrderly: boolean;
  readonly isExpiring: boolean;
}

/** All are as far as the one that is furthest, in each history, and no gap is left that a neighbour could fill (R1, R6). */
export function areLevel({ nodes, neighbours }: Pick<StoreChecks, "nodes" | "neighbours">): boolean {
  const vectors = nodes.map(({ running }) =>
    running === undefined ? "" : JSON.stringify(STREAMS.map((stream) => sorted(running.store.vector(stream)))),
  );
  const isSame = vectors.every((vector) => vector !== "" && vector === vectors[0]);
  return isSame && !neighbours.some(([a, b]) => couldFill(a, b) || couldFill(b, a));
}

/** Every site shows the same records in the same order, each once, and all that was acknowledged (R1, R2, O3, S1). */
export async function compareAll(checks: StoreChecks): Promise<void> {
  const { nodes, witness } = checks;
  for (const node of nodes) {
    const here = await node.all();
    const lacking = node.lacking(witness.acknowledged, here);
    if (lacking !== undefined) witness.fail(`${lacking}, which was acknowledged (R1)`);
    checkWhole(checks, node, here);
    if (!checks.isOrderly) continue;
    await checkReceived(checks, node);
    const [reported] = node.running?.reported ?? [];
    if (reported !== undefined) witness.fail(`${node.site} reports ${JSON.stringify(reported)}`);
  }
  if (!checks.isExpiring) await compareHistories(checks);
}

async function compareHistories({ nodes, witness }: StoreChecks): Promise<void> {
  for (const stream of STREAMS) {
    for (const topic of TOPICS) {
      const [first, ...others] = await Promise.all(nodes.map((node) => node.history(stream, topic)));
      const want = JSON.stringify(first);
      others.forEach((history, i) => {
        const names = `${nodes[i + 1]?.site ?? ""} and ${nodes[0]?.site ?? ""}`;
        if (JSON.stringify(history) !== want) witness.fail(`${names} differ in ${stream} ${topic} (R1, O3)`);
      });
    }
  }
}

/** Every seq is here or in a gap, never both; and without expiry there are no gaps (S2, R6). */
function checkWhole(
  { witness, isExpiring }: StoreChecks,
  { site, store }: SimulatedStoreNode,
  here: ReadonlySet<string>,
): void {
  for (const stream of STREAMS) {
    const gaps = store.gaps(stream);
    if (!isExpiring && gaps.length > 0) witness.fail(`${site} has a gap: ${stream} ${JSON.stringify(gaps[0])} (R6)`);
    for (const [origin, next] of Object.entries(store.vector(stream))) {
      const own = gaps.filter((gap) => gap.origin === (origin as OriginId));
      for (let seq = 0; seq < next; seq++) {
        const id = `${stream} ${origin} ${seq}`;
        const hole = holeAt(own, seq);
        if (here.has(id) === (hole === undefined)) continue;
        witness.fail(`${site}: ${id} is here ${here.has(id)}, gap ${hole?.reason ?? "none"} (S2)`);
      }
    }
  }
}

/** While this process lived, what came over its links was new to it (R3). */
async function checkReceived({ witness }: StoreChecks, { site, store, running }: SimulatedStoreNode): Promise<void> {
  const counter = running?.registry.getSingleMetric("landfall_replication_received_records_total");
  const received = (await counter?.get())?.values[0]?.value ?? 0;
  const taken = store.stats().recordsApplied;
  if (received !== taken) witness.fail(`${site} received ${received} records, ${taken} were new to it (R3)`);
}

/** Whether a site takes records for gone for a while that its neighbour holds. */
function couldFill(here: SimulatedStoreNode, there: SimulatedStoreNode): boolean {
  return STREAMS.some((stream) => {
    const theirs = there.store.gaps(stream);
    return here.store.gaps(stream).some(({ origin, from, to, reason }) => {
      const others = theirs.filter((gap) => gap.origin === origin);
      const seqs = Array.from({ length: to - from }, (_, i) => from + i);
      return isFillable(reason) && seqs.some((seq) => holeAt(others, seq) === undefined);
    });
  });
}

function sorted(vector: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(vector).toSorted(([a], [b]) => (a < b ? -1 : 1));
}
