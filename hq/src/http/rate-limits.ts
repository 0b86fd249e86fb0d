import rateLimit from "@fastify/rate-limit";
import { networkOf } from "@landfall/streams/identity/network";
import { LandfallError } from "@landfall/streams/model/errors";
import type { FastifyInstance, FastifyRequest, onRequestAsyncHookHandler } from "fastify";
import type { HqSettings } from "../settings.js";
import { isExport } from "./send-history.js";

const MINUTE_MS = 60_000;

/**
 * Bounds on requests in a minute: from one address (of IPv6, its /64), by one principal, and of the latter as files. @returns the bound for routes at
 * which secrets can be guessed, to be put on each
 */
export async function addRateLimits(
  http: FastifyInstance,
  limits: HqSettings["limits"],
): Promise<onRequestAsyncHookHandler> {
  await http.register(rateLimit, { global: false });
  const bound = (
    max: number,
    what: string,
    keyGenerator: (request: FastifyRequest) => string,
  ): onRequestAsyncHookHandler => {
    const count = http.createRateLimit({ max, timeWindow: MINUTE_MS, keyGenerator });
    return async (request, reply) => {
      const { isAllowed, ...counted } = await count(request);
      if (isAllowed || !("isExceeded" in counted) || !counted.isExceeded) return;
      void reply.header("retry-after", String(counted.ttlInSeconds));
      throw new LandfallError("OVERLOADED", `too many ${what}: wait ${counted.ttlInSeconds} s`);
    };
  };
  const ofAddress = ({ ip }: FastifyRequest): string => networkOf(ip);
  const ofPrincipal = ({ identified, ip }: FastifyRequest): string => {
    const { user = "" } = identified?.seenBy ?? identified ?? {};
    return user === "" ? `address ${networkOf(ip)}` : `user ${user}`;
  };
  const exports = bound(limits.exportsPerMinute, "files are asked for", ofPrincipal);
  http.addHook("onRequest", bound(limits.requestsPerMinutePerAddress, "requests from this address", ofAddress));
  http.addHook("onRequest", bound(limits.requestsPerMinute, "requests", ofPrincipal));
  http.addHook("onRequest", async function (request, reply) {
    if (isExport(request)) await exports.call(this, request, reply);
  });
  return bound(limits.signInsPerMinute, "sign-ins from this address", ofAddress);
}
