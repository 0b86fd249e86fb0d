import type { LinkPatch } from "@landfall/proto/api";
import { placeOf } from "@landfall/proto/identifiers";
import { messageOf } from "../api/http.js";
import { endsSession, type App } from "./app.js";

/** Keys under which the state holds a command's progress. */
export const commandKey = {
  ship: (imo: string) => `ship:${imo}`,
  link: (id: string) => `link:${id}`,
  node: (site: string) => `node:${site}`,
} as const;

const portName = (locode: string): string => placeOf(locode)?.name ?? locode;

export function arrive(app: App, ship: { imo: string; name: string }, port: string): Promise<void> {
  const done = `${ship.name} goes alongside in ${portName(port)}.`;
  return command(app, commandKey.ship(ship.imo), () => app.api.arrive(ship.imo, port), done);
}

export function depart(app: App, ship: { imo: string; name: string }, to: string): Promise<void> {
  const done = `${ship.name} sails for ${portName(to)}.`;
  return command(app, commandKey.ship(ship.imo), () => app.api.depart(ship.imo, to), done);
}

export function overboard(app: App, ship: { imo: string; name: string }, count: number): Promise<void> {
  const done = `${count === 1 ? "A container" : `${count} containers`} of ${ship.name} will go over the side.`;
  return command(app, commandKey.ship(ship.imo), () => app.api.overboard(ship.imo, count), done);
}

export function killNode(app: App, site: { site: string; name: string }, stay: boolean): Promise<void> {
  const done = stay ? `${site.name} is killed, and stays so.` : `${site.name} is killed, and starts again.`;
  return command(app, commandKey.node(site.site), () => app.api.killNode(site.site, stay), done);
}

export function startNode(app: App, site: { site: string; name: string }): Promise<void> {
  return command(app, commandKey.node(site.site), () => app.api.startNode(site.site), `${site.name} starts.`);
}

export function changeLink(app: App, id: string, patch: LinkPatch, done: string): Promise<void> {
  return command(app, commandKey.link(id), () => app.api.patchLink(id, patch), done);
}

async function command(app: App, key: string, run: () => Promise<void>, notice: string): Promise<void> {
  app.store.dispatch({ type: "command/started", key });
  try {
    await run();
    app.store.dispatch({ type: "command/done", key, notice });
  } catch (error) {
    if (endsSession(app, error)) return;
    app.store.dispatch({ type: "command/failed", key, message: messageOf(error) });
  }
}
