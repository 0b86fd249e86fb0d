import { isAbsolute, join, dirname, resolve } from "node:path";
import { Type, type Static } from "typebox";
import type { HostPort } from "@landfall/proto/link-proxy/link-proxy";
import type { LinkSpec } from "../links/board.js";
import {
  CONTAINERS_MAX,
  CONTAINERS_MIN,
  LINK_KBPS_MAX,
  LINK_LATENCY_MS_MAX,
  SHIPS_MAX,
  SHIPS_MIN,
  SPEED_MAX,
  SPEED_MIN,
} from "../limits.js";
import { SimulatorError } from "../errors.js";
import { readYamlSettings } from "./yaml-settings.js";

const CLOSED = { additionalProperties: false } as const;
const ADDRESS = Type.String({ pattern: "^[A-Za-z0-9.\\-]+:[0-9]{1,5}$" });
const HTTP = Type.String({ pattern: "^https?://[^/]+$" });

/** What `landfall simulate --config` reads. */
export const SimulatorSettingsSchema = Type.Object(
  {
    /** Folder of the snapshot; relative to the file. */
    data: Type.String({ minLength: 1 }),
    seed: Type.Integer({ minimum: 0, maximum: 0xffff_ffff, default: 1883 }),
    speed: Type.Number({ minimum: SPEED_MIN, maximum: SPEED_MAX, default: 1000 }),
    ships: Type.Integer({ minimum: SHIPS_MIN, maximum: SHIPS_MAX, default: 4 }),
    containers: Type.Integer({ minimum: CONTAINERS_MIN, maximum: CONTAINERS_MAX, default: 300 }),
    /** Where a new world's clock starts, RFC 3339; by default so that the story ends when it meets the real clock. */
    start: Type.Optional(Type.String({ pattern: "^\\d{4}-\\d\\d-\\d\\dT" })),
    /** Wait for somebody to open the map, at most so long. */
    waitSeconds: Type.Number({ minimum: 0, maximum: 3600, default: 120 }),
    control: Type.Object(
      { host: Type.String({ default: "127.0.0.1" }), port: Type.Integer({ minimum: 0, maximum: 65535 }) },
      CLOSED,
    ),
    brokers: Type.Array(
      Type.Object(
        {
          site: Type.String({ minLength: 1 }),
          mqtt: Type.String({ pattern: "^mqtts?://[^/]+$" }),
          /** Brokers of the site's other nodes. */
          others: Type.Optional(Type.Array(Type.String({ pattern: "^mqtts?://[^/]+$" }))),
          username: Type.Optional(Type.String()),
          password: Type.Optional(Type.String()),
          /** The node's own HTTP, to see whether it knows the bookings. */
          http: Type.Optional(HTTP),
          token: Type.Optional(Type.String()),
        },
        CLOSED,
      ),
      { minItems: 1 },
    ),
    /** Where bookings are made; without it nothing is booked and nobody's streams but the carrier's are written. */
    headquarters: Type.Optional(Type.Object({ url: HTTP, username: Type.String(), password: Type.String() }, CLOSED)),
    links: Type.Array(
      Type.Object(
        {
          id: Type.String({ minLength: 1 }),
          from: Type.String({ minLength: 1 }),
          to: Type.String({ minLength: 1 }),
          class: Type.Enum(["lan", "wan", "port", "satellite"]),
          listen: ADDRESS,
          target: ADDRESS,
          latencyMs: Type.Number({ minimum: 0, maximum: LINK_LATENCY_MS_MAX, default: 0 }),
          kbps: Type.Number({ minimum: 0, maximum: LINK_KBPS_MAX, default: 0 }),
          reach: Type.Optional(Type.Object({ imo: Type.String(), port: Type.String() }, CLOSED)),
        },
        CLOSED,
      ),
      { default: [] },
    ),
  },
  CLOSED,
);

export type SimulatorSettings = Static<typeof SimulatorSettingsSchema>;

/** @throws SimulatorError INVALID_SETTINGS */
export function loadSimulatorSettings(file: string): SimulatorSettings {
  const settings = readYamlSettings(SimulatorSettingsSchema, file);
  if (settings.start !== undefined && Number.isNaN(Date.parse(settings.start))) {
    throw new SimulatorError(
      "INVALID_SETTINGS",
      `${file}: start is ${settings.start}, want a time such as 2026-10-24T00:00:00Z`,
    );
  }
  const data = isAbsolute(settings.data) ? settings.data : join(dirname(resolve(file)), settings.data);
  return { ...settings, data };
}

export function linkSpecs(settings: SimulatorSettings): LinkSpec[] {
  return settings.links.map(({ reach, ...link }) => ({
    ...link,
    listen: hostPort(link.listen),
    target: hostPort(link.target),
    ...(reach !== undefined && { reach }),
  }));
}

function hostPort(address: string): HostPort {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
