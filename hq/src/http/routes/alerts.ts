import type { AlertsReply } from "@landfall/proto/api";
import { Type } from "typebox";
import { ALERTS_LIMIT_DEFAULT, ALERTS_LIMIT_MAX } from "../../limits.js";
import { listAlerts } from "../../view/alert-list.js";
import type { HqApp, HqContext } from "../context.js";
import { AlertsReplySchema, answers } from "../schemas.js";

export function addAlertRoutes(app: HqApp, { view, perspectives }: HqContext): void {
  app.get(
    "/api/alerts",
    {
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
}
