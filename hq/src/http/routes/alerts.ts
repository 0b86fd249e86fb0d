import type { AlertReply, AlertsReply, ApiAlert } from "@landfall/proto/api";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { ACKNOWLEDGEMENT_CHARS_MAX, ALERTS_LIMIT_DEFAULT, ALERTS_LIMIT_MAX, BODY_BYTES_MAX } from "../../limits.js";
import { listAlerts } from "../../view/alert-list.js";
import type { HqApp, HqContext } from "../context.js";
import { AlertReplySchema, AlertsReplySchema, answers, ApiAlertSchema } from "../schemas.js";

const Params = Type.Object({ id: Type.String({ minLength: 1, maxLength: 128 }) });
const idOf = ({ params }: FastifyRequest): string => (params as { readonly id: string }).id;

export function addAlertRoutes(app: HqApp, { view, perspectives, alertsDesk }: HqContext): void {
  /** Whose records an answer shows or adds to: known once it is made, and asked for by the audit when it is sent. */
  const owners = new WeakMap<FastifyRequest, readonly string[]>();
  const ownersOf = (request: FastifyRequest): readonly string[] => owners.get(request) ?? [];

  app.get(
    "/api/alerts",
    {
      config: { audit: { action: "alert.list", kind: "read" } },
      schema: {
        tags: ["alerts"],
        summary: "Alerts, newest first",
        querystring: Type.Object(
          {
            state: Type.Optional(
              Type.String({ enum: ["raised", "cleared"], description: "Only open, or only closed" }),
            ),
            container: Type.Optional(Type.String({ minLength: 1, maxLength: 32 })),
            limit: Type.Integer({ minimum: 1, maximum: ALERTS_LIMIT_MAX, default: ALERTS_LIMIT_DEFAULT }),
          },
          { additionalProperties: false },
        ),
        response: answers(AlertsReplySchema),
      },
    },
    (request): AlertsReply => {
      const { state, container, limit } = request.query;
      return {
        alerts: listAlerts(view, perspectives.of(request.principal).readable, {
          limit,
          ...(container !== undefined && { container }),
          ...(state !== undefined && { state: state as "raised" | "cleared" }),
        }),
      };
    },
  );

  app.get(
    "/api/alerts/:id",
    {
      config: { audit: { action: "alert.show", kind: "read", subject: idOf, owners: ownersOf } },
      schema: {
        tags: ["alerts"],
        summary: "One alert, what people said on it, and what was measured around it as far as it came ashore",
        params: Params,
        response: answers(AlertReplySchema),
      },
    },
    async (request): Promise<AlertReply> => {
      const shown = await alertsDesk.show(request.principal, request.params.id);
      owners.set(request, shown.owners);
      return shown.reply;
    },
  );

  app.post(
    "/api/alerts/:id/ack",
    {
      bodyLimit: BODY_BYTES_MAX,
      config: { audit: { action: "alert.acknowledge", kind: "change", subject: idOf, owners: ownersOf } },
      schema: {
        tags: ["alerts"],
        summary: "Say a word on an alert: it is kept beside it, with who and when, and goes wherever the alert goes",
        params: Params,
        body: Type.Object(
          { message: Type.String({ minLength: 1, maxLength: ACKNOWLEDGEMENT_CHARS_MAX }) },
          { additionalProperties: false },
        ),
        response: answers(ApiAlertSchema),
      },
    },
    async (request): Promise<ApiAlert> => {
      const alert = await alertsDesk.acknowledge(request.principal, request.params.id, request.body.message);
      owners.set(request, [alert.owner]);
      return alert;
    },
  );
}
