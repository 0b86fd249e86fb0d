import type { ContainersReply, ContainerStatus } from "@landfall/proto/api";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { formatCount } from "../format/quantities.js";
import { valueOf } from "../state/remote.js";
import { STATUS_LOOK, STATUS_ORDER } from "../status.js";
import { StatusMark } from "./marks.js";
import { Phase, Section } from "./parts.js";
import { ContainerRow, ShipRow } from "./rows.js";
import { useAppState, useUi } from "./ui.js";

/** Ships of a large fleet are not all listed at once. */
const SHIPS_SHORT = 12;

export function FleetTab(): JSX.Element {
  return (
    <>
      <InView />
      <Ships />
      <Containers />
    </>
  );
}

/** States of what the map shows; it is the marks' legend at the same time. */
function InView(): JSX.Element | null {
  const { app } = useUi();
  const reply = useAppState((state) => valueOf(state.marks));
  const statuses = useAppState((state) => state.view.statuses);
  if (!reply || reply.total === 0) return null;
  const counts = countStatuses(reply);
  const toggle = (status: ContainerStatus): void => app.store.dispatch({ type: "view/status", status });
  return (
    <Section
      title="On the map"
      aside={
        reply.matched === reply.total
          ? `all ${formatCount(reply.total)} containers`
          : `${formatCount(reply.matched)} of ${formatCount(reply.total)} containers`
      }
    >
      <ul class="statuses">
        {STATUS_ORDER.toReversed().map((status) => (
          <li key={status}>
            <button
              type="button"
              class={counts[status] === undefined ? "status-toggle none" : "status-toggle"}
              aria-pressed={statuses?.includes(status) === true}
              title={statuses?.includes(status) === true ? "Shown: press to leave out" : "Press to show these alone"}
              onClick={() => toggle(status)}
            >
              <StatusMark status={status} />
              <span>{STATUS_LOOK[status].word}</span>
              <strong>{statuses?.includes(status) === false ? "hidden" : formatCount(counts[status] ?? 0)}</strong>
            </button>
          </li>
        ))}
      </ul>
      {statuses && <Filtered statuses={statuses} isEmpty={reply.matched === 0} />}
    </Section>
  );
}

/** Says that not everything is shown, and what to do where nothing is. */
function Filtered(props: { statuses: readonly ContainerStatus[]; isEmpty: boolean }): JSX.Element {
  const { app } = useUi();
  const words = props.statuses.map((status) => `“${STATUS_LOOK[status].word.toLowerCase()}”`).join(" or ");
  return (
    <div class="phase" role="status">
      <p>
        {props.isEmpty
          ? `No container in this part of the map is ${words}. Zoom out, or show all states.`
          : `Only containers that are ${words} are shown.`}
      </p>
      <button type="button" class="button button-small" onClick={() => app.store.dispatch({ type: "view/status" })}>
        Show all states
      </button>
    </div>
  );
}

function countStatuses(reply: ContainersReply): Partial<Record<ContainerStatus, number>> {
  const counts: Partial<Record<ContainerStatus, number>> = {};
  for (const { properties } of reply.features) {
    if (properties.kind === "container") {
      counts[properties.status] = (counts[properties.status] ?? 0) + 1;
    } else {
      for (const status of STATUS_ORDER) {
        const more = properties.statuses[status] ?? 0;
        if (more > 0) counts[status] = (counts[status] ?? 0) + more;
      }
    }
  }
  return counts;
}

function Ships(): JSX.Element | null {
  const { loading } = useUi();
  const remote = useAppState((state) => state.ships);
  const [all, setAll] = useState(false);
  const ships = Object.values(valueOf(remote) ?? {}).sort((a, b) => a.name.localeCompare(b.name));
  if (remote.phase === "ready" && ships.length === 0) return null;
  const shown = all ? ships : ships.slice(0, SHIPS_SHORT);
  return (
    <Section title="Ships" aside={ships.length > 0 ? formatCount(ships.length) : undefined}>
      <ul class="rows">
        {shown.map((ship) => (
          <ShipRow key={ship.imo} ship={ship} />
        ))}
      </ul>
      {shown.length < ships.length && (
        <button type="button" class="more" onClick={() => setAll(true)}>
          Show all {formatCount(ships.length)} ships
        </button>
      )}
      <Phase remote={remote} what="Ships" onRetry={() => loading.everything()} />
    </Section>
  );
}

function Containers(): JSX.Element {
  const { loading } = useUi();
  const remote = useAppState((state) => state.lists.fleet);
  const statuses = useAppState((state) => state.view.statuses);
  const page = valueOf(remote);
  return (
    <Section title="Containers" aside={page && page.matched > 0 ? formatCount(page.matched) : undefined}>
      <ul class="rows">
        {page?.containers.map((container) => (
          <ContainerRow key={container.container} container={container} />
        ))}
      </ul>
      {page?.next !== undefined && (
        <button
          type="button"
          class="more"
          disabled={remote.phase === "loading"}
          onClick={() => loading.moreOf("fleet")}
        >
          {remote.phase === "loading" ? "Loading…" : "Show more"}
        </button>
      )}
      <Phase
        remote={remote}
        what="Containers"
        onRetry={() => loading.everything()}
        isEmpty={(value) => value.containers.length === 0}
        empty={
          statuses
            ? "No container that you may see is in such a state."
            : "No container that you may see has sent a reading yet. The first ones appear here by themselves."
        }
      />
    </Section>
  );
}
