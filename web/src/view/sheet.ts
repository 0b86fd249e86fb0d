import { useMemo, useRef } from "preact/hooks";

/** Heights of the phone's sheet, as shares of the screen; the first shows search and tabs alone. */
const SNAPS = [0.22, 0.5, 0.92] as const;
/** A shorter pull than this is a tap. */
const TAP_PX = 6;

export interface Sheet {
  readonly ref: (element: HTMLElement | null) => void;
  readonly label: string;
  readonly handlers: {
    onPointerDown(event: PointerEvent): void;
    onPointerMove(event: PointerEvent): void;
    onPointerUp(event: PointerEvent): void;
    onKeyDown(event: KeyboardEvent): void;
  };
  readonly atLeastHalf: () => void;
}

/** Makes an element a sheet that can be pulled up, tapped or stepped with the keyboard. */
export function useSheet(active: boolean): Sheet {
  const element = useRef<HTMLElement | null>(null);
  // The map comes first; a selection or a tap pulls the sheet up.
  const snap = useRef(0);
  const drag = useRef<{ startY: number; startShare: number; moved: boolean } | undefined>(undefined);

  return useMemo(() => {
    const show = (share: number): void => {
      element.current?.style.setProperty("--sheet", String(share));
      document.documentElement.style.setProperty("--map-covered", active ? String(Math.min(share, 0.5)) : "0");
    };
    const go = (index: number): void => {
      snap.current = Math.max(0, Math.min(SNAPS.length - 1, index));
      show(SNAPS[snap.current] ?? 0.5);
    };
    return {
      ref(next) {
        element.current = next;
        if (next) go(snap.current);
      },
      label: "Height of the panel",
      atLeastHalf() {
        if (active && snap.current < 1) go(1);
      },
      handlers: {
        onPointerDown(event) {
          (event.currentTarget as Element).setPointerCapture(event.pointerId);
          drag.current = { startY: event.clientY, startShare: SNAPS[snap.current] ?? 0.5, moved: false };
        },
        onPointerMove(event) {
          const { current } = drag;
          if (!current) return;
          const dy = current.startY - event.clientY;
          if (Math.abs(dy) > TAP_PX) current.moved = true;
          if (current.moved) show(Math.max(0.12, Math.min(0.95, current.startShare + dy / window.innerHeight)));
        },
        onPointerUp(event) {
          const { current } = drag;
          drag.current = undefined;
          if (!current) return;
          if (!current.moved) {
            go((snap.current + 1) % SNAPS.length);
            return;
          }
          const share = current.startShare + (current.startY - event.clientY) / window.innerHeight;
          const distances = SNAPS.map((value) => Math.abs(value - share));
          go(distances.indexOf(Math.min(...distances)));
        },
        onKeyDown(event) {
          if (event.key === "ArrowUp") go(snap.current + 1);
          else if (event.key === "ArrowDown") go(snap.current - 1);
          else if (event.key === "Enter" || event.key === " ") go((snap.current + 1) % SNAPS.length);
          else return;
          event.preventDefault();
        },
      },
    };
  }, [active]);
}
