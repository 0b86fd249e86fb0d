import { isDeepStrictEqual } from "node:util";
import type {
  AlertReply,
  ApiAlert,
  BookingReply,
  GrantReply,
  PeopleReply,
  PersonReply,
  RulesInForce,
  RulesRequest,
  TokenReply,
  TokensReply,
} from "@landfall/proto/api";
import { streamName, topicName } from "@landfall/streams/model/names";
import type { Offset } from "@landfall/streams/model/record";
import type { World } from "./world.js";

/** A request that changes something, and what was said to it: it is done. */
export interface Acknowledged {
  /** As it was asked for, with its query. */
  readonly path: string;
  readonly sent: unknown;
  readonly reply: unknown;
}

/** What must be found from then on. */
export interface Trace {
  /** What it is about: of two traces of the same, the later counts. */
  readonly of: string;
  isThere(world: World): Promise<boolean>;
}

/**
 * How what each route that is no GET says it has done is found again. `nothing`: it stores nothing, whatever it answers; `never`: nobody
 * here can be told that it was done.
 */
export const TRACES: Readonly<Record<string, ((done: Acknowledged) => Trace | undefined) | "nothing" | "never">> = {
  "POST /api/streams/{stream}/read": "nothing",
  "POST /api/holdings": "nothing",
  "POST /api/digests": "nothing",
  "POST /api/repair": "nothing",
  "POST /api/session": "never",
  "PUT /api/session/password": "never",
  "DELETE /api/session": "nothing",
  "POST /api/setup": "never",
  "POST /api/people": ({ reply }) => person((reply as PersonReply).name, reply),
  "PATCH /api/people/{name}": ({ reply }) => person((reply as PersonReply).name, reply),
  "DELETE /api/people/{name}": ({ path }) => person(lastStep(path), undefined),
  "POST /api/tokens": ({ reply }) => token((reply as TokenReply).id, true),
  "DELETE /api/tokens/{id}": ({ path }) => token(lastStep(path), false),
  "POST /api/alerts/{id}/ack": ({ reply }) => word(reply as ApiAlert),
  "PUT /api/bookings/{container}": ({ reply }) => {
    const { owner, container, from, version } = reply as BookingReply;
    const topic = `booking.${container}.${Date.parse(from)}`;
    return setting(owner, topic, version, (value) => value["owner"] === owner);
  },
  "PUT /api/rules": ({ sent, reply }) => {
    const { owner, key, rules } = sent as RulesRequest;
    return setting(owner, `rules.${key}`, (reply as RulesInForce).version, (value) =>
      isDeepStrictEqual(value["rules"], rules),
    );
  },
  "DELETE /api/rules": ({ path, reply }) => {
    const { key, version } = reply as RulesInForce;
    // Where there never was one there is nothing to be taken away.
    return version === undefined
      ? undefined
      : setting(queryOf(path).get("owner") ?? "", `rules.${key}`, version, (value) => value["rules"] === null);
  },
  "POST /api/grants": ({ reply }) => grant(reply as GrantReply, false),
  "DELETE /api/grants": ({ reply }) => grant(reply as GrantReply, true),
  "POST /api/simulation/ships/{imo}/arrive": "nothing",
  "POST /api/simulation/ships/{imo}/depart": "nothing",
  "POST /api/simulation/ships/{imo}/overboard": "nothing",
  "POST /api/simulation/nodes/{site}/kill": "nothing",
  "POST /api/simulation/nodes/{site}/start": "nothing",
  "PATCH /api/simulation/links/{id}": "nothing",
};

const queryOf = (path: string): URLSearchParams => new URLSearchParams(path.split("?")[1]);
const lastStep = (path: string): string => decodeURIComponent(path.split("?")[0]?.split("/").at(-1) ?? "");

async function told<T>(world: World, path: string): Promise<T> {
  const response = await fetch(world.url + path, { headers: world.headers("ops") });
  return (await response.json()) as T;
}

/** @param expected undefined: they are gone */
function person(name: string, expected: unknown): Trace {
  return {
    of: `person ${name}`,
    async isThere(world) {
      const { people } = await told<PeopleReply>(world, "/api/people");
      return isDeepStrictEqual(
        people.find((one) => one.name === name),
        expected,
      );
    },
  };
}

function token(id: string, isGood: boolean): Trace {
  return {
    of: `token ${id}`,
    isThere: async (world) =>
      (await told<TokensReply>(world, "/api/tokens")).tokens.some((one) => one.id === id) === isGood,
  };
}

/** Whoever spoke is told what stands there now, and theirs is the last word. */
function word({ id, acknowledgements }: ApiAlert): Trace {
  return {
    of: `alert ${id}`,
    async isThere(world) {
      const { alert } = await told<AlertReply>(world, `/api/alerts/${encodeURIComponent(id)}`);
      return isDeepStrictEqual(alert.acknowledgements?.at(-1), acknowledgements?.at(-1));
    },
  };
}

function grant({ owner, id, recordOffset }: GrantReply, isRevoked: boolean): Trace {
  return setting(owner, `grants.${id}`, recordOffset, (value) => (value["revoked"] === true) === isRevoked);
}

/** A record of `<owner>.settings` with just this offset, whose value says what it should. */
function setting(
  owner: string,
  topic: string,
  offset: number | undefined,
  says: (value: Readonly<Record<string, unknown>>) => boolean,
): Trace {
  return {
    of: `${owner} ${topic}`,
    async isThere({ hq: { node } }) {
      const query = { fromOffset: (offset ?? 0) as Offset, limit: 1 };
      const [record] = await node.store.readTopic(streamName(`${owner}.settings`), topicName(topic), query);
      return (
        record !== undefined &&
        record.offset === offset &&
        says(JSON.parse(Buffer.from(record.value).toString()) as Readonly<Record<string, unknown>>)
      );
    },
  };
}
