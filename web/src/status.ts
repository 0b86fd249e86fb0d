import type { AlertType, ContainerStatus } from "@landfall/proto/api";

/** How a container's state is shown: always a word and a shape, the colour only helps. */
export interface StatusLook {
  readonly word: string;
  /** CSS custom property of its colour. */
  readonly colour: string;
  /** Shape in a box of 12 × 12. */
  readonly path: string;
  /** Drawn as an outline instead of filled. */
  readonly hollow?: boolean;
}

export const STATUS_LOOK: Readonly<Record<ContainerStatus, StatusLook>> = {
  lost: { word: "Lost", colour: "--status-lost", path: "M6 1.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9Z" },
  "out-of-range": { word: "Out of range", colour: "--status-range", path: "M6 1L11.5 10.8H.5Z" },
  "no-power": { word: "No power", colour: "--status-power", path: "M7.4.3L1.8 6.9H5.1L4.4 11.7L10.2 4.9H6.7Z" },
  "door-open": { word: "Door open", colour: "--status-door", path: "M11 1H1V11H11V8.2H4V3.8H11Z" },
  unknown: { word: "Silent", colour: "--status-silent", path: "M2 2H10V10H2Z", hollow: true },
  fine: { word: "Fine", colour: "--status-fine", path: "M1.5 1.5H10.5V10.5H1.5Z" },
};

/** Worst first: the order of strips, lists and legends. */
export const STATUS_ORDER = Object.keys(STATUS_LOOK) as readonly ContainerStatus[];

export const ALERT_WORDS: Readonly<Record<AlertType, string>> = {
  LOST: "Lost",
  SILENT: "Silent",
  OUT_OF_RANGE: "Out of range",
  NO_POWER: "No power",
  DOOR_OPEN: "Door open",
  SHOCK: "Shock",
};

/** The state that an alert speaks of; a shock leaves none behind. */
export const ALERT_STATUS: Readonly<Record<AlertType, ContainerStatus>> = {
  LOST: "lost",
  SILENT: "unknown",
  OUT_OF_RANGE: "out-of-range",
  NO_POWER: "no-power",
  DOOR_OPEN: "door-open",
  SHOCK: "out-of-range",
};
