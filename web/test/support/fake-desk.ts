import type {
  AlertReply,
  ApiAlert,
  AuditReply,
  GrantsReply,
  PeopleReply,
  RulesInForce,
  RulesReply,
  SessionReply,
  VoyagesReply,
} from "@landfall/proto/api";
import { WORLD_TIME, type FakeWorld } from "./fake-world.js";

/** The on-board rules that were sent last. */
export interface FakeRules {
  inForce?: RulesInForce<"onboard">;
}

const HOUR_MS = 3_600_000;

/** What the fake headquarters says where people work: alerts one by one, rules, people, the audit, grants. */
export function readMore(url: URL, who: Omit<SessionReply, "expires">, world: FakeWorld, rules: FakeRules): unknown {
  const [, , kind, id, part] = url.pathname.split("/");
  if (kind === "alerts" && id !== undefined) return alertReply(world, id);
  if (kind === "containers" && part === "voyages") return voyages();
  if (kind === "rules" && who.mayRule === true) return rulesReply(rules);
  if (kind === "grants" && who.mayShare === true) return { grants: [] } satisfies GrantsReply;
  if (!who.roles.includes("admin")) return undefined;
  return kind === "people" ? people() : kind === "audit" ? audit(url.searchParams) : undefined;
}

/** The alert with a word more; undefined for one that is not there. */
export function acknowledge(world: FakeWorld, id: string, by: string, body: unknown): ApiAlert | undefined {
  const index = world.alerts.findIndex((alert) => alert.id === id);
  const alert = world.alerts[index];
  if (!alert) return undefined;
  const { message } = body as { readonly message: string };
  const said = { by, site: "los-angeles", time: WORLD_TIME, knownSince: WORLD_TIME, message };
  return (world.alerts[index] = { ...alert, acknowledgements: [...(alert.acknowledgements ?? []), said] });
}

/** Sets them, or returns to the base; undefined when another version is in force than the one that is replaced. */
export function changeRules(rules: FakeRules, body: unknown, by: string): RulesInForce | undefined {
  const { rules: wanted, replaces } = (body ?? {}) as Partial<RulesInForce<"onboard">> & { replaces?: number };
  if (replaces !== undefined && replaces !== (rules.inForce?.version ?? 0)) return undefined;
  const version = (rules.inForce?.version ?? 0) + 1_024;
  rules.inForce = {
    key: "onboard",
    base: {},
    version,
    site: "los-angeles",
    time: WORLD_TIME,
    by,
    ...(wanted && { rules: wanted }),
  };
  return rules.inForce;
}

function alertReply(world: FakeWorld, id: string): AlertReply | undefined {
  const alert = world.alerts.find((one) => one.id === id);
  if (!alert) return undefined;
  const raised = Date.parse(alert.time);
  const readings = Array.from({ length: 9 }, (_, i) => ({
    time: new Date(raised + (i - 5) * HOUR_MS).toISOString(),
    temperatureC: -18 + Math.max(0, i - 2) * 0.9,
    setpointC: -18,
    powered: i < 3,
    doorOpen: i > 3,
    shockG: i === 4 ? 9.5 : 0.2,
    tiltDeg: i === 4 ? 71 : 3,
  }));
  return { alert, readings, mayAcknowledge: true };
}

function rulesReply({ inForce }: FakeRules): RulesReply {
  const onboard = inForce ?? ({ key: "onboard", base: {} } as const);
  const keys = [{ key: "access" as const, base: [] }, onboard];
  return {
    site: "los-angeles",
    owners: [
      { owner: "bigblue", keys },
      { owner: "duckworks", keys: [{ key: "onboard", base: {} }] },
    ],
  };
}

function voyages(): VoyagesReply {
  return { voyages: [{ owner: "duckworks", from: "2026-11-01T00:00:00Z", source: "gate", vessels: [] }] };
}

function people(): PeopleReply {
  const person = { disabled: false, signsIn: "password", source: "settings" } as const;
  return {
    people: [
      { name: "ops", displayName: "Big Blue operations", groups: ["bigblue-ops"], roles: ["admin"], ...person },
      { name: "ducky", displayName: "Duckworks", groups: ["duckworks"], roles: [], ...person, disabled: true },
    ],
  };
}

function audit(query: URLSearchParams): AuditReply {
  const entry = { kind: "audit", via: "session", address: "127.0.0.1", owner: "bigblue", site: "los-angeles" } as const;
  const once = { count: 1, first: WORLD_TIME, last: WORLD_TIME };
  const entries: AuditReply["entries"] = [
    {
      ...entry,
      ...once,
      offset: 2_048,
      user: "ops",
      action: "container.show",
      outcome: "allowed",
      status: 200,
      subject: "CSQU3054383",
    },
    { ...entry, ...once, offset: 1_024, user: "ducky", action: "rules.put", outcome: "refused", status: 404 },
  ];
  const [user, outcome] = [query.get("user"), query.get("outcome")];
  return {
    entries: entries.filter(
      (one) => (user === null || one.user === user) && (outcome === null || one.outcome === outcome),
    ),
  };
}
