import type { ContainerStatus, LinkClass, SiteKind } from "@landfall/proto/api";
import type { JSX } from "preact";
import type { LinkLook } from "../fleet-model.js";
import { STATUS_LOOK } from "../status.js";

/** The map's marks for use in text. Decoration: the word always stands beside them. */
export function StatusMark({ status }: { status: ContainerStatus }): JSX.Element {
  return (
    <svg class={`mark mark-${status}`} viewBox="-1 -1 14 14" aria-hidden="true">
      <path d={STATUS_LOOK[status].path} />
    </svg>
  );
}

export function ShipMark({ outlined }: { outlined: boolean }): JSX.Element {
  return (
    <svg class={outlined ? "mark mark-ship mark-outlined" : "mark mark-ship"} viewBox="0 0 14 14" aria-hidden="true">
      <path d="M.8 5.4L2.4 10.4H10.6L13.2 5.4H8.6V2.6H5V5.4Z" />
    </svg>
  );
}

const LINK_PATHS: Readonly<Record<LinkLook, string>> = {
  up: "M0 6H24",
  degraded: "M0 6H5M9.5 6H14.5M19 6H24",
  cut: "M0 6H6M18 6H24M9 3L15 9M15 3L9 9",
  "out-of-reach": "M0 6H1.5M5.6 6H7.1M11.2 6H12.7M16.8 6H18.3M22.4 6H24",
};

/** As the map draws it: dotted by satellite, double alongside. */
export function LinkMark({ look, kind }: { look: LinkLook; kind: LinkClass }): JSX.Element {
  const path = LINK_PATHS[look];
  return (
    <svg class={`mark-link mark-link-${look} mark-link-${kind}`} viewBox="0 0 24 12" aria-hidden="true">
      {kind === "port" && look === "up" ? <path d="M0 4H24M0 8H24" /> : <path d={path} />}
    </svg>
  );
}

/** A ring filled to `share` (0…1), a square inside for headquarters. */
export function SiteMark({ kind, share }: { kind: SiteKind; share: number }): JSX.Element {
  const round = 2 * Math.PI * 5.5;
  return (
    <svg class="mark mark-site" viewBox="0 0 14 14" aria-hidden="true">
      <circle class="mark-ring" cx="7" cy="7" r="5.5" />
      {share > 0 && (
        <circle
          class="mark-fill"
          cx="7"
          cy="7"
          r="5.5"
          stroke-dasharray={`${share * round} ${round}`}
          transform="rotate(-90 7 7)"
        />
      )}
      {kind === "hq" ? (
        <rect class="mark-core" x="5" y="5" width="4" height="4" />
      ) : (
        <circle class="mark-core" cx="7" cy="7" r={kind === "yard" ? 1.2 : 2} />
      )}
    </svg>
  );
}

const ICONS = {
  back: "M10 3L5 8L10 13",
  next: "M6 3L11 8L6 13",
  close: "M4 4L12 12M12 4L4 12",
  plus: "M8 3V13M3 8H13",
  minus: "M3 8H13",
  all: "M3 6V3H6M10 3H13V6M13 10V13H10M6 13H3V10",
  play: "M5 3L13 8L5 13Z",
  pause: "M5.5 3V13M10.5 3V13",
  down: "M4 6L8 10L12 6",
  search: "M7 12A5 5 0 1 0 7 2A5 5 0 0 0 7 12M10.8 10.8L14 14",
  user: "M8 8.2A3 3 0 1 0 8 2.2A3 3 0 0 0 8 8.2M2.5 14C3 11 5 9.8 8 9.8S13 11 13.5 14",
  download: "M8 2V10M4.5 7L8 10.5L11.5 7M3 13.5H13",
} as const;

export function Icon({ name }: { name: keyof typeof ICONS }): JSX.Element {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 16 16" aria-hidden="true">
      <path d={ICONS[name]} />
    </svg>
  );
}

export function Logo(): JSX.Element {
  return (
    <svg class="logo" viewBox="0 0 20 24" aria-hidden="true">
      <path class="logo-hull" d="M10 0C15.2 5.6 16.6 11.4 16 23.5H4C3.4 11.4 4.8 5.6 10 0Z" />
      <rect class="logo-box" x="6.8" y="10.5" width="6.4" height="6.4" />
    </svg>
  );
}
