import type { LinkPatch, SimulationLink } from "@landfall/proto/api";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { changeLink, commandKey } from "../effects/voyage.js";
import { CommandFailure } from "./parts.js";
import { useAppState, useUi } from "./ui.js";

/** Bounds of what may be asked of a link; the server has its own. */
const LATENCY_MAX_MS = 60_000;
const KBPS_MAX = 10_000_000;
const LOSS_PCT_MAX = 50;
const JITTER_MS_MAX = 10_000;

/** How good a link is: one way, in each direction (0 is unlimited), share of packets lost, and how uneven it is. */
type Quality = Required<Pick<LinkPatch, "latencyMs" | "kbps" | "lossPct" | "jitterMs">>;

/** Ways to degrade a link that people know. */
const PRESETS: readonly ({ readonly name: string } & Quality)[] = [
  { name: "No limits", latencyMs: 0, kbps: 0, lossPct: 0, jitterMs: 0 },
  { name: "Busy line", latencyMs: 200, kbps: 1000, lossPct: 1, jitterMs: 50 },
  { name: "Satellite", latencyMs: 600, kbps: 256, lossPct: 0, jitterMs: 0 },
  { name: "Barely", latencyMs: 1500, kbps: 16, lossPct: 10, jitterMs: 500 },
];

const FIELDS: readonly { readonly key: keyof Quality; readonly label: string; readonly max: number }[] = [
  { key: "latencyMs", label: "Latency, ms", max: LATENCY_MAX_MS },
  { key: "kbps", label: "kbit/s, 0: no limit", max: KBPS_MAX },
  { key: "lossPct", label: "Packets lost, %", max: LOSS_PCT_MAX },
  { key: "jitterMs", label: "Jitter, ms", max: JITTER_MS_MAX },
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
  const [typed, setTyped] = useState(() => textsOf(qualityOf(control)));
  const degrade = (quality: Quality): void => {
    setTyped(textsOf(quality));
    const { latencyMs, kbps, lossPct, jitterMs } = quality;
    const words = [
      `${latencyMs} ms`,
      kbps === 0 ? "no limit" : `${kbps} kbit/s`,
      ...(lossPct > 0 ? [`${lossPct} % lost`] : []),
      ...(jitterMs > 0 ? [`jitter ${jitterMs} ms`] : []),
    ];
    void changeLink(app, control.id, quality, `${name}: ${words.join(", ")}.`);
  };
  const halfOpen = control.state === "half-open";
  const swallow = (): void =>
    void changeLink(
      app,
      control.id,
      { state: halfOpen ? "up" : "half-open" },
      halfOpen ? `${name} is restored.` : `${name} swallows every byte, and says nothing.`,
    );
  return (
    <div class="controls">
      {control.outOfReach ? (
        <p class="soft">Out of reach while the ship is at sea. Let it arrive to bring this link up.</p>
      ) : (
        <div class="presets">
          <CutButton control={control} name={name} />
          <button
            type="button"
            class="button button-small"
            aria-pressed={halfOpen}
            title="Connections stay, and every byte is swallowed: as when the far end has gone without a word"
            disabled={command?.phase === "running"}
            onClick={swallow}
          >
            {halfOpen ? "Restore from half-open" : "Half-open"}
          </button>
        </div>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const [latencyMs = 0, kbps = 0, lossPct = 0, jitterMs = 0] = FIELDS.map(({ key, max }) =>
            clamp(typed[key], max),
          );
          degrade({ latencyMs, kbps, lossPct, jitterMs });
        }}
      >
        <p class="controls-title">Slow down or degrade</p>
        <div class="presets" role="group" aria-label="Presets">
          {PRESETS.map((preset) => (
            <button
              key={preset.name}
              type="button"
              class="chip"
              aria-pressed={FIELDS.every(({ key }) => qualityOf(control)[key] === preset[key])}
              onClick={() => {
                const { name: _, ...quality } = preset;
                degrade(quality);
              }}
            >
              {preset.name}
            </button>
          ))}
        </div>
        <div class="fields">
          {FIELDS.map(({ key, label, max }) => (
            <label key={key}>
              <span>{label}</span>
              <input
                type="number"
                min={0}
                max={max}
                value={typed[key]}
                onInput={(event) => setTyped({ ...typed, [key]: event.currentTarget.value })}
              />
            </label>
          ))}
          <button type="submit" class="button" disabled={command?.phase === "running"}>
            Set
          </button>
        </div>
      </form>
      <CommandFailure command={command} />
    </div>
  );
}

function qualityOf({ latencyMs, kbps, lossPct, jitterMs = 0 }: SimulationLink): Quality {
  return { latencyMs, kbps, lossPct, jitterMs };
}

function textsOf(quality: Quality): Record<keyof Quality, string> {
  const { latencyMs, kbps, lossPct, jitterMs } = quality;
  return {
    latencyMs: String(latencyMs),
    kbps: String(kbps),
    lossPct: String(lossPct),
    jitterMs: String(jitterMs),
  };
}

function clamp(text: string, max: number): number {
  const value = Math.round(Number(text));
  return Number.isFinite(value) ? Math.max(0, Math.min(max, value)) : 0;
}
