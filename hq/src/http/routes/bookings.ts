import type { BookingReply, BookingsReply } from "@landfall/proto/api";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { mayBook } from "../../auth/controls.js";
import { BODY_BYTES_MAX } from "../../limits.js";
import type { HqApp, HqContext } from "../context.js";
import { checkContainer, notFound } from "../refusals.js";
import { answers, BookingReplySchema, BookingsReplySchema } from "../schemas.js";

const tags = ["bookings"];
const containerOf = (request: FastifyRequest): string => (request.params as { readonly container: string }).container;
const Params = Type.Object({ container: Type.String({ minLength: 1, maxLength: 32 }) });

/** Which container belongs to whom, when. */
export function addBookingRoutes(app: HqApp, { node, settings, perspectives, bookings }: HqContext): void {
  app.get(
    "/api/bookings/:container",
    {
      config: { audit: { action: "booking.list", kind: "read", subject: containerOf } },
      schema: {
        tags,
        summary: "Bookings of a container, as far as you may know them",
        params: Params,
        response: answers(BookingsReplySchema),
      },
    },
    (request): BookingsReply => {
      checkContainer(request.params.container);
      const { readable } = perspectives.of(request.principal);
      return { bookings: bookings.list(request.params.container, readable) };
    },
  );

  app.put(
    "/api/bookings/:container",
    {
      bodyLimit: BODY_BYTES_MAX,
      // Before the body is read: to whoever may not book, this route does not exist.
      onRequest: (request, _reply, done) =>
        done(mayBook(request.principal, node.self, settings.sites) ? undefined : notFound("route")),
      config: {
        audit: {
          action: "booking.put",
          kind: "change",
          subject: containerOf,
          owners: (request) => [(request.body as { readonly owner: string }).owner],
          detail: (request) => request.body as Readonly<Record<string, unknown>>,
        },
      },
      schema: {
        tags,
        summary: "Book a container to a company from a moment on; for the carrier's operations",
        params: Params,
        body: Type.Object(
          {
            owner: Type.String({ minLength: 1, maxLength: 100 }),
            from: Type.String({ format: "date-time" }),
            to: Type.Optional(Type.String({ format: "date-time" })),
          },
          { additionalProperties: false },
        ),
        response: answers(BookingReplySchema),
      },
    },
    async (request): Promise<BookingReply> => {
      checkContainer(request.params.container);
      const { owner, from, to } = request.body;
      return bookings.put(request.principal, request.params.container, {
        owner,
        from,
        ...(to !== undefined && { to }),
      });
    },
  );
}
