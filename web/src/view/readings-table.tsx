import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { formatCount, formatNumber } from "../format/quantities.js";
import { knownLine } from "../words.js";
import { shownIn } from "../measures.js";
import { Moment } from "./parts.js";
import { useAppState, useFleetDayMs, useUi } from "./ui.js";

/** Rows at a time; the exports have all. */
const ROWS = 100;

/** The readings behind the chart, newest first: the same lines that the chart shows. */
export function ReadingsTable(): JSX.Element | null {
  const { app, selectors } = useUi();
  const open = useAppState((state) => selectors.openHistory(state));
  const now = useFleetDayMs();
  const [rows, setRows] = useState(ROWS);
  const [shown, setShown] = useState(false);
  if (!open?.measure || open.model.readings.length === 0) return null;
  const { measure, model } = open;
  const readings = shown ? model.readings.slice(-rows).toReversed() : [];
  return (
    <details class="section readings" onToggle={(event) => setShown(event.currentTarget.open)}>
      <summary>
        Readings
        <span class="section-aside">
          {formatCount(model.total)}
          {model.total > model.readings.length ? `, thinned to ${formatCount(model.readings.length)}` : ""}
        </span>
      </summary>
      {shown && (
        <>
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Measured, UTC</th>
                {measure.series.map(({ key, label }) => (
                  <th key={key} scope="col" class="figure">
                    {label}
                    {measure.unit === "" ? "" : `, ${measure.unit}`}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {readings.map((reading) => (
                <tr
                  key={`${reading.ms} ${reading.point.offset}`}
                  title={knownLine(reading)}
                  class={reading.late ? "late" : ""}
                >
                  <td>
                    <button
                      type="button"
                      class="link"
                      onClick={() => app.store.dispatch({ type: "view/at", atMs: reading.ms })}
                    >
                      <Moment time={reading.ms} nearMs={now} compact />
                    </button>
                  </td>
                  {measure.series.map(({ key }) => {
                    const value = shownIn(reading.point, key, measure);
                    return (
                      <td key={key} class="figure">
                        {value === undefined
                          ? "–"
                          : measure.flag
                            ? value > 0
                              ? "yes"
                              : "no"
                            : formatNumber(value, measure.digits)}
                      </td>
                    );
                  })}
                </tr>
              ))}
            </tbody>
          </table>
          {rows < model.readings.length && (
            <button type="button" class="more" onClick={() => setRows(rows + ROWS)}>
              Show earlier readings
            </button>
          )}
        </>
      )}
    </details>
  );
}
