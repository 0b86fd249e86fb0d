import type { ContainerHistoryReply } from "@landfall/proto/api";
import type { Policy, Principal } from "@landfall/streams/access/policy";
import type { Gate } from "../util/gate.js";
import { isExcerpt } from "../view/excerpt.js";
import type { FleetView } from "../view/fleet-view.js";
import { containerHistory, type History, type HistoryParts } from "./container-history.js";
import type { TimeRange } from "./read.js";

export interface ReadableHistoryParts {
  readonly view: FleetView;
  readonly policy: Pick<Policy, "scope">;
  /** So many histories are made at once. */
  readonly histories: Gate;
  readonly historyParts: HistoryParts;
}

/**
 * As much of a container's history as somebody may read, out of every stream that it stands in.
 * @throws LandfallError OVERLOADED, and what `containerHistory` throws
 */
export function readableHistory(
  { view, policy, histories, historyParts }: ReadableHistoryParts,
  principal: Principal,
  container: string,
  range: TimeRange,
): Promise<History<ContainerHistoryReply>> {
  const traces = [...(view.containers.get(container)?.keys() ?? [])].filter((name) => !isExcerpt(name));
  const streams = traces.map((stream) => ({ stream, scope: policy.scope(principal, stream) }));
  return histories.run(() => containerHistory(historyParts, streams, container, range));
}
