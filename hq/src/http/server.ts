import compress from "@fastify/compress";
import cookie from "@fastify/cookie";
import helmet from "@fastify/helmet";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import { LandfallError } from "@landfall/streams/model/errors";
import type { FastifyInstance } from "fastify";
import { crossSiteReason } from "../auth/same-origin.js";
import type { Credentials } from "../auth/credentials.js";
import { assertOnlyLooks } from "../auth/see-as.js";
import type { HqSettings } from "../settings.js";
import { addCredential, addPeopleResolver, authenticate } from "./authenticate.js";
import type { HqContext } from "./context.js";
import { addRateLimits } from "./rate-limits.js";
import { addAlertRoutes } from "./routes/alerts.js";
import { addAuditRoute } from "./routes/audit.js";
import { addBookingRoutes } from "./routes/bookings.js";
import { addContainerRoutes } from "./routes/containers.js";
import { addGrantRoutes } from "./routes/grants.js";
import { addLiveRoute } from "./routes/live.js";
import { addOidcRoutes } from "./routes/oidc.js";
import { addPeopleRoutes } from "./routes/people.js";
import { addRulesRoutes } from "./routes/rules.js";
import { addSessionRoutes } from "./routes/session.js";
import { addSetupRoutes } from "./routes/setup.js";
import { addShipRoutes } from "./routes/ships.js";
import { addSimulationRoutes } from "./routes/simulation.js";
import { addSiteRoutes } from "./routes/sites.js";
import { addTokenRoutes } from "./routes/tokens.js";
import { addWeb, tileOrigins } from "./web.js";

/** Less is hardly worth the time; and what holds a secret is smaller, so that its length tells nothing of what else is in it. */
const COMPRESSED_BYTES_MIN = 8_192;
const JSON_OR_CSV = /^(application\/(json|geo\+json|gpx\+xml)|text\/csv)/;

/** Puts a headquarters' manners and routes on its node's HTTP server. */
export async function addHqRoutes(context: Omit<HqContext, "signInLimit">, credentials: Credentials): Promise<void> {
  const { node, settings } = context;
  const { http } = node;
  await addGuards(http, settings);
  await http.register(cookie);
  addCredential(http, credentials);
  const signInLimit = await addRateLimits(http, settings.limits);
  addPeopleResolver(node, credentials);
  node.principals.refine((principal, request) => context.seeAs.refine(principal, request));
  http.addHook("onRequest", (request, _reply, done) => {
    assertOnlyLooks(request);
    done();
  });
  http.decorateRequest("principal");
  const all: HqContext = { ...context, signInLimit };

  await http.register(async (plugin) => {
    // A map's answer shrinks to a sixth. Small ones are left alone; so is what is told as it happens.
    await plugin.register(compress, { encodings: ["gzip"], threshold: COMPRESSED_BYTES_MIN, customTypes: JSON_OR_CSV });
    const app = plugin.withTypeProvider<TypeBoxTypeProvider>();
    // Answers are typed by the contract and written as they are.
    app.setSerializerCompiler(() => (data) => JSON.stringify(data));
    app.addHook("onRequest", (request, _reply, next) => {
      request.principal = authenticate(request);
      next();
    });
    // A map of half the fleet would be worse than a map that comes a little later.
    app.addHook("preHandler", () => context.whenReady);
    addSessionRoutes(app, all);
    addSetupRoutes(app, all);
    addOidcRoutes(app, all);
    addPeopleRoutes(app, all);
    addTokenRoutes(app, all);
    addAuditRoute(app, all);
    addContainerRoutes(app, all);
    addShipRoutes(app, all);
    addAlertRoutes(app, all);
    addBookingRoutes(app, all);
    addRulesRoutes(app, all);
    addGrantRoutes(app, all);
    addSiteRoutes(app, all);
    addLiveRoute(app, all);
    addSimulationRoutes(app, all);
  });
  await addWeb(http, settings.web);
}

/** Headers that keep other people's pages and scripts out, and a check on what browsers send by themselves. */
async function addGuards(http: FastifyInstance, settings: HqSettings): Promise<void> {
  await http.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'"],
        scriptSrcAttr: ["'none'"],
        // Leaflet and Preact place things by the style object of elements, which is no inline style.
        styleSrc: ["'self'"],
        imgSrc: ["'self'", "data:", ...tileOrigins(settings)],
        connectSrc: ["'self'"],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    // On plain HTTP it would mean nothing, or lock out who comes by it.
    strictTransportSecurity: settings.cookieSecure === true,
  });
  // A page can make a browser send text without being asked whether it may; JSON it cannot.
  http.removeContentTypeParser("text/plain");
  http.addHook("onRequest", (request, reply, done) => {
    void reply.header("permissions-policy", "camera=(), geolocation=(), microphone=()");
    const reason = crossSiteReason(request.method, request.headers);
    done(
      reason === undefined
        ? undefined
        : new LandfallError("INVALID_ARGUMENT", `refused, because another site's page may have sent this: ${reason}`),
    );
  });
}
