import type { ApiSite, LinkClass, SiteKind } from "@landfall/proto/api";
import type { JSX } from "preact";
import { backlogOf, ringShare, siteName, viewLinks, type LinkView } from "../fleet-model.js";
import { formatCount, formatRate, plural } from "../format/quantities.js";
import { formatDuration } from "../format/time.js";
import { backlogWords, budgetWords } from "../map/tooltips.js";
import { LINK_WORDS } from "../words.js";
import { valueOf } from "../state/remote.js";
import { CutButton } from "./link-controls.js";
import { LinkMark, SiteMark } from "./marks.js";
import { Ago, Phase, Section } from "./parts.js";
import { ReplicaTable } from "./replica-table.js";
import { useAppState, useUi } from "./ui.js";

const CLASS_TITLES: Readonly<Record<LinkClass, string>> = {
  wan: "Between ports and headquarters",
  satellite: "By satellite",
  port: "Ships in port",
  lan: "Local lines",
};

const CLASS_ORDER = ["wan", "port", "satellite", "lan"] as const;

const SITE_GROUPS: readonly { readonly title: string; readonly kinds: readonly SiteKind[]; readonly aside: string }[] =
  [
    { title: "Ports and headquarters", kinds: ["port", "hq"], aside: "still to come in" },
    { title: "Ships", kinds: ["ship"], aside: "still on board" },
    { title: "Yards", kinds: ["yard"], aside: "still there" },
  ];

export function SitesTab(): JSX.Element {
  const { loading } = useUi();
  const remote = useAppState((state) => state.sites);
  const links = useLinkViews();
  const sites = valueOf(remote)?.sites ?? [];
  const away = links.filter(({ look }) => look === "out-of-reach").length;
  return (
    <>
      {SITE_GROUPS.map(({ title, kinds, aside }) => {
        const shown = sites.filter(({ kind }) => kinds.includes(kind));
        return shown.length === 0 ? null : (
          <Section key={title} title={title} aside={aside}>
            <ul class="rows">
              {shown
                .toSorted((a, b) => a.site.localeCompare(b.site))
                .map((site) => (
                  <SiteRow key={site.site} site={site} />
                ))}
            </ul>
          </Section>
        );
      })}
      <ReplicaTable sites={sites} />
      {CLASS_ORDER.map((kind) => {
        const shown = links.filter(({ link, look }) => link.class === kind && look !== "out-of-reach");
        return shown.length === 0 ? null : (
          <Section key={kind} title={CLASS_TITLES[kind]} aside="waiting">
            <ul class="rows">
              {shown.map((view) => (
                <LinkRow key={view.link.id} view={view} />
              ))}
            </ul>
          </Section>
        );
      })}
      {away > 0 && <p class="phase">{plural(away, "port link")} out of reach: those ships are at sea.</p>}
      <Phase
        remote={remote}
        what="Sites and links"
        onRetry={() => loading.everything()}
        isEmpty={(value) => value.sites.length === 0 && value.links.length === 0}
        empty="No site reports to you."
      />
    </>
  );
}

/** All links as they are drawn and listed. */
export function useLinkViews(): LinkView[] {
  const sites = useAppState((state) => valueOf(state.sites));
  const ships = useAppState((state) => valueOf(state.ships));
  const controls = useAppState((state) => state.simulation?.state.links);
  return sites ? viewLinks(sites, ships ?? {}, controls) : [];
}

function SiteRow({ site }: { site: ApiSite }): JSX.Element {
  const { app } = useUi();
  const ships = useAppState((state) => valueOf(state.ships)) ?? {};
  const backlog = backlogOf(site);
  const pick = (): void => app.store.dispatch({ type: "view/selected", selection: { kind: "site", id: site.site } });
  return (
    <li>
      <button type="button" class="row" onClick={pick}>
        <SiteMark kind={site.kind} share={ringShare(backlog)} />
        <span class="row-main">
          <span class="row-title">{siteName(site, site.site, ships)}</span>
          <span class="row-sub">{site.lastContact === undefined ? "not heard of yet" : siteWords(site)}</span>
        </span>
        <span class="row-side">
          <strong>{backlog > 0 ? formatCount(backlog) : "–"}</strong>
          <Contact time={site.lastContact} />
        </span>
      </button>
    </li>
  );
}

/** Contacts happen by the servers' clocks, not by the simulated one. */
export function Contact({ time }: { time: string | undefined }): JSX.Element | null {
  return <Ago time={time} clock="own" />;
}

function LinkRow({ view }: { view: LinkView }): JSX.Element {
  const { app } = useUi();
  const { link, look } = view;
  const mayControl = useAppState((state) => state.session.phase === "signed-in" && state.session.user.mayControl);
  const pick = (): void => app.store.dispatch({ type: "view/selected", selection: { kind: "link", id: link.id } });
  return (
    <li class="row-with-action">
      <button type="button" class="row" onClick={pick}>
        <LinkMark look={look} kind={link.class} />
        <span class="row-main">
          <span class="row-title">
            {view.fromName} – {view.toName}
          </span>
          <span class="row-sub">
            {[
              LINK_WORDS[look],
              ...(link.bytesPerSecond !== undefined && link.bytesPerSecond > 0
                ? [formatRate(link.bytesPerSecond)]
                : []),
              ...(link.roundTripMs === undefined ? [] : [`${Math.round(link.roundTripMs)} ms`]),
              ...(link.budget ? [budgetWords(link.budget)] : []),
              ...(link.problem === undefined ? [] : [link.problem]),
            ].join(" · ")}
          </span>
        </span>
        <span class="row-side">
          <strong>
            {link.backlogRecords !== undefined && link.backlogRecords > 0 ? formatCount(link.backlogRecords) : "–"}
          </strong>
          {link.secondsToGo !== undefined && (link.backlogRecords ?? 0) > 0 && (
            <span class="soft">{formatDuration(link.secondsToGo * 1000)}</span>
          )}
        </span>
      </button>
      {mayControl && view.control && <CutButton control={view.control} name={`${view.fromName} – ${view.toName}`} />}
    </li>
  );
}

/** What the figure beside it does not say. */
function siteWords(site: ApiSite): string {
  if (site.kind === "ship" || site.kind === "yard") return backlogWords(site);
  // A site that does not talk to this headquarters has not said what it holds.
  if (site.streams.length === 0) return "what it holds is not known here";
  return `holds ${plural(
    site.streams.reduce((sum, { has }) => sum + has, 0),
    "record",
  )}`;
}
