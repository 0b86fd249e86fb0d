import type { LinkPatch, SimulationLink } from "@landfall/proto/api";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { changeLink, commandKey } from "../effects/voyage.js";
import { useAppState, useUi } from "./ui.js";

/** Bounds of what may be asked of a link; the server has its own. */
const LATENCY_MAX_MS = 60_000;
const KBPS_MAX = 10_000_000;

/** Ways to slow a link down that people know. 0 kbit/s is unlimited. */
const PRESETS: readonly { readonly name: string; readonly latencyMs: number; readonly kbps: number }[] = [
  { name: "No limits", latencyMs: 0, kbps: 0 },
  { name: "Busy line", latencyMs: 200, kbps: 1000 },
  { name: "Satellite", latencyMs: 600, kbps: 256 },
  { name: "Barely", latencyMs: 1500, kbps: 16 },
];

export function CutButton({ control, name }: { control: SimulationLink; name: string }): JSX.Element {
  const { app } = useUi();
  const command = useAppState((state) => state.commands[commandKey.link(control.id)]);
  const cut = control.state === "down" && !control.outOfReach;
  const patch: LinkPatch = { state: cut ? "up" : "down" };
  return (
    <button
      type="button"
      class={cut ? "button button-small" : "button button-small button-danger"}
      aria-label={`${cut ? "Restore" : "Cut"} ${name}`}
      disabled={command?.phase === "running" || control.outOfReach}
      onClick={() => void changeLink(app, control.id, patch, cut ? `${name} is restored.` : `${name} is cut.`)}
    >
      {cut ? "Restore" : "Cut"}
    </button>
  );
}

/** Everything that may be done to one link. */
export function LinkControls({ control, name }: { control: SimulationLink; name: string }): JSX.Element {
  const { app } = useUi();
  const command = useAppState((state) => state.commands[commandKey.link(control.id)]);
  const [latency, setLatency] = useState(String(control.latencyMs));
  const [rate, setRate] = useState(String(control.kbps));
  const slow = (latencyMs: number, kbps: number): void => {
    setLatency(String(latencyMs));
    setRate(String(kbps));
    const words = kbps === 0 ? "no limit" : `${kbps} kbit/s`;
    void changeLink(app, control.id, { latencyMs, kbps }, `${name}: ${latencyMs} ms, ${words}.`);
  };
  return (
    <div class="controls">
      {control.outOfReach ? (
        <p class="soft">Out of reach while the ship is at sea. Let it arrive to bring this link up.</p>
      ) : (
        <CutButton control={control} name={name} />
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          slow(clamp(latency, LATENCY_MAX_MS), clamp(rate, KBPS_MAX));
        }}
      >
        <p class="controls-title">Slow down</p>
        <div class="presets" role="group" aria-label="Presets">
          {PRESETS.map((preset) => (
            <button
              key={preset.name}
              type="button"
              class="chip"
              aria-pressed={control.latencyMs === preset.latencyMs && control.kbps === preset.kbps}
              onClick={() => slow(preset.latencyMs, preset.kbps)}
            >
              {preset.name}
            </button>
          ))}
        </div>
        <div class="fields">
          <label>
            <span>Latency, ms</span>
            <input
              type="number"
              min={0}
              max={LATENCY_MAX_MS}
              value={latency}
              onInput={(event) => setLatency(event.currentTarget.value)}
            />
          </label>
          <label>
            <span>kbit/s, 0: no limit</span>
            <input
              type="number"
              min={0}
              max={KBPS_MAX}
              value={rate}
              onInput={(event) => setRate(event.currentTarget.value)}
            />
          </label>
          <button type="submit" class="button" disabled={command?.phase === "running"}>
            Set
          </button>
        </div>
      </form>
      {command?.phase === "failed" && (
        <p class="message" role="alert">
          {command.message}
        </p>
      )}
    </div>
  );
}

function clamp(text: string, max: number): number {
  const value = Math.round(Number(text));
  return Number.isFinite(value) ? Math.max(0, Math.min(max, value)) : 0;
}
