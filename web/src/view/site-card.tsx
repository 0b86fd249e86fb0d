import type { JSX } from "preact";
import { backlogOf, ringShare } from "../fleet-model.js";
import { formatCount, formatPosition, plural } from "../format/quantities.js";
import { valueOf } from "../state/remote.js";
import { SiteMark } from "./marks.js";
import { Fact, Phase, Section } from "./parts.js";
import { NodeControls } from "./node-controls.js";
import { SiteHealth } from "./site-health.js";
import { Contact } from "./sites-tab.js";
import { useAppState, useUi } from "./ui.js";

const KIND_WORDS = { ship: "Ship", yard: "Container yard", port: "Port", hq: "Headquarters" } as const;

export function SiteCard({ id }: { id: string }): JSX.Element {
  const { app, loading } = useUi();
  const remote = useAppState((state) => state.sites);
  const site = valueOf(remote)?.sites.find((one) => one.site === id);
  if (!site) {
    return remote.phase === "ready" ? (
      <p class="phase">There is no site of this name that you may see.</p>
    ) : (
      <Phase remote={remote} what="The site" onRetry={() => loading.everything()} />
    );
  }
  const backlog = backlogOf(site);
  // A ship or yard holds what it wrote and wants little else; what others have is not missing there.
  const collects = site.kind === "port" || site.kind === "hq";
  const { imo } = site;
  return (
    <article class="card">
      <h2 class="card-title">{site.name}</h2>
      <p class="state">
        <SiteMark kind={site.kind} share={ringShare(backlog)} />
        <strong>{KIND_WORDS[site.kind]}</strong>
        <span class="soft">
          {site.owner}
          {site.locode === undefined ? "" : ` · ${site.locode}`}
        </span>
      </p>
      <dl class="facts">
        <Fact name="Last contact">
          {site.lastContact === undefined ? "none yet" : <Contact time={site.lastContact} />}
        </Fact>
        {site.nodes?.map(({ node, lastContact, notReady }) => (
          <Fact key={node} name={`Node ${node}`}>
            <Contact time={lastContact} />
            {notReady.length > 0 && `: ${notReady.join("; ")}`}
          </Fact>
        ))}
        <Fact name="Written there, not here yet">{plural(site.notAshore, "record")}</Fact>
        {collects && <Fact name="Still to come in there">{plural(backlog, "record")}</Fact>}
        {site.latitude !== undefined && site.longitude !== undefined && (
          <Fact name="Position">{formatPosition(site.latitude, site.longitude)}</Fact>
        )}
      </dl>
      {imo !== undefined && (
        <button
          type="button"
          class="button"
          onClick={() => app.store.dispatch({ type: "view/selected", selection: { kind: "ship", id: imo } })}
        >
          Show the ship
        </button>
      )}
      <NodeControls site={site} />
      <SiteHealth key={site.site} site={site.site} />
      {site.streams.length > 0 && (
        <Section title="What it holds">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Stream</th>
                <th scope="col" class="figure">
                  Has
                </th>
                {collects && (
                  <th scope="col" class="figure">
                    Lacks
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {site.streams
                .toSorted((a, b) => b.lacks - a.lacks || a.stream.localeCompare(b.stream))
                .map(({ stream, has, lacks: missing }) => (
                  <tr key={stream} class={collects && missing > 0 ? "lacking" : ""}>
                    <td>{stream}</td>
                    <td class="figure">{formatCount(has)}</td>
                    {collects && <td class="figure">{missing > 0 ? formatCount(missing) : "–"}</td>}
                  </tr>
                ))}
            </tbody>
          </table>
        </Section>
      )}
    </article>
  );
}
