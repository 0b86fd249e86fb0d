import type { ApiSite, SimulationNode } from "@landfall/proto/api";
import type { JSX } from "preact";
import { commandKey, killNode, startNode } from "../effects/voyage.js";
import { CommandFailure, Section } from "./parts.js";
import { useAppState, useUi } from "./ui.js";

const STATE_WORDS: Readonly<Record<SimulationNode["state"], string>> = {
  up: "Its process runs.",
  restarting: "Its process is being started again.",
  down: "Its process was killed, and stays down until somebody starts it.",
};

/** Kill and start a node of the demo; nothing where no simulation runs, or nobody supervises its nodes. */
export function NodeControls({ site }: { site: ApiSite }): JSX.Element | null {
  const { app } = useUi();
  const mayControl = useAppState((state) => state.session.phase === "signed-in" && state.session.user.mayControl);
  const node = useAppState((state) => state.simulation?.state.nodes?.find((one) => one.site === site.site));
  const isOwn = useAppState((state) => state.session.phase === "signed-in" && state.session.user.site === site.site);
  const command = useAppState((state) => state.commands[commandKey.node(site.site)]);
  if (!mayControl || !node) return null;
  const busy = command?.phase === "running" || node.state === "restarting";
  return (
    <Section title="Control room">
      <div class="controls">
        <p class="soft">{STATE_WORDS[node.state]}</p>
        <div class="presets" role="group" aria-label={`Process of ${site.name}`}>
          {node.state === "down" ? (
            <button
              type="button"
              class="button button-strong"
              disabled={busy}
              onClick={() => void startNode(app, site)}
            >
              Start
            </button>
          ) : (
            <>
              <button
                type="button"
                class="button button-danger"
                disabled={busy}
                onClick={() => void killNode(app, site, false)}
              >
                Kill and restart
              </button>
              {!isOwn && (
                <button
                  type="button"
                  class="button button-danger"
                  disabled={busy}
                  onClick={() => void killNode(app, site, true)}
                >
                  Kill
                </button>
              )}
            </>
          )}
        </div>
        <CommandFailure command={command} />
      </div>
    </Section>
  );
}
