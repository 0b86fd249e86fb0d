import { fileURLToPath } from "node:url";
import { NodeSettingsSchema, PathText } from "@landfall/streams/settings/node-settings-schema";
import { parseOptions } from "@node-rs/argon2";
import { Type, type Static } from "typebox";
import { NAME_PATTERN, nameProblem } from "./auth/person.js";
import { PASSWORD_CHARS_MAX, USERNAME_CHARS_MAX } from "./limits.js";

const words = () => Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { default: [] });

/** Where the map is built in this repository, seen from `hq/dist/src`. */
const BUILT_MAP = fileURLToPath(new URL("../../../web/dist", import.meta.url));

/**
 * One origin by its name or IPv4 address, so that it can be named to browsers: nothing is filled in before the path, and
 * no password stands there. In the path, what the map can fill in, and no other braces.
 */
const TILES_PATTERN =
  "^(?=.*\\{z\\})(?=.*\\{x\\})(?=.*\\{y\\})https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/([^\\s{}#]|\\{[zxyr]\\})+$";

/** The YAML file of a headquarters: a node's settings, and people. */
export const HqSettingsSchema = Type.Object({
  ...NodeSettingsSchema.properties,
  users: Type.Array(
    Type.Object({
      name: Type.String({
        pattern: NAME_PATTERN,
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
  map: Type.Optional(
    Type.Object({
      /** A server of map tiles, which browsers ask themselves; without it the map has its own land, and asks nobody. */
      tiles: Type.Object({
        url: Type.String({
          pattern: TILES_PATTERN,
          maxLength: 1_000,
          wanted: "an http or https address with {z}, {x} and {y}, e.g. https://tiles.example/{z}/{x}/{y}.png",
        }),
        /** Whose map it is, as its licence asks. */
        attribution: Type.String({ minLength: 1, maxLength: 200 }),
        /** The closest zoom that it has; beyond it, its tiles are enlarged. */
        maxZoom: Type.Integer({ minimum: 1, maximum: 22, default: 19 }),
      }),
    }),
  ),
  sessionHours: Type.Number({ minimum: 0.01, maximum: 24 * 365, default: 24 }),
  /** Hours without a request, or an open map, after which a session ends. */
  sessionIdleHours: Type.Number({ minimum: 0.01, maximum: 24 * 365, default: 4 }),
  limits: Type.Object({
    /** Attempts to sign in, right or wrong, in a minute from one address. */
    signInsPerMinute: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 120 }),
    /** Requests in a minute from one address, and by one person or program. */
    requestsPerMinutePerAddress: Type.Integer({ minimum: 1, maximum: 10_000_000, default: 12_000 }),
    requestsPerMinute: Type.Integer({ minimum: 1, maximum: 10_000_000, default: 6_000 }),
    /** Histories as files in a minute by one person or program. */
    exportsPerMinute: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 300 }),
  }),
  /** Whether the session's cookie is for HTTPS alone; by default as the request came. Set it behind a proxy that speaks HTTPS. */
  cookieSecure: Type.Optional(Type.Boolean()),
  /** An identity provider (OpenID Connect) at which people can sign in. */
  oidc: Type.Optional(
    Type.Object({
      /** As it calls itself; its addresses are found below it. */
      issuer: Type.String({
        pattern: "^(https://|http://(127\\.0\\.0\\.1|localhost|\\[::1\\])[:/])[^ ]+$",
        wanted: "an https address, e.g. https://id.example (http only on this machine)",
      }),
      clientId: Type.String({ minLength: 1, maxLength: 255 }),
      clientSecret: Type.Optional(Type.String({ minLength: 1, maxLength: 512, isSecret: true, wanted: "a secret" })),
      clientSecretFile: Type.Optional(PathText),
      /** The address of this headquarters as browsers have it; `/api/oidc/callback` below it is where they come back to. */
      publicUrl: Type.String({ pattern: "^https?://[^/ ]+/?$", wanted: "an address, e.g. https://hq.example" }),
      /** On the sign-in page. */
      name: Type.String({ minLength: 1, maxLength: 100, default: "the company's account" }),
      scope: Type.String({ minLength: 6, maxLength: 500, default: "openid profile email" }),
      nameClaim: Type.String({ minLength: 1, maxLength: 100, default: "preferred_username" }),
      /** Before every name that comes from there. */
      namePrefix: Type.String({ pattern: "^[a-z0-9][a-z0-9._-]*$", maxLength: 50, default: "sso." }),
      groupsClaim: Type.String({ minLength: 1, maxLength: 100, default: "groups" }),
      /** What a group there means here; `*` is everybody. Whoever has none of them is not let in. */
      groups: Type.Array(
        Type.Object({ claim: Type.String({ minLength: 1, maxLength: 255 }), groups: words(), roles: words() }),
        { minItems: 1 },
      ),
    }),
  ),
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
export type OidcSettings = NonNullable<HqSettings["oidc"]>;
export type UserEntry = HqSettings["users"][number];

/** Reports what a schema cannot say: names used twice, hashes that are none. */
export function checkHqSettings(
  settings: Pick<HqSettings, "users" | "oidc" | "map">,
  report: (path: readonly (string | number)[], message: string) => void,
): void {
  const { oidc, map } = settings;
  if (map && !URL.canParse(map.tiles.url)) {
    report(["map", "tiles", "url"], `map.tiles.url is ${JSON.stringify(map.tiles.url)}: no browser could go there`);
  }
  if (oidc?.clientSecret !== undefined && oidc.clientSecretFile !== undefined) {
    report(["oidc"], "oidc wants clientSecret or clientSecretFile, not both");
  }
  if (oidc && `${oidc.namePrefix}x`.startsWith("site.")) {
    report(["oidc", "namePrefix"], "oidc.namePrefix is site.: names that begin so are those of sites");
  }
  const names = new Set<string>();
  settings.users.forEach(({ name, passwordHash }, i) => {
    if (names.has(name)) report(["users", i, "name"], `users[${i}].name ${name} is there twice`);
    names.add(name);
    const problem = nameProblem(name);
    if (problem !== undefined) report(["users", i, "name"], `users[${i}].name is ${JSON.stringify(name)}: ${problem}`);
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
