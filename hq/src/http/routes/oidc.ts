import { problemResponses } from "@landfall/streams/http/schemas";
import { isLandfallError, LandfallError } from "@landfall/streams/model/errors";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { CALLBACK_PATH, type OidcSignIn } from "../../auth/oidc.js";
import { OIDC_MS_MAX } from "../../limits.js";
import type { HqApp, HqContext } from "../context.js";
import { notFound } from "../refusals.js";
import { beginSession, cookieOptions } from "../sessions-at-hand.js";

const tags = ["session"];
const STATE_COOKIE = "landfall_oidc";
const redirects: Record<string | number, unknown> = {
  303: Type.Null({ description: "On to the next page" }),
  ...problemResponses,
};

/** Signing in at the identity provider of the settings. Where there is none, there are no such routes. */
export function addOidcRoutes(app: HqApp, context: HqContext): void {
  const { oidc, settings, people, node, signInLimit } = context;
  const provider = (): OidcSignIn => {
    if (!oidc) throw notFound("route");
    return oidc;
  };
  // The provider sends the browser back from another site: with `strict` the cookie would stay behind.
  const stateCookie = { ...cookieOptions(settings), sameSite: "lax", path: "/api/oidc" } as const;
  const signedIn = new WeakMap<FastifyRequest, string>();

  app.get(
    "/api/oidc/start",
    {
      onRequest: signInLimit,
      config: { isPublic: true, audit: "nothing" },
      schema: {
        tags,
        summary: "Send the browser to the identity provider to sign in",
        querystring: Type.Object(
          { to: Type.String({ maxLength: 2_000, default: "/", description: "Where to go afterwards: a path here" }) },
          { additionalProperties: false },
        ),
        response: redirects,
      },
    },
    (request, reply) =>
      forPeople(request, reply, async () => {
        const { url, state } = await provider().begin(pathHere(request.query.to));
        return reply.setCookie(STATE_COOKIE, state, { ...stateCookie, maxAge: OIDC_MS_MAX / 1_000 }).redirect(url, 303);
      }),
  );

  app.get(
    CALLBACK_PATH,
    {
      onRequest: signInLimit,
      config: {
        isPublic: true,
        audit: { action: "session.provider", kind: "sign-in", subject: (request) => signedIn.get(request) },
      },
      schema: { tags, summary: "Where the identity provider sends the browser back to", response: redirects },
    },
    (request, reply) =>
      forPeople(request, reply, async () => {
        void reply.clearCookie(STATE_COOKIE, stateCookie);
        const query = request.url.split("?", 2)[1] ?? "";
        const { person, to } = await provider().finish(query, request.cookies[STATE_COOKIE]);
        const known = await people.vouched(person);
        signedIn.set(request, known.name);
        if (known.disabled)
          throw new LandfallError("UNAUTHENTICATED", "an administrator here does not let you in any more");
        await beginSession(context, reply, known);
        return reply.redirect(to, 303);
      }),
  );

  /** Who comes with a browser gets a page that says what went wrong, and a way back. */
  async function forPeople(
    request: FastifyRequest,
    reply: FastifyReply,
    work: () => Promise<FastifyReply>,
  ): Promise<FastifyReply> {
    try {
      return await work();
    } catch (error) {
      if (!isLandfallError(error)) throw error;
      node.log.warn({ err: error }, "a sign-in at the identity provider failed");
      if (request.headers.accept?.includes("text/html") !== true) throw error;
      return reply.code(error.httpStatus).type("text/html; charset=utf-8").send(page(error.message));
    }
  }
}

/** Only paths of this site: `//elsewhere` and `/\elsewhere` are other sites to a browser. */
function pathHere(to: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  return /^\/(?![/\\])[^\u0000-\u001f\\]*$/.test(to) ? to : "/";
}

function page(message: string): string {
  const text = message.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return (
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Not signed in – Landfall</title></head>` +
    `<body><h1>Not signed in</h1><p>${text}</p><p><a href="/">Back to the sign-in page</a></p></body></html>\n`
  );
}
