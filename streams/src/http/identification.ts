import type { AuditValue } from "@landfall/proto/api";
import type { FastifyInstance } from "fastify";
import type { Principal } from "../access/policy.js";
import { isLandfallError, type LandfallError } from "../model/errors.js";
import type { PrincipalResolvers } from "../node/node.js";

/** What is known of who sent a request. */
export interface Identified {
  /** Undefined for credentials that nobody knows. */
  readonly identified: Principal | undefined;
  readonly refusal: LandfallError | undefined;
}

declare module "fastify" {
  interface FastifyRequest {
    /** Who sent it; undefined for credentials that nobody knows. */
    identified: Principal | undefined;
    /** Why they are not known by what they proved it with, or are not let be whom they look as. */
    refusal: LandfallError | undefined;
    /** What they proved it with, where that has a name; absent for strangers and for tokens of the settings. */
    proof: { readonly kind: AuditValue["via"]; readonly id: string } | undefined;
  }
}

/**
 * Finds out, before anything else is done with a request, who sent it; whether that is enough is for the routes to say. For
 * credentials that are none, why stands in `refusal`.
 */
export function addIdentification(http: FastifyInstance, principals: PrincipalResolvers): void {
  http.decorateRequest("identified", undefined);
  http.decorateRequest("refusal", undefined);
  http.decorateRequest("proof", undefined);
  http.addHook("onRequest", async (request) => {
    try {
      // By their own name, should they not be let be what they want to be.
      request.identified = await principals.identify(request);
      request.identified = await principals.resolve(request);
    } catch (error) {
      if (!isLandfallError(error)) throw error;
      request.refusal = error;
    }
  });
}
