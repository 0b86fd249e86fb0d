import { createHash, timingSafeEqual } from "node:crypto";
import { SEE_AS_HEADER } from "@landfall/proto/api";
import { ANONYMOUS, type Principal } from "../access/policy.js";
import { LandfallError } from "../model/errors.js";
import type { PrincipalResolvers } from "../node/node.js";
import type { NodeSettings } from "../settings/node-settings.js";

/** Longest `Authorization` header that is looked at. */
const AUTHORIZATION_CHARS_MAX = 8_192;

/**
 * Who sent a request: services' own resolvers first (a session), then the bearer tokens of the settings.
 * Without credentials it is ANONYMOUS; with credentials that nobody knows, `resolve` throws UNAUTHENTICATED,
 * since answering as if to a stranger would hide the mistake.
 */
export function createPrincipalResolvers(tokens: NodeSettings["tokens"]): PrincipalResolvers {
  const resolvers: Parameters<PrincipalResolvers["add"]>[0][] = [];
  const refinements: Parameters<PrincipalResolvers["refine"]>[0][] = [];
  const known = tokens.map(({ token = "", tokenSha256, user, groups, roles }) => ({
    hash: tokenSha256 === undefined ? sha256(token) : Buffer.from(tokenSha256, "hex"),
    principal: { user, groups: [...groups], roles: [...roles] } satisfies Principal,
  }));
  return {
    add(resolve) {
      resolvers.push(resolve);
    },
    refine(as) {
      refinements.push(as);
    },
    async resolve(request) {
      const found = await this.identify(request);
      if (refinements.length === 0 && request.headers[SEE_AS_HEADER] !== undefined) {
        // To answer as if it had not been said would show one's own as somebody else's.
        throw new LandfallError(
          "NOT_FOUND",
          `nobody is known here as whom to look (${SEE_AS_HEADER}): ask a headquarters`,
        );
      }
      return refinements.reduce((principal, as) => as(principal, request), found);
    },
    async identify(request) {
      for (const resolver of resolvers) {
        const principal = await resolver(request);
        if (principal) return principal;
      }
      const authorization = request.headers["authorization"];
      if (typeof authorization !== "string" || authorization === "") return ANONYMOUS;
      const token = bearerToken(authorization);
      // Every token is compared, over hashes of one length: the time tells nothing.
      const hash = sha256(token ?? "");
      let found: Principal | undefined;
      for (const candidate of known) if (timingSafeEqual(candidate.hash, hash)) found = candidate.principal;
      if (token === undefined || !found) {
        throw new LandfallError("UNAUTHENTICATED", "the Authorization header holds no token that is known here");
      }
      return found;
    },
  };
}

/** The token of `Authorization: Bearer …`; undefined for anything else. */
export function bearerToken(authorization: string): string | undefined {
  if (authorization.length > AUTHORIZATION_CHARS_MAX) return undefined;
  return /^Bearer +([^ ]+) *$/i.exec(authorization)?.[1];
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** Whether somebody runs this node: role `admin`, or a member of an operations group (`…-ops`). */
export function isOperator(principal: Principal): boolean {
  return principal.roles.includes("admin") || principal.groups.some((group) => group.endsWith("-ops"));
}
