import { fileURLToPath } from "node:url";
import { NodeSettingsSchema } from "@landfall/streams/settings/node-settings-schema";
import { parseOptions } from "@node-rs/argon2";
import { Type, type Static } from "typebox";
import { PASSWORD_CHARS_MAX, USERNAME_CHARS_MAX } from "./limits.js";

const words = () => Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { default: [] });

/** Where the map is built in this repository, seen from `hq/dist/src`. */
const BUILT_MAP = fileURLToPath(new URL("../../../web/dist", import.meta.url));

/** The YAML file of a headquarters: a node's settings, and people. */
export const HqSettingsSchema = Type.Object({
  ...NodeSettingsSchema.properties,
  users: Type.Array(
    Type.Object({
      name: Type.String({
        pattern: "^[a-z0-9][a-z0-9._-]*$",
        maxLength: USERNAME_CHARS_MAX,
        wanted: "a user's name: lower-case letters, digits, '.', '_' and '-'",
      }),
      displayName: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
      passwordHash: Type.String({
        pattern: "^\\$argon2id\\$",
        maxLength: 512,
        isSecret: true,
        wanted: "an argon2id hash, as `landfall hq hash-password` prints it",
      }),
      groups: words(),
      roles: words(),
    }),
    { default: [] },
  ),
  /** Folder of the built map. */
  web: Type.String({ minLength: 1, isPath: true, default: BUILT_MAP }),
  sessionHours: Type.Number({ minimum: 0.01, maximum: 24 * 365, default: 24 }),
  /** Whether the session's cookie is for HTTPS alone; by default as the request came. Set it behind a proxy that speaks HTTPS. */
  cookieSecure: Type.Optional(Type.Boolean()),
  /** The demo's simulator. */
  simulation: Type.Optional(
    Type.Object({
      url: Type.String({
        pattern: "^https?://[^/]+/?$",
        wanted: "the simulator's address, e.g. http://127.0.0.1:8099",
      }),
    }),
  ),
  /** Shown at the sign-in page of the demo. Never set it on a real installation. */
  demo: Type.Optional(
    Type.Object({
      password: Type.String({ minLength: 1, maxLength: PASSWORD_CHARS_MAX, isSecret: true }),
      users: Type.Array(
        Type.Object({
          username: Type.String({ minLength: 1, maxLength: USERNAME_CHARS_MAX }),
          sees: Type.String({ minLength: 1, maxLength: 255 }),
        }),
      ),
    }),
  ),
});

export type HqSettings = Static<typeof HqSettingsSchema>;
export type UserEntry = HqSettings["users"][number];

/** Reports what a schema cannot say: names used twice, hashes that are none. */
export function checkHqSettings(
  settings: Pick<HqSettings, "users">,
  report: (path: readonly (string | number)[], message: string) => void,
): void {
  const names = new Set<string>();
  settings.users.forEach(({ name, passwordHash }, i) => {
    if (names.has(name)) report(["users", i, "name"], `users[${i}].name ${name} is there twice`);
    names.add(name);
    try {
      parseOptions(passwordHash);
    } catch {
      report(
        ["users", i, "passwordHash"],
        `users[${i}].passwordHash is no argon2 hash: make one with \`landfall hq hash-password\``,
      );
    }
  });
}
