import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import swagger from "@fastify/swagger";
import { fastify, LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyReply } from "fastify";
import type { Logger } from "pino";
import type { ErrorCode } from "../model/errors.js";
import {
  HTTP_BODY_BYTES_MAX,
  HTTP_CONNECTIONS_MAX,
  HTTP_HEADER_BYTES_MAX,
  HTTP_KEEP_ALIVE_MS,
  HTTP_PARAM_CHARS_MAX,
  HTTP_REQUEST_MS_MAX,
} from "./http-limits.js";
import { noSuchRoute, problem, PROBLEM_TYPE, toProblem } from "./problem.js";
import { assertDeclared } from "./route-audit.js";

export interface HttpServerOptions {
  readonly log: Logger;
  /** For the OpenAPI document. */
  readonly title: string;
  readonly version: string;
  /** Addresses and networks of proxies whose `X-Forwarded-…` is believed; nobody's by default. */
  readonly trustedProxies?: readonly string[];
}

/**
 * An HTTP server without routes but with the manners of every node: bounded requests, problem details for
 * whatever fails, OpenAPI 3.1 of all routes at `/api/openapi.json`. It does not listen yet.
 */
export async function createHttpServer(options: HttpServerOptions): Promise<FastifyInstance> {
  const { log, title, version, trustedProxies = [] } = options;
  const app = fastify({
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    loggerInstance: log.child({ part: "http" }) as FastifyBaseLogger,
    // One line of our own for each answer, below.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: HTTP_BODY_BYTES_MAX,
    requestTimeout: HTTP_REQUEST_MS_MAX,
    keepAliveTimeout: HTTP_KEEP_ALIVE_MS,
    http: { maxHeaderSize: HTTP_HEADER_BYTES_MAX },
    routerOptions: { maxParamLength: HTTP_PARAM_CHARS_MAX, ignoreTrailingSlash: true },
    // Nothing is silently dropped from a request: a misspelt field is named.
    ajv: { customOptions: { removeAdditional: false } },
    clientErrorHandler: refuseRequest,
    frameworkErrors(error, _request, reply) {
      const found = toProblem(error);
      // Typed for the replies of routes, but no route was found yet.
      void (reply as FastifyReply).code(found.status).type(PROBLEM_TYPE).send(JSON.stringify(found));
    },
  });
  app.server.maxConnections = HTTP_CONNECTIONS_MAX;
  // Whoever adds a route decides what the audit says of it.
  app.addHook("onRoute", assertDeclared);

  app.setErrorHandler((error, request, reply) => {
    const found = toProblem(error);
    if (found.status >= 500) request.log.error({ err: error, method: request.method, route: request.routeOptions.url });
    if (found.status === 401) void reply.header("www-authenticate", "Bearer");
    return reply.code(found.status).type(PROBLEM_TYPE).send(JSON.stringify(found));
  });
  app.setNotFoundHandler((request, reply) =>
    reply
      .code(404)
      .type(PROBLEM_TYPE)
      .send(JSON.stringify(toProblem(noSuchRoute(request)))),
  );
  app.addHook("onSend", (request, reply, payload, done) => {
    if (!reply.hasHeader("x-content-type-options")) void reply.header("x-content-type-options", "nosniff");
    // What one person may read must not come out of a cache for another.
    if (request.url.startsWith("/api/") && !reply.hasHeader("cache-control")) {
      void reply.header("cache-control", "no-store");
    }
    done(null, payload);
  });
  app.addHook("onResponse", (request, reply, done) => {
    request.log.debug(
      { method: request.method, url: request.url, status: reply.statusCode, ms: Math.round(reply.elapsedTime) },
      "answered",
    );
    done();
  });

  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title, version, description: "Telemetry of shipping containers. Errors are RFC 9457 problem details." },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
      security: [{}, { token: [] }],
    },
  });
  app.get("/api/openapi.json", { config: { audit: "nothing" }, schema: { hide: true } }, () => app.swagger());
  return app;
}

/** What is no HTTP at all, too large or too slow never reaches fastify: answer in the same shape. */
function refuseRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, code, detail]: [number, ErrorCode, string] =
    error.code === "HPE_HEADER_OVERFLOW"
      ? [431, "VALUE_TOO_LARGE", `the headers are larger than ${HTTP_HEADER_BYTES_MAX} bytes`]
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? [408, "INVALID_ARGUMENT", `the request did not arrive within ${HTTP_REQUEST_MS_MAX} ms`]
        : [400, "INVALID_ARGUMENT", "this is not HTTP/1.1"];
  const body = JSON.stringify(problem(code, status, detail));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\ncontent-type: ${PROBLEM_TYPE}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
