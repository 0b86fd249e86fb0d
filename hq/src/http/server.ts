import cookie from "@fastify/cookie";
import helmet from "@fastify/helmet";
import jwt from "@fastify/jwt";
import rateLimit from "@fastify/rate-limit";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import { LandfallError } from "@landfall/streams/model/errors";
import type { FastifyInstance } from "fastify";
import { crossSiteReason } from "../auth/same-origin.js";
import { addSessionResolver, authenticate } from "./authenticate.js";
import type { HqContext } from "./context.js";
import { addAlertRoutes } from "./routes/alerts.js";
import { addBookingRoutes } from "./routes/bookings.js";
import { addContainerRoutes } from "./routes/containers.js";
import { addLiveRoute } from "./routes/live.js";
import { addRulesRoutes } from "./routes/rules.js";
import { addSessionRoutes } from "./routes/session.js";
import { addShipRoutes } from "./routes/ships.js";
import { addSimulationRoutes } from "./routes/simulation.js";
import { addSiteRoutes } from "./routes/sites.js";
import { addWeb } from "./web.js";

/** Puts a headquarters' manners and routes on its node's HTTP server. */
export async function addHqRoutes(context: HqContext, secret: Buffer): Promise<void> {
  const { node, settings, sessions } = context;
  const { http } = node;
  await addGuards(http, settings.cookieSecure === true);
  await http.register(cookie);
  await http.register(jwt, { secret, sign: { algorithm: "HS256" }, verify: { algorithms: ["HS256"] } });
  await http.register(rateLimit, {
    global: false,
    errorResponseBuilder: () => new LandfallError("OVERLOADED", "too many sign-ins from this address: wait a minute"),
  });
  addSessionResolver(node, sessions);
  http.decorateRequest("landfallSession", undefined);
  http.decorateRequest("principal");

  await http.register(async (plugin) => {
    const app = plugin.withTypeProvider<TypeBoxTypeProvider>();
    // Answers are typed by the contract and written as they are.
    app.setSerializerCompiler(() => (data) => JSON.stringify(data));
    app.addHook("onRequest", (request) => authenticate(node, sessions, request));
    // A map of half the fleet would be worse than a map that comes a little later.
    app.addHook("preHandler", () => context.sync.whenRebuilt);
    addSessionRoutes(app, context);
    addContainerRoutes(app, context);
    addShipRoutes(app, context);
    addAlertRoutes(app, context);
    addBookingRoutes(app, context);
    addRulesRoutes(app, context);
    addSiteRoutes(app, context);
    addLiveRoute(app, context);
    addSimulationRoutes(app, context);
  });
  await addWeb(http, settings.web);
}

/** Headers that keep other people's pages and scripts out, and a check on what browsers send by themselves. */
async function addGuards(http: FastifyInstance, isSecure: boolean): Promise<void> {
  await http.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'"],
        scriptSrcAttr: ["'none'"],
        // Leaflet and its markers place things by style attributes; a style cannot run anything.
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", "data:"],
        connectSrc: ["'self'"],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    // On plain HTTP it would mean nothing, or lock out who comes by it.
    strictTransportSecurity: isSecure,
  });
  http.addHook("onRequest", (request, _reply, done) => {
    const reason = crossSiteReason(request.method, request.headers);
    done(
      reason === undefined
        ? undefined
        : new LandfallError("INVALID_ARGUMENT", `refused, because another site's page may have sent this: ${reason}`),
    );
  });
}
