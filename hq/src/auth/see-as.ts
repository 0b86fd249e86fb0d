import { SEE_AS_HEADER } from "@landfall/proto/api";
import type { Principal } from "@landfall/streams/access/policy";
import type { AuditDeclaration } from "@landfall/streams/http/route-audit";
import type { Identifying } from "@landfall/streams/node/node";
import { LandfallError } from "@landfall/streams/model/errors";
import type { FastifyRequest } from "fastify";
import { notFound } from "../http/refusals.js";
import { mayManagePeople } from "./controls.js";
import type { People } from "./people.js";
import { principalOf } from "./person.js";

/**
 * An administrator looks as somebody whom they name: from then on, for this request, they are that person as far as both may
 * see something, and never more than either.
 */
export class SeeAs {
  constructor(private readonly people: Pick<People, "get">) {}

  /**
   * @throws LandfallError NOT_FOUND: there is nobody of that name who may come in; to others than administrators there is no
   * looking as anybody, whoever is named (A3)
   */
  refine(principal: Principal, { headers }: Identifying): Principal {
    const name = headers[SEE_AS_HEADER];
    if (name === undefined) return principal;
    if (!mayManagePeople(principal)) throw notFound("route");
    const person = typeof name === "string" ? this.people.get(name) : undefined;
    if (!person || person.disabled)
      throw new LandfallError("NOT_FOUND", "there is nobody of that name who may come in");
    return { ...principalOf(person), seenBy: principal };
  }

  /** Whether the person is as they were when this began: for what stays open. */
  stillStands(principal: Principal): () => boolean {
    if (principal.seenBy === undefined) return () => true;
    const person = this.people.get(principal.user);
    return () => this.people.get(principal.user) === person;
  }
}

/** Who looks as somebody else changes nothing. @throws LandfallError PREVIEW_ONLY */
export function assertOnlyLooks({ identified, method, routeOptions }: FastifyRequest): void {
  if (identified?.seenBy === undefined) return;
  const audit: AuditDeclaration | undefined = routeOptions.config.audit;
  const isLooking = method === "GET" || method === "HEAD" || (typeof audit === "object" && audit.kind === "read");
  if (isLooking) return;
  throw new LandfallError(
    "PREVIEW_ONLY",
    `you look as ${identified.user}, and so nothing can be changed: leave out the header ${SEE_AS_HEADER} first`,
  );
}
