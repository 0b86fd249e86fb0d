import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { SitesReply } from "@landfall/proto/api";
import type { Principal } from "@landfall/streams/access/policy";
import type { Env } from "@landfall/streams/env";
import { streamName } from "@landfall/streams/model/names";
import { createNode } from "@landfall/streams/node/create-node";
import type { LandfallNode } from "@landfall/streams/node/node";
import { Attempts } from "./auth/attempts.js";
import { mayControl } from "./auth/controls.js";
import { PasswordChecker } from "./auth/password-checker.js";
import { AlertsDesk } from "./alerts/alerts-desk.js";
import { AuditList } from "./audit/audit-list.js";
import { Credentials } from "./auth/credentials.js";
import { MachineTokens } from "./auth/machine-tokens.js";
import { OidcSignIn } from "./auth/oidc.js";
import { People } from "./auth/people.js";
import { PeopleDesk } from "./auth/people-desk.js";
import { SeeAs } from "./auth/see-as.js";
import { SetupToken } from "./auth/setup-token.js";
import { Sessions } from "./auth/sessions.js";
import { Bookings } from "./bookings/bookings.js";
import { OriginTimes } from "./history/origin-times.js";
import { GrantsDesk } from "./grants/grants-desk.js";
import { VoyageKeeper } from "./grants/voyage-keeper.js";
import { addHqRoutes } from "./http/server.js";
import { LiveHub } from "./live/hub.js";
import { HISTORIES_AT_ONCE, HISTORIES_WAITING_MAX } from "./limits.js";
import { ContainerFinder } from "./map/container-search.js";
import { registerHqMetrics } from "./metrics.js";
import { FleetTolerance } from "./rules/range-tolerance.js";
import { RulesDesk } from "./rules/rules-desk.js";
import type { HqSettings } from "./settings.js";
import { SimulatorClient } from "./simulation/client.js";
import { SimulationFeed } from "./simulation/feed.js";
import { describeSites } from "./sites/sites.js";
import { readStatuses } from "./sites/statuses.js";
import { Gate } from "./util/gate.js";
import { Excerpts } from "./view/excerpts.js";
import { FleetSync } from "./view/fleet-sync.js";
import { FleetView } from "./view/fleet-view.js";
import { Perspectives } from "./view/perspectives.js";
import { ViewCheckpoint } from "./view/view-checkpoint.js";

const HOUR_MS = 3_600_000;

export interface Hq {
  readonly node: LandfallNode;
  readonly view: FleetView;
  readonly sync: FleetSync;
  /** Writes the audit. */
  readonly audit: Pick<LandfallNode["audit"], "flush">;
  readonly failed: LandfallNode["failed"];
  start(): Promise<void>;
  close(): Promise<void>;
}

export interface HqOptions {
  readonly env?: Env;
  /** Milliseconds between two updates of the live feed; tests want it faster. */
  readonly liveTickMs?: number;
  /** Shown the token of a first start, instead of the log. */
  readonly onSetupToken?: (token: string) => void;
}

/**
 * A headquarters: a node, the fleet view over its streams, people and the map.
 * @throws LandfallError what `createNode` throws
 */
export async function createHq(settings: HqSettings, options: HqOptions = {}): Promise<Hq> {
  const node = await createNode(settings, options.env ? { env: options.env } : {});
  try {
    return await furnish(node, settings, options);
  } catch (error) {
    await node.close();
    throw error;
  }
}

