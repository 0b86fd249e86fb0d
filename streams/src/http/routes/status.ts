import type { StatusReply, StatusValue } from "@landfall/proto/api";
import type { FastifyInstance } from "fastify";
import { ANONYMOUS } from "../../access/policy.js";
import { LandfallError } from "../../model/errors.js";
import type { LandfallNode, PeerView } from "../../node/node.js";
import { rulesInStatus } from "../../settings/fleet/describe.js";
import { isOperator } from "../principals.js";
import { noSuchRoute } from "../problem.js";
import { problemResponses } from "../schemas.js";

/** `GET /api/status`: the whole of what a node knows of itself, for those who run it. */
export function addStatusRoute(
  http: FastifyInstance,
  parts: Pick<LandfallNode, "principals" | "self" | "store" | "replication" | "policy" | "rules">,
  status: () => StatusValue,
): void {
  const { principals, self, store, replication } = parts;
  http.get(
    "/api/status",
    {
      config: { audit: { action: "site.status", kind: "read" } },
      schema: { tags: ["health"], summary: "Links, peers and backlog, for administrators", response: problemResponses },
    },
    async (request): Promise<StatusReply> => {
      const principal = await principals.resolve(request);
      if (principal === ANONYMOUS) {
        throw new LandfallError("UNAUTHENTICATED", "a node's status is for its administrators: send a bearer token");
      }
      // To anybody else this route looks as if it did not exist (A3).
      if (!isOperator(principal)) throw noSuchRoute(request);
      return {
        ...status(),
        owner: self.owner,
        peers: replication.peers().map((peer) => ({
          site: peer.site,
          node: peer.node,
          class: peer.linkClass,
          lastContact: new Date(peer.lastContact).toISOString(),
          ...compareHoldings(peer, (stream) => store.vector(stream)),
        })),
        notHandedOverStreams: replication.notHandedOver().map(({ stream, records }) => ({ stream, records })),
        rules: rulesInStatus(principal, parts),
      };
    },
  );
}

type Vector = Readonly<Record<string, number>>;

/** Records that we hold and the peer lacks, and the reverse, over the streams that the peer announced. */
export function compareHoldings(
  { holdings }: Pick<PeerView, "holdings">,
  vectorOf: (stream: Parameters<PeerView["holdings"]["get"]>[0]) => Vector,
): { readonly lacks: number; readonly ahead: number } {
  let lacks = 0;
  let ahead = 0;
  for (const [stream, theirs] of holdings) {
    const ours = vectorOf(stream);
    for (const origin of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
      const difference = (ours[origin] ?? 0) - ((theirs as Vector)[origin] ?? 0);
      if (difference > 0) lacks += difference;
      else ahead -= difference;
    }
  }
  return { lacks, ahead };
}
