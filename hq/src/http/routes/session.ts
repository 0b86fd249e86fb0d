import type { SessionReply, SignedOutProblem } from "@landfall/proto/api";
import { problem, PROBLEM_TYPE } from "@landfall/streams/http/problem";
import { LandfallError } from "@landfall/streams/model/errors";
import type { FastifyReply } from "fastify";
import { Type } from "typebox";
import { mayControl } from "../../auth/controls.js";
import { principalOf, SESSION_COOKIE, type Session } from "../../auth/sessions.js";
import { PASSWORD_CHARS_MAX, SIGN_INS_PER_MINUTE_MAX, USERNAME_CHARS_MAX } from "../../limits.js";
import type { HqApp, HqContext } from "../context.js";
import { answers, answersNothing, answersOr, SessionReplySchema, SignedOutSchema } from "../schemas.js";

const tags = ["session"];

/** Signing in, who is signed in, signing out. */
export function addSessionRoutes(app: HqApp, context: HqContext): void {
  const { node, settings, sessions, passwords, attempts } = context;

  const describe = ({ user, expires }: Session): SessionReply => ({
    user: user.name,
    displayName: user.displayName ?? user.name,
    groups: user.groups,
    roles: user.roles,
    site: settings.site,
    owner: node.self.owner,
    mayControl: mayControl(principalOf(user), settings),
    expires: new Date(expires).toISOString(),
  });

  const cookieOptions = {
    path: "/",
    httpOnly: true,
    sameSite: "strict",
    secure: settings.cookieSecure ?? "auto",
  } as const;

  app.post(
    "/api/session",
    {
      config: { isPublic: true, rateLimit: { max: SIGN_INS_PER_MINUTE_MAX, timeWindow: 60_000 } },
      schema: {
        tags,
        summary: "Sign in: a cookie for browsers, a token for programs",
        body: Type.Object(
          {
            username: Type.String({ minLength: 1, maxLength: USERNAME_CHARS_MAX }),
            password: Type.String({ minLength: 1, maxLength: PASSWORD_CHARS_MAX }),
          },
          { additionalProperties: false },
        ),
        response: answers(SessionReplySchema),
      },
    },
    async (request, reply) => {
      const { username, password } = request.body;
      const mayTry = (): void => {
        const wait = attempts.waitMs(username, request.ip, node.env.monotonic());
        if (wait <= 0) return;
        const seconds = Math.ceil(wait / 1000);
        void reply.header("retry-after", String(seconds));
        throw new LandfallError("OVERLOADED", `too many wrong passwords: try again in ${seconds} s`);
      };
      mayTry();
      const user = await passwords.check(username, password, mayTry);
      if (!user) {
        attempts.failed(username, request.ip, node.env.monotonic());
        throw new LandfallError("UNAUTHENTICATED", "this user name and password do not belong together");
      }
      attempts.succeeded(username, request.ip);
      const { session, token } = sessions.issue(user);
      const maxAge = Math.floor((session.expires - node.env.now()) / 1000);
      void reply.setCookie(SESSION_COOKIE, token, { ...cookieOptions, maxAge });
      return { ...describe(session), token };
    },
  );

  app.get(
    "/api/session",
    {
      config: { isPublic: true },
      schema: {
        tags,
        summary: "Who is signed in",
        response: answersOr(SessionReplySchema, 401, SignedOutSchema),
      },
    },
    (request, reply) => (request.landfallSession ? describe(request.landfallSession) : sendSignedOut(reply, context)),
  );

  app.delete(
    "/api/session",
    {
      config: { isPublic: true },
      schema: {
        tags,
        summary: "Sign out; live connections of the session end",
        response: answersNothing("Nobody is signed in any more"),
      },
    },
    async (request, reply) => {
      if (request.landfallSession) await sessions.end(request.landfallSession);
      return reply.clearCookie(SESSION_COOKIE, cookieOptions).code(204).send();
    },
  );
}

/** Where the demo runs, the answer also says who may come in. */
function sendSignedOut(reply: FastifyReply, { settings: { demo } }: HqContext): FastifyReply {
  const answer: SignedOutProblem = {
    ...problem("UNAUTHENTICATED", 401, "nobody is signed in"),
    ...(demo && { demo }),
  };
  return reply.code(401).type(PROBLEM_TYPE).send(JSON.stringify(answer));
}
