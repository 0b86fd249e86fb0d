import type { SessionReply, SetupState } from "@landfall/proto/api";
import { LandfallError } from "@landfall/streams/model/errors";
import { Type } from "typebox";
import { checkNewPassword } from "../../auth/person.js";
import { hashPassword } from "../../auth/password-checker.js";
import { BODY_BYTES_MAX, PASSWORD_CHARS_MAX, USERNAME_CHARS_MAX } from "../../limits.js";
import type { HqApp, HqContext } from "../context.js";
import { answers, SessionReplySchema } from "../schemas.js";
import { beginSession, describeSession } from "../sessions-at-hand.js";

const tags = ["session"];
const Text = (max: number) => Type.String({ minLength: 1, maxLength: max });

/** The first administrator, made by whoever can read the log of the first start. */
export function addSetupRoutes(app: HqApp, context: HqContext): void {
  const { setup, people, node, signInLimit } = context;
  app.get(
    "/api/setup",
    {
      config: { isPublic: true, audit: "nothing" },
      schema: {
        tags,
        summary: "Whether the first administrator is still to be made",
        response: answers(Type.Object({ isOpen: Type.Boolean() }, { additionalProperties: false })),
      },
    },
    (): SetupState => ({ isOpen: setup.isOpen }),
  );

  app.post(
    "/api/setup",
    {
      bodyLimit: BODY_BYTES_MAX,
      onRequest: signInLimit,
      config: {
        isPublic: true,
        audit: { action: "person.first", kind: "change", subject: () => people.list()[0]?.name },
      },
      schema: {
        tags,
        summary: "Make the first administrator, with the token that the log shows, and sign in",
        body: Type.Object(
          {
            token: Text(200),
            username: Text(USERNAME_CHARS_MAX),
            password: Text(PASSWORD_CHARS_MAX),
            displayName: Type.Optional(Text(255)),
          },
          { additionalProperties: false },
        ),
        response: answers(SessionReplySchema),
      },
    },
    async ({ body }, reply): Promise<SessionReply> => {
      if (!setup.isOpen) throw new LandfallError("NOT_FOUND", "there is an administrator already: sign in");
      setup.check(body.token);
      const { username: name, password, displayName } = body;
      checkNewPassword(name, password);
      const person = await people.addFirst({
        name,
        ...(displayName !== undefined && { displayName }),
        passwordHash: await hashPassword(password),
        // Who runs this company's sites, as every node knows them.
        groups: [`${node.self.owner}-ops`],
        roles: ["admin"],
      });
      setup.spend();
      const { session, token } = await beginSession(context, reply, person);
      return { ...describeSession(context, session), token };
    },
  );
}
