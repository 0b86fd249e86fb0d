import type { AlertsReply, ContainersReply, ShipsReply, StreamsReply } from "@landfall/proto/api";
import { withErrors } from "./command-error.js";
import { askNode } from "./node-client.js";
import { oneTarget, print, type PeopleOptions } from "./people.js";
import { formatTable } from "./table.js";

/** Names of one kind that stand in the table; how many there are stands beside them. */
const NAMES_SHOWN = 8;

/** Prints what somebody sees at a headquarters, as far as the asking administrator may see it too. @returns the exit code */
export function seeAs(name: string, options: PeopleOptions): Promise<number> {
  return withErrors("user", async () => {
    const target = oneTarget(options);
    const ask = <T>(path: string): Promise<T> => askNode<T>(target, path, undefined, { seeAs: name });
    const [{ streams }, containers, { ships }, { alerts }] = await Promise.all([
      ask<StreamsReply>("/api/streams"),
      ask<ContainersReply>("/api/containers"),
      ask<ShipsReply>("/api/ships"),
      ask<AlertsReply>("/api/alerts"),
    ]);
    const numbers = containers.features.flatMap(({ properties }) =>
      properties.kind === "container" ? [properties.container] : [],
    );
    const seen = {
      user: name,
      streams: streams.map((stream) => stream.name),
      containers: { total: containers.total, first: numbers },
      ships: ships.map(({ imo }) => imo),
      alerts: alerts.map(({ id }) => id),
    };
    const row = (what: string, total: number, names: readonly string[]): string[] => {
      const more = total > NAMES_SHOWN ? " …" : "";
      return [what, String(total), names.slice(0, NAMES_SHOWN).join(" ") + more];
    };
    const rows = [
      row("streams", seen.streams.length, seen.streams),
      row("containers", seen.containers.total, numbers),
      row("ships", seen.ships.length, seen.ships),
      row("alerts", seen.alerts.length, seen.alerts),
    ];
    return print(options, seen, formatTable([`${name} sees`, "HOW MANY", "WHICH"], rows));
  });
}
