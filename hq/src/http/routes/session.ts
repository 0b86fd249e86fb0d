import type { SessionReply, SignedOutProblem } from "@landfall/proto/api";
import type { Principal } from "@landfall/streams/access/policy";
import { problem, PROBLEM_TYPE } from "@landfall/streams/http/problem";
import { LandfallError } from "@landfall/streams/model/errors";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { checkPassword } from "../../auth/sign-in.js";
import { SESSION_COOKIE } from "../../auth/sessions.js";
import { BODY_BYTES_MAX, PASSWORD_CHARS_MAX, USERNAME_CHARS_MAX } from "../../limits.js";
import type { HqApp, HqContext } from "../context.js";
import { answers, answersNothing, answersOr, SessionReplySchema, SignedOutSchema } from "../schemas.js";
import { beginSession, cookieOptions, describeSeen, describeSession, groundOf } from "../sessions-at-hand.js";

const tags = ["session"];
const Password = Type.String({ minLength: 1, maxLength: PASSWORD_CHARS_MAX });

/** Signing in, who is signed in, another password, signing out. */
export function addSessionRoutes(app: HqApp, context: HqContext): void {
  const { node, settings, sessions, people, peopleDesk, signIn, signInLimit } = context;
  /** Only of who is known: people type passwords where their name belongs. */
  const nameOf = ({ body }: FastifyRequest): string | undefined => {
    const { username } = body as { readonly username?: unknown };
    return typeof username === "string" && people.get(username) ? username : undefined;
  };
  const onWait =
    (reply: FastifyReply) =>
    (seconds: number): void =>
      void reply.header("retry-after", String(seconds));

  /** Whoever holds a link is somebody, too, for as long as it lasts. */
  const describeLink = (principal: Principal): SessionReply | undefined => {
    const grant = node.grants.linkOf(principal);
    const [container = ""] = grant?.topics ?? [];
    return (
      grant && {
        user: principal.user,
        displayName: `Shared: ${container}`,
        groups: [],
        roles: [],
        site: settings.site,
        owner: node.self.owner,
        mayControl: false,
        expires: new Date(grant.validUntil).toISOString(),
        shared: container,
        ...groundOf(settings),
      }
    );
  };

  app.post(
    "/api/session",
    {
      bodyLimit: BODY_BYTES_MAX,
      onRequest: signInLimit,
      config: { isPublic: true, audit: { action: "session.begin", kind: "sign-in", subject: nameOf } },
      schema: {
        tags,
        summary: "Sign in: a cookie for browsers, a token for programs",
        body: Type.Object(
          {
            username: Type.String({ minLength: 1, maxLength: USERNAME_CHARS_MAX }),
            password: Password,
          },
          { additionalProperties: false },
        ),
        response: answers(SessionReplySchema),
      },
    },
    async (request, reply): Promise<SessionReply> => {
      const { username: name, password } = request.body;
      const person = await checkPassword(signIn, { name, password, address: request.ip }, onWait(reply));
      const { session, token } = await beginSession(context, reply, person);
      return { ...describeSession(context, session), token };
    },
  );

  app.get(
    "/api/session",
    {
      config: { isPublic: true, audit: "nothing" },
      schema: {
        tags,
        summary: "Who is signed in",
        response: answersOr(SessionReplySchema, 401, SignedOutSchema),
      },
    },
    ({ credential, identified, refusal }, reply) => {
      const { user = "", seenBy } = identified ?? {};
      const seen = seenBy && people.get(user);
      if (credential?.session && seen) return describeSeen(context, seen, seenBy, credential.session);
      if (credential?.session) return describeSession(context, credential.session);
      if (refusal) throw refusal;
      return (identified && describeLink(identified)) ?? sendSignedOut(reply, context);
    },
  );

  app.put(
    "/api/session/password",
    {
      bodyLimit: BODY_BYTES_MAX,
      onRequest: signInLimit,
      config: { audit: { action: "session.password", kind: "change" } },
      schema: {
        tags,
        summary:
          "Another password for oneself; every other session of that person ends, and this one goes on under a new name",
        body: Type.Object({ current: Password, password: Password }, { additionalProperties: false }),
        response: answers(SessionReplySchema),
      },
    },
    async (request, reply): Promise<SessionReply> => {
      const { credential, body, ip } = request;
      if (!credential?.session) throw new LandfallError("NOT_FOUND", "this is for people who have signed in");
      const { name } = credential.person;
      await checkPassword(signIn, { name, password: body.current, address: ip }, onWait(reply));
      const person = await peopleDesk.change(name, { password: body.password });
      const { session, token } = await beginSession(context, reply, person);
      return { ...describeSession(context, session), token };
    },
  );

  app.delete(
    "/api/session",
    {
      config: {
        isPublic: true,
        audit: { action: "session.end", kind: "sign-in", when: ({ credential }) => credential?.session !== undefined },
      },
      schema: {
        tags,
        summary: "Sign out; live connections of the session end",
        response: answersNothing("Nobody is signed in any more"),
      },
    },
    async ({ credential }, reply) => {
      if (credential?.session) await sessions.end(credential.session);
      return reply.clearCookie(SESSION_COOKIE, cookieOptions(settings)).code(204).send();
    },
  );
}

/** The answer also says how to come in here. */
function sendSignedOut(reply: FastifyReply, { settings: { demo, oidc }, setup }: HqContext): FastifyReply {
  const answer: SignedOutProblem = {
    ...problem("UNAUTHENTICATED", 401, "nobody is signed in"),
    ...(demo && { demo }),
    ...(setup.isOpen && { setup: true }),
    ...(oidc && { provider: { name: oidc.name, path: "/api/oidc/start" } }),
  };
  return reply.code(401).type(PROBLEM_TYPE).send(JSON.stringify(answer));
}
