import { ANONYMOUS, type Principal } from "@landfall/streams/access/policy";
import { isLandfallError, LandfallError } from "@landfall/streams/model/errors";
import type { Identified } from "@landfall/streams/http/identification";
import type { LandfallNode } from "@landfall/streams/node/node";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Credentials } from "../auth/credentials.js";
import { principalOf } from "../auth/person.js";

/** Lets sessions and tokens of people count at every route of the node, its streams' included. */
export function addPeopleResolver(node: Pick<LandfallNode, "principals">, credentials: Credentials): void {
  node.principals.add((request) => {
    const found = credentials.of(request.headers);
    return Promise.resolve(found && principalOf(found.person));
  });
}

/** Keeps what somebody proved with who they are: a session is more than its person. */
export function addCredential(http: FastifyInstance, credentials: Credentials): void {
  http.decorateRequest("credential", undefined);
  http.addHook("onRequest", (request, _reply, done) => {
    request.credential = request.proof = credentials.of(request.headers);
    // With credentials that nobody knows, what is open to strangers is so all the same; with a wish that is not granted, nothing is.
    const { refusal } = request;
    done(isLandfallError(refusal, "UNAUTHENTICATED") ? undefined : refusal);
  });
}

/** Who asks at a route of a headquarters. @throws LandfallError UNAUTHENTICATED when nobody does and the route is not for everybody */
export function authenticate(request: FastifyRequest): Principal {
  const { isPublic } = request.routeOptions.config;
  // What is open to strangers is so with an old cookie, too.
  if (isPublic) return request.credential ? principalOf(request.credential.person) : ANONYMOUS;
  const { identified = ANONYMOUS, refusal }: Identified = request;
  if (refusal) throw refusal;
  if (identified.user === "") throw new LandfallError("UNAUTHENTICATED", "sign in first");
  return identified;
}
