import type {
  AlertsReply,
  ApiAlert,
  ContainerHistoryReply,
  ContainersReply,
  ContainerState,
  ContainerStatus,
  LiveEvent,
  SessionReply,
  ShipHistoryReply,
  ShipsReply,
  SignedOutProblem,
  SimulationState,
  SitesReply,
} from "@landfall/proto/api";
import type { Units } from "../format/units.js";
import type { Box, Selection, Tab, TimeWindow, ValueLimit, View } from "../url-state.js";

/** A page of single containers, and whether there are more. */
export interface ContainerPage {
  readonly containers: readonly ContainerState[];
  readonly matched: number;
  readonly next?: string;
}

/** Lists of single containers that the panel shows. */
export type ListName = "fleet" | "aboard" | "search";

/** Whatever can be loaded and failed to. */
export type Part = "ships" | "alerts" | "sites" | "marks" | "detail" | "history" | "closer" | ListName;

/** A history as it came, of whichever kind. */
export type History =
  | { readonly kind: "container"; readonly reply: ContainerHistoryReply }
  | { readonly kind: "ship"; readonly reply: ShipHistoryReply };

/** How somebody can come in here. */
export type WaysIn = Pick<SignedOutProblem, "demo" | "setup" | "provider">;

export type Action =
  | { readonly type: "session/checking" }
  | { readonly type: "session/signing-in" }
  | { readonly type: "session/signed-in"; readonly session: SessionReply }
  | ({ readonly type: "session/signed-out"; readonly message?: string } & WaysIn)
  | { readonly type: "session/unreachable"; readonly message: string }
  | { readonly type: "view/replaced"; readonly view: View }
  | { readonly type: "view/tab"; readonly tab: Tab }
  | { readonly type: "view/selected"; readonly selection?: Selection }
  | { readonly type: "view/moved"; readonly box: Box }
  | { readonly type: "view/at"; readonly atMs?: number }
  | { readonly type: "view/measure"; readonly measure: string }
  /** Shows or hides the containers in this state; without one, all are shown again. */
  | { readonly type: "view/status"; readonly status?: ContainerStatus }
  | { readonly type: "view/window"; readonly window?: TimeWindow }
  | { readonly type: "view/follow"; readonly follow: boolean }
  | { readonly type: "view/limit"; readonly limit?: ValueLimit }
  | { readonly type: "units/chosen"; readonly units: Units }
  | { readonly type: "connection/open"; readonly nowMs: number }
  | { readonly type: "connection/lost"; readonly nowMs: number; readonly retryAtMs: number; readonly message: string }
  | { readonly type: "live"; readonly event: LiveEvent; readonly nowMs: number }
  | { readonly type: "loading"; readonly part: Part }
  | { readonly type: "failed"; readonly part: Part; readonly message: string; readonly missing: boolean }
  | { readonly type: "ships/loaded"; readonly reply: ShipsReply }
  | { readonly type: "alerts/loaded"; readonly reply: AlertsReply }
  /** As the server answered to what was said on it here. */
  | { readonly type: "alert/answered"; readonly alert: ApiAlert }
  | { readonly type: "sites/loaded"; readonly reply: SitesReply }
  | { readonly type: "marks/loaded"; readonly reply: ContainersReply }
  | { readonly type: "list/loaded"; readonly list: ListName; readonly page: ContainerPage; readonly append: boolean }
  | { readonly type: "detail/loaded"; readonly container: ContainerState }
  | { readonly type: "history/loaded"; readonly history: History }
  | { readonly type: "closer/loaded"; readonly history: History }
  | { readonly type: "simulation/loaded"; readonly simulation: SimulationState; readonly nowMs: number }
  | { readonly type: "search/typed"; readonly text: string }
  | { readonly type: "command/started"; readonly key: string }
  | { readonly type: "command/done"; readonly key: string; readonly notice: string }
  | { readonly type: "command/failed"; readonly key: string; readonly message: string }
  | { readonly type: "notice/gone"; readonly id: number };
