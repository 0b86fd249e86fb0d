import type { StreamName } from "@landfall/streams/model/names";
import { baseOf } from "./excerpt.js";

/** What a stream's name says about its records; `other` streams are not part of the fleet view. */
export type StreamKind = "containers" | "latest" | "ships" | "alerts" | "port" | "settings" | "metrics" | "other";

const PORT_PATTERN = /^port\.([a-z]{2}[a-z2-9]{3})\.events$/;
const BY_SUFFIX: Readonly<Record<string, StreamKind>> = {
  containers: "containers",
  unassigned: "containers",
  latest: "latest",
  ships: "ships",
  alerts: "alerts",
  settings: "settings",
  metrics: "metrics",
};

/** Names of this node's streams, of which there are thousands, not millions. */
const known = new Map<StreamName, StreamKind>();
const KNOWN_MAX = 100_000;

export function kindOfStream(stream: StreamName): StreamKind {
  let kind = known.get(stream);
  if (kind === undefined) {
    if (known.size >= KNOWN_MAX) known.clear();
    known.set(stream, (kind = readKind(baseOf(stream))));
  }
  return kind;
}

function readKind(stream: StreamName): StreamKind {
  if (PORT_PATTERN.test(stream)) return "port";
  const dot = stream.indexOf(".");
  // `<owner>.<kind>` and nothing deeper: `port.x.containers` is nobody's.
  if (dot <= 0 || stream.startsWith("port.")) return "other";
  return BY_SUFFIX[stream.slice(dot + 1)] ?? "other";
}

/** UN/LOCODE of a port's own stream: `port.ausyd.events` is `AUSYD`'s. */
export function locodeOfStream(stream: StreamName): string | undefined {
  return PORT_PATTERN.exec(stream)?.[1]?.toUpperCase();
}
