import { createContext } from "preact";
import { useContext, useEffect, useReducer, useRef, useState } from "preact/hooks";
import { fleetNowMs } from "../clock.js";
import type { Cursor } from "../cursor.js";
import type { App } from "../effects/app.js";
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

/** This computer's clock, renewed every `everyMs`. */
export function useNowMs(everyMs = 1000): number {
  const { app } = useUi();
  const [now, setNow] = useState(app.nowMs());
  useEffect(() => {
    const timer = setInterval(() => setNow(app.nowMs()), everyMs);
    return () => clearInterval(timer);
  }, [app, everyMs]);
  return now;
}

/** The fleet's clock, renewed every second. */
export function useFleetNowMs(): number {
  const now = useNowMs();
  const simulation = useAppState((state) => state.simulation);
  return fleetNowMs(simulation, Math.max(now, simulation?.receivedMs ?? 0));
}

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
