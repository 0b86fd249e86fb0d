import type { AuditReply } from "@landfall/proto/api";
import { Type } from "typebox";
import { mayManagePeople } from "../../auth/controls.js";
import { AUDIT_SUBJECT_CHARS_MAX } from "@landfall/streams/audit/audit-limits";
import { AUDIT_LIMIT_DEFAULT, AUDIT_LIMIT_MAX, USERNAME_CHARS_MAX } from "../../limits.js";
import type { HqApp, HqContext } from "../context.js";
import { forThose } from "../refusals.js";
import { answers, AuditReplySchema } from "../schemas.js";

const Words = (max: number, description: string) => Type.Optional(Type.String({ maxLength: max, description }));

/** Who did what: for administrators, of the companies whose audit they may read. */
export function addAuditRoute(app: HqApp, { auditList }: HqContext): void {
  app.get(
    "/api/audit",
    {
      onRequest: forThose(mayManagePeople),
      config: { audit: { action: "audit.list", kind: "read" } },
      schema: {
        tags: ["audit"],
        summary: "Who read, exported, signed in and changed what, newest first; for administrators",
        querystring: Type.Object(
          {
            owner: Words(100, "Company whose audit it is"),
            user: Words(USERNAME_CHARS_MAX, "By this person"),
            action: Words(64, "`container.export`, or `container` for all that is done with containers"),
            outcome: Type.Optional(Type.String({ enum: ["allowed", "refused", "failed"] })),
            subject: Words(AUDIT_SUBJECT_CHARS_MAX, "About this container, ship, stream or person"),
            before: Words(32, "`next` of the page before"),
            limit: Type.Integer({ minimum: 1, maximum: AUDIT_LIMIT_MAX, default: AUDIT_LIMIT_DEFAULT }),
          },
          { additionalProperties: false },
        ),
        response: answers(AuditReplySchema),
      },
    },
    (request): Promise<AuditReply> => auditList.list(request.principal, request.query),
  );
}
