import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { wordsOf } from "../fleet-model.js";
import { valueOf } from "../state/remote.js";
import type { Tab } from "../url-state.js";
import { AlertsTab } from "./alerts-tab.js";
import { FleetTab } from "./fleet-tab.js";
import { Icon, Logo } from "./marks.js";
import { SearchBox, SearchResults } from "./search-box.js";
import { SelectionCard } from "./selection-card.js";
import { SitesTab } from "./sites-tab.js";
import { useSheet } from "./sheet.js";
import { useAppState, useUi } from "./ui.js";

const TAB_NAMES: Readonly<Record<Tab, string>> = { fleet: "Fleet", alerts: "Alerts", sites: "Sites & links" };

/** Search, lists and the selected thing; a sheet from below on a phone. */
export function Panel({ phone, timeline }: { phone: boolean; timeline: ComponentChildren }): JSX.Element {
  const { app } = useUi();
  const session = useAppState((state) => state.session);
  const tab = useAppState((state) => state.view.tab);
  const selection = useAppState((state) => state.view.selection);
  const searching = useAppState((state) => state.search.trim() !== "");
  const content = useRef<HTMLDivElement>(null);
  const wasOpened = useRef(false);
  const sheet = useSheet(phone);
  const selectionKey = selection && `${selection.kind}:${selection.id}`;

  useEffect(() => {
    content.current?.scrollTo(0, 0);
    // The row that was pressed is gone; the keyboard goes on where its card is.
    if (document.activeElement === document.body && wasOpened.current) content.current?.focus({ preventScroll: true });
    wasOpened.current = true;
    if (selectionKey !== undefined) sheet.atLeastHalf();
  }, [selectionKey]);

  return (
    <aside class="panel" aria-label="Fleet panel" ref={sheet.ref}>
      {phone && (
        <button type="button" class="sheet-handle" aria-label={sheet.label} {...sheet.handlers}>
          <span />
        </button>
      )}
      <header class="panel-head">
        <p class="brand">
          <Logo />
          Landfall
          {session.phase === "signed-in" && <span class="brand-site">{wordsOf(session.user.site)}</span>}
        </p>
        <SearchBox onFocus={sheet.atLeastHalf} />
      </header>
      {!searching && <Tabs tab={tab} onPick={sheet.atLeastHalf} />}
      <div
        class="panel-content"
        id="panel-content"
        ref={content}
        tabIndex={-1}
        role="tabpanel"
        aria-label={searching ? "Search results" : TAB_NAMES[tab]}
      >
        {searching ? (
          <SearchResults />
        ) : selection ? (
          <>
            <button type="button" class="back" onClick={() => app.store.dispatch({ type: "view/selected" })}>
              <Icon name="back" /> {TAB_NAMES[tab]}
            </button>
            <SelectionCard key={selectionKey} selection={selection} timeline={timeline} />
          </>
        ) : tab === "fleet" ? (
          <FleetTab />
        ) : tab === "alerts" ? (
          <AlertsTab />
        ) : (
          <SitesTab />
        )}
      </div>
    </aside>
  );
}

function Tabs({ tab, onPick }: { tab: Tab; onPick: () => void }): JSX.Element {
  const { app } = useUi();
  const open = useAppState((state) => valueOf(state.alerts)?.filter(({ state }) => state === "raised").length ?? 0);
  // Somebody who may see no site at all gets no empty room for them.
  const hasSites = useAppState((state) => {
    const sites = valueOf(state.sites);
    return sites === undefined || sites.sites.length > 0 || sites.links.length > 0;
  });
  const [focused, setFocused] = useState<Tab>();
  const tabs = (Object.keys(TAB_NAMES) as Tab[]).filter((name) => name !== "sites" || hasSites || tab === "sites");
  const pick = (name: Tab): void => {
    app.store.dispatch({ type: "view/tab", tab: name });
    onPick();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    if (next === undefined) return;
    setFocused(next);
    pick(next);
  };
  return (
    <div class="tabs" role="tablist" aria-label="Lists" onKeyDown={onKeyDown}>
      {tabs.map((name) => (
        <button
          key={name}
          type="button"
          role="tab"
          id={`tab-${name}`}
          aria-selected={name === tab}
          aria-controls="panel-content"
          tabIndex={name === tab ? 0 : -1}
          ref={(element) => {
            if (element && focused === name) {
              element.focus();
              setFocused(undefined);
            }
          }}
          onClick={() => pick(name)}
        >
          {TAB_NAMES[name]}
          {name === "alerts" && open > 0 && <span class="badge">{open}</span>}
        </button>
      ))}
    </div>
  );
}
