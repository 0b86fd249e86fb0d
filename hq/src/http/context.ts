import type { SitesReply } from "@landfall/proto/api";
import type { Principal } from "@landfall/streams/access/policy";
import type { LandfallNode } from "@landfall/streams/node/node";
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from "fastify";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Attempts } from "../auth/attempts.js";
import type { PasswordChecker } from "../auth/password-checker.js";
import type { Session, Sessions } from "../auth/sessions.js";
import type { Bookings } from "../bookings/bookings.js";
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
  readonly rulesDesk: RulesDesk;
  readonly sessions: Sessions;
  readonly passwords: PasswordChecker;
  readonly attempts: Attempts;
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
    /** Their session; absent for a program with a token of the settings. */
    landfallSession: Session | undefined;
  }
  interface FastifyContextConfig {
    /** Answers without a session too. */
    isPublic?: boolean;
  }
}