async function furnish(node: LandfallNode, settings: HqSettings, options: HqOptions): Promise<Hq> {
  const { env, store, policy, replication, log } = node;
  const { liveTickMs, onSetupToken = (token: string) => tellSetup(token, node) } = options;
  const view = new FleetView();
  const folder = join(settings.data, "hq");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const sync = new FleetSync(
    store,
    view,
    (stream, error) => {
      log.error({ err: error, stream }, "a stream of the fleet view cannot be read");
      const message = error instanceof Error ? error.message : String(error);
      node.exceptions.report({ code: "VIEW_STREAM_UNREADABLE", source: "hq", message, detail: { stream } });
    },
    new ViewCheckpoint({
      path: join(folder, "view"),
      store,
      env,
      onError: (error) => log.warn({ err: error }, "what was kept of the fleet view cannot be used, or not written"),
    }),
  );
  const ships = new Map(settings.sites.map((entry) => [entry.imo, entry]));
  const perspectives = new Perspectives(
    view,
    policy,
    {
      shipName: (imo) => ships.get(imo)?.name,
      lastLink: (stream, origin) => replication.arrivedOver(stream, origin),
      rangeTolerance: new FleetTolerance({
        rules: node.rules,
        owner: node.self.owner,
        ownerOfShip: (imo) => ships.get(imo)?.owner,
      }),
    },
    Math.floor(env.random() * 2 ** 48).toString(36),
  );
  const excerpts = new Excerpts({
    store,
    view,
    env,
    inForce: () => node.grants.inForce(),
    onError: (stream, error) => log.error({ err: error, stream }, "a part of a stream that is shared cannot be read"),
  });
  // First of all who hear of it: what ended is gone before anybody is shown anything.
  const stopExcerpts = policy.onChange(() => excerpts.update());
  const imos = new Map(settings.sites.map(({ site, imo }) => [site, imo]));
  const owners = new Map(settings.sites.map(({ site, owner }) => [site, owner]));

  const sitesFor = (principal: Principal): SitesReply => {
    const perspective = perspectives.of(principal);
    // Streams that are not part of the fleet view are held and handed on as well.
    const readable = new Set(
      [...store.streams(), ...replication.peers().flatMap(({ holdings }) => [...holdings.keys()])].filter((stream) =>
        policy.allows(principal, "read", stream),
      ),
    );
    return describeSites({
      self: node.self,
      node: settings.node,
      sites: settings.sites,
      readable,
      statuses: readStatuses(view, readable, (site) => owners.get(site)),
      readsMetricsOf: (owner) => policy.allows(principal, "read", streamName(`${owner}.metrics`)),
      peers: replication.peers(),
      links: replication.links(),
      vectorOf: (stream) => store.vector(stream),
      ship: (imo) => perspective.ship(imo)?.state,
      now: env.now(),
    });
  };

  const people = await People.load(folder, settings.users);
  const sessions = await Sessions.load(folder, {
    env,
    people,
    lastsMs: settings.sessionHours * HOUR_MS,
    idleMs: settings.sessionIdleHours * HOUR_MS,
    onError: (error) => log.error({ err: error }, "the use of a session cannot be written down"),
  });
  const tokens = await MachineTokens.load(folder, env, people);
  const setup = new SetupToken(env, people);
  const simulator = settings.simulation && new SimulatorClient(settings.simulation.url);
  const simulation = simulator && new SimulationFeed(simulator, env, log);
  const hub = new LiveHub({
    view,
    perspectives,
    sitesFor,
    simulation,
    mayControl: (principal) => mayControl(principal, settings),
    env,
    onRules(listener) {
      const stops = [policy.onChange(listener), excerpts.onRead(listener)];
      return () => {
        for (const stop of stops) stop();
      };
    },
    ...(liveTickMs !== undefined && { tickMs: liveTickMs }),
  });
  const grantsDesk = new GrantsDesk({
    store,
    policy,
    env,
    grants: node.grants,
    rules: node.rules,
    excerpts,
    view,
    perspectives,
    site: settings.site,
  });
  const keeper = new VoyageKeeper({
    view,
    sync,
    grants: node.grants,
    rules: node.rules,
    desk: grantsDesk,
    site: settings.site,
    onError: ({ owner, id }, error) => log.error({ err: error, owner, id }, "a voyage's grant cannot be ended"),
  });
  const stopKeeper = store.onCommit((committed) => keeper.committed(committed));
  const stopLooking = policy.onChange((what) => {
    if (what === "grants") keeper.lookAgain();
  });
  const whenReady = (async () => {
    await sync.whenRebuilt;
    await excerpts.settled();
    keeper.lookAgain();
  })();
  const histories = new Gate(HISTORIES_AT_ONCE, HISTORIES_WAITING_MAX, "too many histories are asked for");
  const historyParts = { store, times: new OriginTimes(store), imoOf: (site: string) => imos.get(site) };
  await addHqRoutes(
    {
      alertsDesk: new AlertsDesk({ store, policy, env, view, sync, perspectives, histories, historyParts }),
      grantsDesk,
      whenReady,
      node,
      settings,
      view,
      sync,
      perspectives,
      finder: new ContainerFinder(env),
      bookings: new Bookings({ store, policy, env, view, sync }),
      rulesDesk: new RulesDesk({
        store,
        policy,
        env,
        settings,
        rules: node.rules,
        streams: () => store.streams(),
        site: settings.site,
      }),
      people,
      seeAs: new SeeAs(people),
      peopleDesk: new PeopleDesk({ people, sessions, tokens, env }),
      sessions,
      tokens,
      setup,
      oidc: settings.oidc && new OidcSignIn(settings.oidc, env),
      signIn: { passwords: new PasswordChecker(people), attempts: new Attempts(), env },
      auditList: new AuditList(store, policy),
      hub,
      histories,
      historyParts,
      simulator,
      sitesFor,
    },
    new Credentials(
      sessions,
      tokens,
      (text) => node.http.parseCookie(text),
      (name) => people.get(name),
    ),
  );
  node.readiness.add("fleet view", () => {
    if (!sync.isRebuilt) return `being brought up to date from the streams: ${sync.records} records so far`;
    // This is open to everybody: which streams there are is not.
    return sync.failing.size === 0 ? undefined : `cannot read ${sync.failing.size} of the streams; the log says which`;
  });
  registerHqMetrics(node.registry, { view, sync, hub });

  return {
    node,
    view,
    sync,
    audit: node.audit,
    failed: node.failed,
    async start() {
      const rebuilding = sync.start();
      excerpts.update();
      await node.start();
      const token = setup.make();
      if (token !== undefined) onSetupToken(token);
      const begun = env.monotonic();
      rebuilding
        .then(() =>
          log.info({ records: sync.records, ms: Math.round(env.monotonic() - begun) }, "fleet view is rebuilt"),
        )
        .catch((error: unknown) => log.error({ err: error }, "the fleet view cannot be rebuilt"));
    },
    async close() {
      hub.close();
      stopExcerpts();
      stopKeeper();
      stopLooking();
      await keeper.stop();
      await excerpts.stop();
      await sync.stop();
      await node.close();
    },
  };
}

/** The one time that a secret stands in the log: whoever can read it runs this headquarters. */
function tellSetup(token: string, { log, http, settings }: LandfallNode): void {
  const address = http.server.address();
  const port = address !== null && typeof address === "object" ? address.port : settings.http.port;
  const words =
    `nobody is known here yet: make the first administrator at http://${settings.http.host}:${port}/setup ` +
    `with this token, within an hour: ${token}`;
  if (log.isLevelEnabled("warn")) log.warn(words);
  else process.stderr.write(`landfall hq: ${words}\n`);
}
