import { createContext } from "preact";
import { useContext, useEffect, useReducer, useRef, useState } from "preact/hooks";
import { fleetNowMs } from "../clock.js";
import type { Cursor } from "../cursor.js";
import type { App } from "../effects/app.js";
import { quantity } from "../format/units.js";
import type { Live } from "../effects/live.js";
import type { Loading } from "../effects/loading.js";
import type { Selectors } from "../selectors.js";
import type { State } from "../state.js";
import type { Store } from "../store.js";

/** What views can reach: the state, and what a person can set in motion. */
export interface Ui {
  readonly app: App;
  readonly loading: Loading;
  readonly live: Live;
  readonly selectors: Selectors;
  readonly cursor: Store<Cursor, Cursor>;
  /** This computer's clock, renewed every second. */
  readonly ticker: Store<Tick, Tick>;
}

export interface Tick {
  readonly nowMs: number;
}

export const UiContext = createContext<Ui | undefined>(undefined);

export function useUi(): Ui {
  const ui = useContext(UiContext);
  if (!ui) throw new Error("A view was rendered outside of the page's UiContext");
  return ui;
}

/** Part of a store; renders again only when that part has become another. */
export function useStore<S, A, T>(store: Store<S, A>, select: (state: S) => T): T {
  const [, render] = useReducer((count: number) => count + 1, 0);
  const value = select(store.getState());
  const current = useRef({ select, value });
  current.current = { select, value };
  useEffect(() => {
    const check = (): void => {
      if (!Object.is(current.current.select(store.getState()), current.current.value)) render(undefined);
    };
    // Something may have changed between rendering and this subscription.
    check();
    return store.subscribe(check);
  }, [store]);
  return value;
}

export function useAppState<T>(select: (state: State) => T): T {
  return useStore(useUi().app.store, select);
}

/** Writes measured values in the person's units: `(−18, "°C")` to `−0.4 °F`. */
export function useQuantity(): (value: number, unit: string, digits?: number) => string {
  const units = useAppState((state) => state.units);
  return (value, unit, digits) => quantity(value, unit, units, digits);
}

/**
 * Something worked out from this computer's clock once a second; renders again only when it comes out different. All
 * views share one timer: a list of hundreds of ages must not wake up hundreds of times.
 */
export function useTick<T extends string | number | boolean | undefined>(compute: (nowMs: number) => T): T {
  return useStore(useUi().ticker, ({ nowMs }) => compute(nowMs));
}

/** The same from the fleet's clock. */
export function useFleetTick<T extends string | number | boolean | undefined>(compute: (nowMs: number) => T): T {
  const simulation = useAppState((state) => state.simulation);
  return useTick((nowMs) => compute(fleetNowMs(simulation, Math.max(nowMs, simulation?.receivedMs ?? 0))));
}

/** The fleet's day, for times that name their year only when it is another. */
export function useFleetDayMs(): number {
  return useFleetTick((nowMs) => Math.floor(nowMs / DAY_MS) * DAY_MS);
}

const DAY_MS = 86_400_000;

export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => window.matchMedia(query).matches);
  useEffect(() => {
    const list = window.matchMedia(query);
    const update = (): void => setMatches(list.matches);
    update();
    list.addEventListener("change", update);
    return () => list.removeEventListener("change", update);
  }, [query]);
  return matches;
}

/** Widths up to this are a phone: the panel becomes a sheet. The style sheet knows the same number. */
export const PHONE = "(max-width: 600px)";
