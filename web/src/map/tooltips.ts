import type { ApiSite, ClusterFeature, ContainerState, ShipState } from "@landfall/proto/api";
import { formatContainerNumber } from "@landfall/proto/identifiers";
import { backlogOf, berthOf, directions, portName, type LinkView } from "../fleet-model.js";
import { formatBytes, formatCount, formatCourse, formatRate, plural, withUnit } from "../format/quantities.js";
import { formatAgo, formatBoth, formatDuration, toMs } from "../format/time.js";
import { STATUS_LOOK, STATUS_ORDER } from "../status.js";
import { CLASS_WORDS, LINK_WORDS } from "../words.js";

/** What the map says about the thing under the pointer: the first line strong, plain text all of it. */
export function linkLines(view: LinkView): string[] {
  const { link } = view;
  const rate = link.bytesPerSecond === undefined ? [] : [formatRate(link.bytesPerSecond)];
  const waiting = (link.backlogRecords ?? 0) > 0 ? [waitingWords(link)] : [];
  return [
    `${view.fromName} – ${view.toName}`,
    [`${CLASS_WORDS[link.class]}, ${LINK_WORDS[view.look]}`, ...rate].join(" · "),
    ...waiting,
    ...directions(view)
      .filter(({ of }) => of.backlogRecords > 0)
      .map(({ to, of }) => `${formatCount(of.backlogRecords)} to ${to}`),
    ...(link.budget ? [budgetWords(link.budget)] : []),
    ...(link.problem === undefined || view.look === "out-of-reach" ? [] : [link.problem]),
  ];
}

/** `5 210 records waiting, 62 kB, 4 min to go`, as far as it is known. */
export function waitingWords({ backlogRecords = 0, backlogBytes, secondsToGo }: LinkView["link"]): string {
  return [
    `${plural(backlogRecords, "record")} waiting`,
    ...(backlogBytes === undefined ? [] : [`about ${formatBytes(backlogBytes)}`]),
    ...(secondsToGo === undefined ? [] : [`${formatDuration(secondsToGo * 1000)} to go`]),
  ].join(", ");
}

/** `1.2 MB of 5 MB left today`. */
export function budgetWords({ leftBytes, bytesPerDay }: NonNullable<LinkView["link"]["budget"]>): string {
  return leftBytes > 0
    ? `${formatBytes(leftBytes)} of ${formatBytes(bytesPerDay)} left today`
    : `today's ${formatBytes(bytesPerDay)} are used up`;
}

export function siteLines(site: ApiSite): string[] {
  return [site.name, backlogWords(site)];
}

/** What a site waits for, in a sentence. */
export function backlogWords(site: ApiSite): string {
  const backlog = backlogOf(site);
  if (site.kind === "ship" || site.kind === "yard") {
    return backlog > 0 ? `${plural(backlog, "record")} there, not here yet` : "everything of it is here";
  }
  return backlog > 0 ? `${plural(backlog, "record")} still to come in` : "has all that is known elsewhere";
}

export function shipLines(ship: ShipState, nowMs: number): string[] {
  const berth = berthOf(ship);
  const motion =
    berth === undefined
      ? [
          ship.speedKn === undefined ? undefined : withUnit(ship.speedKn, "kn"),
          ship.courseDeg === undefined ? undefined : formatCourse(ship.courseDeg),
          ship.nextPort === undefined ? undefined : `for ${portName(ship.nextPort)}`,
        ].filter((part) => part !== undefined)
      : [`In port, ${portName(berth)}`];
  const measured = toMs(ship.time);
  const link = ship.lastLink === undefined ? "" : ` over ${CLASS_WORDS[ship.lastLink]}`;
  return [
    ship.name,
    ...(motion.length > 0 ? [motion.join(" · ")] : []),
    `${plural(ship.containersAboard, "container")} aboard`,
    measured === undefined
      ? "No position known yet"
      : `Last word ${formatAgo(measured, Math.max(nowMs, measured))}${link}`,
  ];
}

export function containerLines(container: ContainerState, nowMs: number): string[] {
  const measured = toMs(container.time);
  const temperature = container.measurements.temperatureC;
  return [
    formatContainerNumber(container.container),
    [
      STATUS_LOOK[container.status].word,
      ...(temperature === undefined ? [] : [withUnit(temperature, "°C")]),
      ...(measured === undefined ? [] : [`measured ${formatBoth(measured, nowMs)}`]),
    ].join(" · "),
  ];
}

export function clusterLines({ properties }: ClusterFeature, shipName: string | undefined): string[] {
  const where = shipName ?? (properties.location === undefined ? undefined : portName(properties.location));
  const states = STATUS_ORDER.flatMap((status) => {
    const count = properties.statuses[status] ?? 0;
    return count > 0 ? [`${formatCount(count)} ${STATUS_LOOK[status].word.toLowerCase()}`] : [];
  });
  return [
    plural(properties.count, "container"),
    ...(where === undefined ? [] : [shipName === undefined ? `In ${where}` : `Aboard ${where}`]),
    states.join(" · "),
  ];
}
