import { formatUnits, parseUnits, type Units } from "../format/units.js";
import type { App } from "./app.js";

const UNITS_KEY = "landfall.units";

/** What this browser was told; the usual where it keeps nothing. */
export function readUnits(window: Window): Units {
  try {
    return parseUnits(window.localStorage.getItem(UNITS_KEY));
  } catch {
    // Storage can be forbidden.
    return parseUnits(null);
  }
}

/** Keeps the units in this browser, for this and the next visit, and other windows in step. */
export function keepUnits(app: App, window: Window): void {
  app.store.subscribe((state, before) => {
    if (state.units === before.units) return;
    try {
      window.localStorage.setItem(UNITS_KEY, formatUnits(state.units));
    } catch {
      // They last as long as the page, then.
    }
  });
  window.addEventListener("storage", ({ key, newValue }) => {
    if (key === UNITS_KEY) app.store.dispatch({ type: "units/chosen", units: parseUnits(newValue) });
  });
}
