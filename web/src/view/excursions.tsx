import type { Excursion, ExcursionsReply } from "@landfall/proto/api";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { portName } from "../fleet-model.js";
import { plural, positionText } from "../format/quantities.js";
import { formatBoth, formatDuration, toMs } from "../format/time.js";
import { fromShown, quantity, shownUnit, toShown } from "../format/units.js";
import { MEASURES, type Measure } from "../measures.js";
import { valueOf } from "../state/remote.js";
import type { ValueLimit } from "../url-state.js";
import { Moment, Phase, Section } from "./parts.js";
import { useAppState, useFleetDayMs, useUi } from "./ui.js";
import { useRemote } from "./use-remote.js";

/** Looked for and listed at most; the exports have everything. */
const SHOWN = 20;

/** Was it ever warmer than that: asked of every reading at the server, since the chart's are thinned. */
export function Excursions({ id }: { id: string }): JSX.Element | null {
  const { selectors } = useUi();
  const measure = useAppState((state) => selectors.openHistory(state)?.measure?.id);
  const limit = useAppState((state) => state.view.limit);
  const asked = MEASURES.find((one) => one.id === measure);
  if (!asked || asked.flag) return null;
  return (
    <Section title="Was it ever…">
      <LimitForm key={asked.id} measure={asked} limit={limit} />
      {limit && <Answer key={`${asked.id} ${limit.side} ${limit.value}`} id={id} measure={asked} limit={limit} />}
    </Section>
  );
}

function LimitForm({ measure, limit }: { measure: Measure; limit: ValueLimit | undefined }): JSX.Element {
  const { app } = useUi();
  const units = useAppState((state) => state.units);
  const [side, setSide] = useState(limit?.side ?? "above");
  const [text, setText] = useState(limit ? String(Number(toShown(limit.value, measure.unit, units).toFixed(2))) : "");
  const value = Number(text.replace(",", ".").replace("−", "-"));
  const isNumber = text.trim() !== "" && Number.isFinite(value);
  const words = measure.id === "temperature" ? { above: "warmer than", below: "colder than" } : WORDS;
  return (
    <form
      class="ever"
      onSubmit={(event) => {
        event.preventDefault();
        if (!isNumber) return;
        app.store.dispatch({ type: "view/limit", limit: { side, value: fromShown(value, measure.unit, units) } });
      }}
    >
      <select
        aria-label="Above or below"
        value={side}
        onChange={(event) => setSide(event.currentTarget.value as typeof side)}
      >
        <option value="above">{words.above}</option>
        <option value="below">{words.below}</option>
      </select>
      <input
        aria-label={`${measure.series[0]?.label ?? measure.label}, ${shownUnit(measure.unit, units)}`}
        inputMode="decimal"
        autocomplete="off"
        size={6}
        maxLength={10}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <span>{shownUnit(measure.unit, units)}</span>
      <button type="submit" class="button" disabled={!isNumber}>
        Look
      </button>
      {limit && (
        <button
          type="button"
          class="link"
          onClick={() => {
            setText("");
            app.store.dispatch({ type: "view/limit" });
          }}
        >
          Clear
        </button>
      )}
    </form>
  );
}

const WORDS = { above: "more than", below: "less than" } as const;

function Answer({ id, measure, limit }: { id: string; measure: Measure; limit: ValueLimit }): JSX.Element {
  const { app } = useUi();
  const field = measure.series[0]?.key ?? "temperatureC";
  // Asked again when the history has grown.
  const total = useAppState((state) => valueOf(state.history)?.reply.total);
  const [remote, again] = useRemote(
    (signal) => app.api.excursions(id, { field, [limit.side]: limit.value }, signal),
    total,
  );
  const reply = valueOf(remote);
  return (
    <>
      <Phase remote={remote} what="The answer" onRetry={again} />
      {reply && <Found reply={reply} measure={measure} />}
    </>
  );
}

function Found({ reply, measure }: { reply: ExcursionsReply; measure: Measure }): JSX.Element {
  const { total, readings, excursions, gaps } = reply;
  const shown = excursions.slice(-SHOWN).toReversed();
  return (
    <>
      <p class="phase" role="status">
        <strong>{total === 0 ? "Never" : `Yes, ${total === 1 ? "once" : `${total} times`}`}</strong>, in{" "}
        {plural(readings, "reading")} that are here.
        {gaps.length > 0 &&
          ` ${plural(gaps.length, "stretch", "stretches")} of its time are missing here: what it was then nobody knows.`}
      </p>
      <ol class="events">
        {shown.map((one) => (
          <li key={one.from}>
            <ExcursionRow one={one} measure={measure} side={reply.above === undefined ? "below" : "above"} />
          </li>
        ))}
      </ol>
      {total > shown.length && <p class="phase">Listed are the newest {shown.length}.</p>}
    </>
  );
}

function ExcursionRow(props: { one: Excursion; measure: Measure; side: ValueLimit["side"] }): JSX.Element {
  const { app } = useUi();
  const { one, measure } = props;
  const units = useAppState((state) => state.units);
  const now = useFleetDayMs();
  const ship = useAppState((state) =>
    one.vessel === undefined ? undefined : (valueOf(state.ships)?.[one.vessel]?.name ?? `IMO ${one.vessel}`),
  );
  const [from, to, worst] = [one.from, one.to, one.time].map((time) => toMs(time) ?? 0) as [number, number, number];
  const where = [
    ...(ship === undefined ? [] : [`aboard ${ship}`]),
    ...(one.location === undefined ? [] : [`in ${portName(one.location)}`]),
    ...(one.latitude === undefined ? [] : [`at ${positionText(one)}`]),
  ];
  return (
    <button type="button" onClick={() => app.store.dispatch({ type: "view/at", atMs: worst })}>
      <span title={formatBoth(worst, now)}>
        <strong>{quantity(one.value, measure.unit, units, measure.digits)}</strong>{" "}
        {props.side === "above" ? "at most" : "at least"}
        {one.defrosting ? ", defrosting" : ""}
        <br />
        <Moment time={from} nearMs={now} compact />
        {to > from ? (
          <>
            {" – "}
            <Moment time={to} nearMs={now} compact /> UTC, {formatDuration(to - from)}
          </>
        ) : (
          " UTC, one reading"
        )}
        {where.length > 0 && (
          <span class="soft">
            <br />
            {where.join(", ")}
          </span>
        )}
      </span>
    </button>
  );
}
