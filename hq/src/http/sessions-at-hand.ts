import type { SessionReply } from "@landfall/proto/api";
import type { Principal } from "@landfall/streams/access/policy";
import type { FastifyReply } from "fastify";
import { mayControl } from "../auth/controls.js";
import { principalOf, type Person } from "../auth/person.js";
import { SESSION_COOKIE, type Session } from "../auth/sessions.js";
import type { HqContext } from "./context.js";

type Parts = Pick<HqContext, "node" | "settings" | "sessions" | "grantsDesk" | "rulesDesk">;

/** What somebody is told of their own session. */
export function describeSession(
  { node, settings, grantsDesk, rulesDesk }: Parts,
  { person, expires }: Pick<Session, "person" | "expires">,
): SessionReply {
  return {
    user: person.name,
    displayName: person.displayName ?? person.name,
    groups: person.groups,
    roles: person.roles,
    site: settings.site,
    owner: node.self.owner,
    mayControl: mayControl(principalOf(person), settings),
    mayShare: grantsDesk.mayShare(principalOf(person)),
    mayRule: rulesDesk.mayRule(principalOf(person)),
    expires: new Date(expires).toISOString(),
    ...groundOf(settings),
  };
}

/** What the map is drawn on, besides its own land. */
export function groundOf({ map }: Parts["settings"]): Pick<SessionReply, "tiles"> {
  return map ? { tiles: map.tiles } : {};
}

/** What somebody is told who looks as somebody else: that person, with nothing to do. */
export function describeSeen(parts: Parts, person: Person, by: Principal, { expires }: Session): SessionReply {
  const session = describeSession(parts, { person, expires });
  return { ...session, mayControl: false, mayShare: false, mayRule: false, seenBy: by.user };
}

/** Begins a session and hands its cookie over; the one of the cookie that they came with ends. @returns the token, for programs */
export async function beginSession(
  parts: Parts,
  reply: FastifyReply,
  person: Person,
): Promise<{ readonly session: Session; readonly token: string }> {
  const { node, settings, sessions } = parts;
  const { credential, headers } = reply.request;
  // A program that says who it is keeps what it has.
  const former = headers.authorization === undefined ? credential?.session : undefined;
  const begun = await sessions.begin(person, former);
  const maxAge = Math.floor((begun.session.expires - node.env.now()) / 1000);
  void reply.setCookie(SESSION_COOKIE, begun.token, { ...cookieOptions(settings), maxAge });
  return begun;
}

export function cookieOptions({ cookieSecure }: Parts["settings"]) {
  return { path: "/", httpOnly: true, sameSite: "strict", secure: cookieSecure ?? "auto" } as const;
}
