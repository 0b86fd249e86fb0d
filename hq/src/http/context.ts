import type { SitesReply } from "@landfall/proto/api";
import type { Principal } from "@landfall/streams/access/policy";
import type { LandfallNode } from "@landfall/streams/node/node";
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from "fastify";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { onRequestAsyncHookHandler } from "fastify";
import type { AlertsDesk } from "../alerts/alerts-desk.js";
import type { AuditList } from "../audit/audit-list.js";
import type { Credential } from "../auth/credentials.js";
import type { MachineTokens } from "../auth/machine-tokens.js";
import type { OidcSignIn } from "../auth/oidc.js";
import type { People } from "../auth/people.js";
import type { PeopleDesk } from "../auth/people-desk.js";
import type { SeeAs } from "../auth/see-as.js";
import type { Sessions } from "../auth/sessions.js";
import type { SetupToken } from "../auth/setup-token.js";
import type { SignInParts } from "../auth/sign-in.js";
import type { Bookings } from "../bookings/bookings.js";
import type { GrantsDesk } from "../grants/grants-desk.js";
import type { HistoryParts } from "../history/container-history.js";
import type { LiveHub } from "../live/hub.js";
import type { ContainerFinder } from "../map/container-search.js";
import type { RulesDesk } from "../rules/rules-desk.js";
import type { HqSettings } from "../settings.js";
import type { SimulatorClient } from "../simulation/client.js";
import type { Gate } from "../util/gate.js";
import type { FleetSync } from "../view/fleet-sync.js";
import type { FleetView } from "../view/fleet-view.js";
import type { Perspectives } from "../view/perspectives.js";

/** What the routes of a headquarters are built on. */
export interface HqContext {
  readonly node: LandfallNode;
  readonly settings: HqSettings;
  readonly view: FleetView;
  readonly sync: FleetSync;
  readonly perspectives: Perspectives;
  readonly finder: ContainerFinder;
  readonly bookings: Bookings;
  readonly alertsDesk: AlertsDesk;
  readonly rulesDesk: RulesDesk;
  readonly people: People;
  readonly peopleDesk: PeopleDesk;
  readonly seeAs: SeeAs;
  readonly grantsDesk: GrantsDesk;
  /** Resolves when the view shows what the store held at the start. */
  readonly whenReady: Promise<void>;
  readonly sessions: Sessions;
  readonly tokens: MachineTokens;
  readonly setup: SetupToken;
  /** Where the settings name an identity provider. */
  readonly oidc: OidcSignIn | undefined;
  readonly signIn: SignInParts;
  readonly auditList: AuditList;
  /** On routes at which secrets can be guessed. */
  readonly signInLimit: onRequestAsyncHookHandler;
  readonly hub: LiveHub;
  /** Long histories take memory: a few at a time. */
  readonly histories: Gate;
  readonly historyParts: HistoryParts;
  readonly simulator: SimulatorClient | undefined;
  readonly sitesFor: (principal: Principal) => SitesReply;
}

/** Routes with their schemas' types. */
export type HqApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

declare module "fastify" {
  interface FastifyRequest {
    /** Who asks; set before any route of a headquarters is called. */
    principal: Principal;
    /** What they proved it with; absent for strangers and for tokens of the settings. */
    credential: Credential | undefined;
  }
  interface FastifyContextConfig {
    /** Answers without a session too. */
    isPublic?: boolean;
  }
}
