import { ANONYMOUS } from "@landfall/streams/access/policy";
import { bearerToken } from "@landfall/streams/http/principals";
import { LandfallError } from "@landfall/streams/model/errors";
import type { LandfallNode } from "@landfall/streams/node/node";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { principalOf, SESSION_COOKIE, type Session, type Sessions } from "../auth/sessions.js";

/** Where a session's token may stand: `Authorization: Bearer …` before the cookie. */
export function sessionOf(
  http: FastifyInstance,
  sessions: Sessions,
  headers: Readonly<Record<string, unknown>>,
): Session | undefined {
  const { authorization, cookie } = headers;
  // Whoever says who they are is not also somebody else's browser.
  if (typeof authorization === "string") {
    const token = bearerToken(authorization);
    return token === undefined ? undefined : sessions.check(token);
  }
  const token = typeof cookie === "string" ? http.parseCookie(cookie)[SESSION_COOKIE] : undefined;
  return token === undefined ? undefined : sessions.check(token);
}

/** Lets sessions count at every route of the node, its streams' included. */
export function addSessionResolver(node: Pick<LandfallNode, "http" | "principals">, sessions: Sessions): void {
  node.principals.add((request) => {
    const session = sessionOf(node.http, sessions, request.headers);
    return Promise.resolve(session && principalOf(session.user));
  });
}

/** Sets who asks. @throws LandfallError UNAUTHENTICATED when nobody does and the route is not for everybody */
export async function authenticate(
  node: Pick<LandfallNode, "http" | "principals">,
  sessions: Sessions,
  request: FastifyRequest,
): Promise<void> {
  const { isPublic } = request.routeOptions.config;
  request.landfallSession = sessionOf(node.http, sessions, request.headers);
  request.principal = isPublic
    ? request.landfallSession
      ? principalOf(request.landfallSession.user)
      : ANONYMOUS
    : await node.principals.resolve(request);
  if (!isPublic && request.principal.user === "") throw new LandfallError("UNAUTHENTICATED", "sign in first");
}
