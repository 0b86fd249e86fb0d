import type { PeopleReply, PersonReply } from "@landfall/proto/api";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { mayManagePeople } from "../../auth/controls.js";
import { describePerson } from "../../auth/person.js";
import { BODY_BYTES_MAX, GROUPS_PER_PERSON_MAX, PASSWORD_CHARS_MAX, USERNAME_CHARS_MAX } from "../../limits.js";
import type { HqApp, HqContext } from "../context.js";
import { forThose } from "../refusals.js";
import { answers, answersNothing, PeopleReplySchema, PersonSchema } from "../schemas.js";

const tags = ["people"];
const Params = Type.Object({ name: Type.String({ minLength: 1, maxLength: USERNAME_CHARS_MAX }) });
const DisplayName = Type.String({ minLength: 1, maxLength: 255 });
const Words = Type.Array(Type.String({ minLength: 1, maxLength: 255, pattern: "^[A-Za-z0-9][A-Za-z0-9._-]*$" }), {
  maxItems: GROUPS_PER_PERSON_MAX,
});
const Password = Type.String({ minLength: 1, maxLength: PASSWORD_CHARS_MAX });
const fields = {
  groups: Type.Optional(Words),
  roles: Type.Optional(Words),
  password: Type.Optional(Password),
};
const nameInPath = ({ params }: FastifyRequest): string => (params as { readonly name: string }).name;
/** What was said of somebody; of a password only that it was. */
const detail = ({ body }: FastifyRequest): Readonly<Record<string, unknown>> => {
  const { password, ...said } = body as { readonly password?: string };
  return { ...said, ...(password !== undefined && { password: "changed" }) };
};

/** Who may come in: for administrators. To others there are no such routes. */
export function addPeopleRoutes(app: HqApp, { people, peopleDesk }: HqContext): void {
  const onRequest = forThose(mayManagePeople);
  const describe = (person: Parameters<typeof describePerson>[0]): PersonReply =>
    describePerson(person, people.isOfSettings(person.name));

  app.get(
    "/api/people",
    {
      onRequest,
      config: { audit: { action: "person.list", kind: "read" } },
      schema: { tags, summary: "Who may come in; for administrators", response: answers(PeopleReplySchema) },
    },
    (): PeopleReply => ({ people: people.list().map(describe) }),
  );

  app.post(
    "/api/people",
    {
      bodyLimit: BODY_BYTES_MAX,
      onRequest,
      config: {
        audit: {
          action: "person.add",
          kind: "change",
          subject: ({ body }) => (body as { readonly name?: string } | undefined)?.name,
          detail,
        },
      },
      schema: {
        tags,
        summary: "Add somebody; without a password they have tokens alone; for administrators",
        body: Type.Object(
          {
            name: Type.String({ minLength: 1, maxLength: USERNAME_CHARS_MAX }),
            displayName: Type.Optional(DisplayName),
            ...fields,
          },
          { additionalProperties: false },
        ),
        response: answers(PersonSchema),
      },
    },
    async ({ body }): Promise<PersonReply> => describe(await peopleDesk.add(body)),
  );

  app.patch(
    "/api/people/:name",
    {
      bodyLimit: BODY_BYTES_MAX,
      onRequest,
      config: { audit: { action: "person.change", kind: "change", subject: nameInPath, detail } },
      schema: {
        tags,
        summary: "Change somebody; with another password, or disabled, all their sessions end; for administrators",
        params: Params,
        body: Type.Object(
          {
            displayName: Type.Optional(Type.Union([DisplayName, Type.Null()])),
            disabled: Type.Optional(Type.Boolean()),
            ...fields,
          },
          { additionalProperties: false, minProperties: 1 },
        ),
        response: answers(PersonSchema),
      },
    },
    async ({ params, body }): Promise<PersonReply> => describe(await peopleDesk.change(params.name, body)),
  );

  app.delete(
    "/api/people/:name",
    {
      onRequest,
      config: { audit: { action: "person.remove", kind: "change", subject: nameInPath } },
      schema: {
        tags,
        summary: "Forget somebody, with their sessions and tokens; for administrators",
        params: Params,
        response: answersNothing("They are not known here any more"),
      },
    },
    async ({ params }, reply) => {
      await peopleDesk.remove(params.name);
      return reply.code(204).send();
    },
  );
}
