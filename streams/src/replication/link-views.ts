import type { LinkClass } from "@landfall/proto/api";
import { siteOfOrigin, type SiteName, type StreamName } from "../model/names.js";
import type { LinkView } from "../node/node.js";
import type { BudgetLedger } from "./budget/ledger.js";
import type { EstablishedLink } from "./link.js";
import { heldNext, isOfOwnSite, receivedNext, type MachineState } from "./machine-state.js";
import { STILL } from "./link-meter.js";
import type { PeerKnowledge } from "./peer-knowledge.js";
import { peerName } from "./peer-name.js";
import type { KeptRights } from "./rights.js";

/** A link that is configured or was seen, up or not. */
export interface LinkMemory {
  readonly id: string;
  readonly peer: SiteName;
  /** Node of it, as its last hello said; absent before the first. */
  readonly node?: string;
  readonly class: LinkClass;
  readonly carries: readonly string[];
  /** From the last hello; absent before the first. */
  readonly rights?: KeptRights;
  /** Of a link that this site dials on a budget. */
  readonly ledger?: BudgetLedger;
}

/** Links that this node dials are told apart by their names, those that others dial by who does, too. */
export function memoryId({ dialled, peer }: Pick<EstablishedLink, "dialled" | "peer">): string {
  if (peer === undefined) return "";
  return dialled ? peer.link : `${peer.link} ${peerName(peer.site, peer.node)}`;
}

export function linkViews(given: {
  memory: Iterable<LinkMemory>;
  established: readonly EstablishedLink[];
  /** Link → why it could not be opened or was closed, for those that this site dials. */
  problems: ReadonlyMap<string, string | undefined>;
  machine: MachineState;
  knowledge: PeerKnowledge;
  now: number;
}): LinkView[] {
  const { machine, knowledge, now } = given;
  const lastContacts = new Map(knowledge.views().map((view) => [peerName(view.site, view.node), view.lastContact]));
  return [...given.memory].map((memory) => {
    const { node } = memory;
    const link = given.established.find(
      ({ peer }) => peer?.link === memory.id && peer.site === memory.peer && peer.node === node,
    );
    const { sending, receiving } = link?.meter.rates(now) ?? { sending: STILL, receiving: STILL };
    const rates = {
      bytesPerSecond: sending.bytesPerSecond + receiving.bytesPerSecond,
      recordsPerSecond: sending.recordsPerSecond + receiving.recordsPerSecond,
    };
    const waiting = backlog(memory, machine, knowledge);
    const problem = link === undefined ? given.problems.get(memory.id) : undefined;
    const expires = link?.channel.certificate?.expiresAt;
    const budget = budgetOf(memory, link);
    const contact = link?.lastContact ?? lastContacts.get(peerName(memory.peer, node ?? ""));
    return {
      id: memory.id,
      peer: memory.peer,
      ...(node !== undefined && { node }),
      class: memory.class,
      state: link === undefined ? "down" : "up",
      ...(problem !== undefined && { problem }),
      ...(expires !== undefined && { certificateExpires: expires }),
      ...(contact === undefined ? {} : { lastContact: contact }),
      ...(link?.roundTripMs === undefined ? {} : { roundTripMs: Math.round(link.roundTripMs * 10) / 10 }),
      ...(budget !== undefined && { budget }),
      ...rates,
      sending,
      receiving,
      ...waiting,
      ...(link !== undefined && toGo(waiting.toSend + waiting.toReceive, link.meter.bytesPerRecord, rates)),
    };
  });
}

/** As this site counts it, or as the other side last said. */
function budgetOf({ ledger }: LinkMemory, link: EstablishedLink | undefined): LinkView["budget"] {
  const known = ledger?.state ?? link?.budgetSaid;
  if (known === undefined) return undefined;
  const { bytesPerDay, usedBytes } = known;
  return { bytesPerDay, usedBytes, leftBytes: Math.max(0, bytesPerDay - usedBytes) };
}

/** How much a backlog is in bytes, and how long it takes at the present rate, as far as the link has shown. */
function toGo(
  records: number,
  bytesPerRecord: number | undefined,
  { recordsPerSecond }: { recordsPerSecond: number },
): Pick<LinkView, "backlogBytes" | "secondsToGo"> {
  return {
    ...(bytesPerRecord !== undefined && { backlogBytes: Math.round(records * bytesPerRecord) }),
    ...(recordsPerSecond > 0 && { secondsToGo: Math.round(records / recordsPerSecond) }),
  };
}

/** Records that one side of a link holds and the other lacks, of streams that may cross it; 0 before the first hello. */
function backlog(
  memory: LinkMemory,
  machine: MachineState,
  knowledge: PeerKnowledge,
): { toSend: number; toReceive: number } {
  let toSend = 0;
  let toReceive = 0;
  const { rights, peer, node } = memory;
  if (rights === undefined || node === undefined) return { toSend, toReceive };
  for (const [key, { stream, origin }] of machine.keys) {
    const theirs = knowledge.nextAt({ site: peer, node }, key) ?? 0;
    if (rights.maySend(stream, origin)) toSend += Math.max(0, heldNext(machine, key) - theirs);
    if (rights.mayRequest(stream, origin)) toReceive += Math.max(0, theirs - receivedNext(machine, key));
  }
  return { toSend, toReceive };
}

/** Per stream, records written at this site, as far as they are here, that no other site is known to hold. */
export function notHandedOver(
  machine: MachineState,
  knowledge: PeerKnowledge,
): { stream: StreamName; records: number }[] {
  const own = siteOfOrigin(machine.own);
  const byStream = new Map<StreamName, number>();
  for (const [key, { stream }] of machine.keys) {
    if (!isOfOwnSite(machine, key)) continue;
    const waiting = Math.max(0, heldNext(machine, key) - knowledge.bestNext(key, own));
    if (waiting > 0) byStream.set(stream, (byStream.get(stream) ?? 0) + waiting);
  }
  return [...byStream].map(([stream, records]) => ({ stream, records }));
}
