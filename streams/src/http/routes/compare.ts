import type { DigestRange, HoldingsReply, StreamHoldings } from "@landfall/proto/api";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { matchesAny } from "../../access/pattern.js";
import { ANONYMOUS, type Policy, type Principal } from "../../access/policy.js";
import { LandfallError } from "../../model/errors.js";
import { streamName, type StreamName } from "../../model/names.js";
import type { PrincipalResolvers } from "../../node/node.js";
import { sitePrincipal } from "../../replication/producers.js";
import type { NodeSettings } from "../../settings/node-settings.js";
import { DIGEST_NAME } from "../../store/record-digest.js";
import type { LocalStore, Retention } from "../../store/store.js";
import { digestsHere, repairHere } from "../../verify/here.js";
import { DIGEST_CELLS_MAX, DIGEST_NAMED_MAX, DIGEST_REQUESTS_MAX, HOLDINGS_GAPS_MAX } from "../http-limits.js";
import { isOperator } from "../principals.js";
import { noSuchRoute } from "../problem.js";
import {
  DigestsBody,
  DigestsReplySchema,
  HoldingsBody,
  HoldingsReplySchema,
  problemResponses,
  RepairBody,
  RepairReplySchema,
} from "../schemas.js";

export interface CompareParts {
  readonly store: LocalStore;
  readonly policy: Policy;
  readonly principals: PrincipalResolvers;
  readonly settings: NodeSettings;
  readonly retention: (stream: StreamName) => Retention | undefined;
}

/** What sites are compared by (R1): who holds what, and digests of it; and how damage that is found is repaired. */
export function addCompareRoutes(http: FastifyInstance, parts: CompareParts): void {
  const { store, policy, principals } = parts;
  const app = http.withTypeProvider<TypeBoxTypeProvider>();
  const tags = ["compare"];
  const turns = new Turns();

  /** What may not be read looks as if it did not exist (A3). */
  const readable = (principal: Principal, text: string): StreamName => {
    const name = streamName(text);
    if (policy.allows(principal, "read", name) && store.holdings(name).length > 0) return name;
    throw new LandfallError("STREAM_NOT_FOUND", `there is no stream ${name} at this site`);
  };

  app.post(
    "/api/holdings",
    {
      config: { audit: { action: "site.holdings", kind: "read" } },
      schema: {
        tags,
        summary: "How far this node holds each origin of the streams that you may read, and what it lacks",
        body: HoldingsBody,
        response: { 200: HoldingsReplySchema, ...problemResponses },
      },
    },
    async (request) => {
      const principal = await principals.resolve(request);
      const { streams, peer, after, limit } = request.body;
      const asked = streams === undefined ? store.streams() : [...new Set(streams)].map(streamName).sort();
      const mayRead = asked.filter((name) => policy.allows(principal, "read", name));
      const from = after === undefined ? mayRead : mayRead.filter((name) => name > after);
      const page: StreamHoldings[] = [];
      let gaps = 0;
      for (const name of from.slice(0, limit)) {
        const held = holdingsOf(parts, name, peer);
        page.push(held);
        gaps += held.origins.reduce((sum, origin) => sum + origin.gaps.length, 0);
        if (gaps > HOLDINGS_GAPS_MAX) break;
      }
      const { site, node } = parts.settings;
      const next = page.length < from.length ? page.at(-1)?.stream : undefined;
      const reply = { site, node, digest: DIGEST_NAME, streams: page, ...(next !== undefined && { next }) };
      return reply satisfies HoldingsReply;
    },
  );

  app.post(
    "/api/digests",
    {
      config: { audit: { action: "site.digests", kind: "read" } },
      schema: {
        tags,
        summary: "Digests of what this node holds of an origin: equal where the records are",
        description:
          "Bounded in cost: about a million records are read for one request, then `next` says where to go on. Those of " +
          "whole chunks of 65,536 seqs that are sealed here are stored and cost nothing.",
        body: DigestsBody,
        response: { 200: DigestsReplySchema, ...problemResponses },
      },
    },
    async (request) => {
      const principal = await principals.resolve(request);
      const { ranges, deep = false } = request.body;
      for (const { stream } of ranges) readable(principal, stream);
      checkSize(ranges);
      return turns.take(() => digestsHere(store, { ranges, deep }));
    },
  );

  app.post(
    "/api/repair",
    {
      config: { audit: { action: "site.repair", kind: "change" } },
      schema: {
        tags,
        summary: "Look for damage, and have peers send again what cannot be read; for administrators",
        body: RepairBody,
        response: { 200: RepairReplySchema, ...problemResponses },
      },
    },
    async (request) => {
      const principal = await principals.resolve(request);
      if (principal === ANONYMOUS) {
        throw new LandfallError("UNAUTHENTICATED", "repairing is for a node's administrators: send a bearer token");
      }
      // To anybody else this route looks as if it did not exist (A3).
      if (!isOperator(principal)) throw noSuchRoute(request);
      for (const { stream } of request.body.ranges) readable(principal, stream);
      return turns.take(() => repairHere(store, request.body));
    },
  );
}

function holdingsOf(
  { store, policy, settings, retention }: CompareParts,
  stream: StreamName,
  peer: string | undefined,
): StreamHoldings {
  const site = settings.sites.find((entry) => entry.site === peer);
  return {
    stream,
    wanted: matchesAny(settings.replication.wants, stream),
    replicates: site !== undefined && policy.allows(sitePrincipal(site), "replicate", stream),
    compact: retention(stream)?.compact === true,
    origins: store.holdings(stream),
  };
}

function checkSize(ranges: readonly DigestRange[]): void {
  let cells = 0;
  let named = 0;
  for (const { from, to, step } of ranges) {
    if (to <= from) continue;
    if (step === 1) named += to - from;
    else cells += Math.ceil(to / step) - Math.floor(from / step);
  }
  if (cells <= DIGEST_CELLS_MAX && named <= DIGEST_NAMED_MAX) return;
  throw new LandfallError(
    "INVALID_ARGUMENT",
    `at most ${DIGEST_CELLS_MAX} digests and ${DIGEST_NAMED_MAX} single records at once, not ${cells} and ${named}`,
  );
}

/** Bounds what is read for such requests at once. */
class Turns {
  #taken = 0;

  /** @throws LandfallError OVERLOADED */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#taken >= DIGEST_REQUESTS_MAX) {
      throw new LandfallError(
        "OVERLOADED",
        `${DIGEST_REQUESTS_MAX} such requests are under way already: ask again later`,
      );
    }
    this.#taken++;
    try {
      return await work();
    } finally {
      this.#taken--;
    }
  }
}
