import type { ContainerStatus } from "@landfall/proto/api";
import { STATUS_LOOK, STATUS_ORDER } from "../status.js";

/** Colours of the canvas, read from the style sheet so that light and dark are said in one place. */
export interface Palette {
  readonly sea: string;
  readonly land: string;
  readonly coast: string;
  readonly grid: string;
  readonly gridText: string;
  readonly ink: string;
  readonly inkSoft: string;
  readonly paper: string;
  readonly halo: string;
  readonly line: string;
  readonly lineDown: string;
  readonly accent: string;
  readonly ring: string;
  /** Of a container's states. */
  readonly statuses: Readonly<Record<ContainerStatus, string>>;
  readonly dark: boolean;
  readonly font: string;
}

const NAMES = {
  sea: "--map-sea",
  land: "--map-land",
  coast: "--map-coast",
  grid: "--map-grid",
  gridText: "--map-grid-text",
  ink: "--ink",
  inkSoft: "--ink-soft",
  paper: "--paper",
  halo: "--map-halo",
  line: "--map-line",
  lineDown: "--bad",
  accent: "--accent",
  ring: "--map-ring",
} as const;

export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element);
  const colours = Object.fromEntries(
    Object.entries(NAMES).map(([key, name]) => [key, style.getPropertyValue(name).trim()]),
  ) as Record<keyof typeof NAMES, string>;
  return {
    ...colours,
    statuses: readColours(style),
    dark: style.colorScheme.trim() === "dark",
    font: style.fontFamily,
  };
}

function readColours(style: CSSStyleDeclaration): Record<ContainerStatus, string> {
  return Object.fromEntries(
    STATUS_ORDER.map((status) => [status, style.getPropertyValue(STATUS_LOOK[status].colour).trim()]),
  ) as Record<ContainerStatus, string>;
}
