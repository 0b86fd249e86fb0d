import type { JSX } from "preact";
import type { Units } from "../format/units.js";
import { useAppState, useUi } from "./ui.js";

/** In which units this browser shows things. What is stored, exported and configured stays in °C and knots. */
export function UnitsMenu(): JSX.Element {
  const { app } = useUi();
  const units = useAppState((state) => state.units);
  const choose = (change: Partial<Units>): void =>
    app.store.dispatch({ type: "units/chosen", units: { ...units, ...change } });
  return (
    <fieldset class="units">
      <legend>Units</legend>
      <select
        aria-label="Temperatures"
        value={units.temperature}
        onChange={(event) => choose({ temperature: event.currentTarget.value as Units["temperature"] })}
      >
        <option value="°C">°C</option>
        <option value="°F">°F</option>
      </select>
      <select
        aria-label="Speeds"
        value={units.speed}
        onChange={(event) => choose({ speed: event.currentTarget.value as Units["speed"] })}
      >
        <option value="kn">knots</option>
        <option value="km/h">km/h</option>
      </select>
    </fieldset>
  );
}
