import { formatContainerNumber } from "@landfall/proto/identifiers";
import type { JSX } from "preact";
import { parseSearch, shipMatches } from "../search.js";
import { valueOf } from "../state/remote.js";
import type { Selection } from "../url-state.js";
import { ContainerRow, ShipRow } from "./rows.js";
import { Icon } from "./marks.js";
import { Phase } from "./parts.js";
import { useAppState, useUi } from "./ui.js";

/** Finds containers by number, with or without its spaces, and ships by name or IMO number. */
export function SearchBox({ onFocus }: { onFocus: () => void }): JSX.Element {
  const { app } = useUi();
  const text = useAppState((state) => state.search);
  const first = useFirstResult();
  const type = (value: string): void => app.store.dispatch({ type: "search/typed", text: value });
  return (
    <form
      class="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        const parsed = parseSearch(text);
        const target: Selection | undefined =
          parsed.kind === "container" ? { kind: "container", id: parsed.container } : first;
        if (!target) return;
        app.store.dispatch({ type: "view/selected", selection: target });
        type("");
      }}
    >
      <Icon name="search" />
      <input
        type="search"
        aria-label="Container number, or ship"
        placeholder="Container number, or ship"
        autocomplete="off"
        spellcheck={false}
        maxLength={40}
        value={text}
        onFocus={onFocus}
        onInput={(event) => type(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape" && text !== "") type("");
        }}
      />
      {text !== "" && (
        <button type="button" class="clear" aria-label="Clear the search" onClick={() => type("")}>
          <Icon name="close" />
        </button>
      )}
    </form>
  );
}

function useFirstResult(): Selection | undefined {
  const text = useAppState((state) => state.search);
  const ships = useAppState((state) => state.ships);
  const found = useAppState((state) => state.lists.search);
  if (text.trim() === "") return undefined;
  const ship = Object.values(valueOf(ships) ?? {}).find((one) => shipMatches(text, one));
  if (ship) return { kind: "ship", id: ship.imo };
  const container = found.phase === "ready" ? found.value.containers[0] : undefined;
  return container && { kind: "container", id: container.container };
}

export function SearchResults(): JSX.Element {
  const { app } = useUi();
  const text = useAppState((state) => state.search);
  const remote = useAppState((state) => state.lists.search);
  const ships = useAppState((state) => state.ships);
  const parsed = parseSearch(text);
  const matching = Object.values(valueOf(ships) ?? {}).filter((ship) => shipMatches(text, ship));
  const page = valueOf(remote);
  if (parsed.kind === "wrong-check-digit") {
    return (
      <div class="phase">
        <p role="alert">{parsed.message}</p>
        <button
          type="button"
          class="button"
          onClick={() => app.store.dispatch({ type: "search/typed", text: formatContainerNumber(parsed.want) })}
        >
          Look for {formatContainerNumber(parsed.want)}
        </button>
      </div>
    );
  }
  return (
    <div aria-live="polite">
      {matching.length > 0 && (
        <ul class="rows">
          {matching.map((ship) => (
            <ShipRow key={ship.imo} ship={ship} />
          ))}
        </ul>
      )}
      <ul class="rows">
        {page?.containers.map((container) => (
          <ContainerRow key={container.container} container={container} />
        ))}
      </ul>
      {page && page.matched > page.containers.length && (
        <p class="phase">{page.matched - page.containers.length} more. Type more of the number to narrow it down.</p>
      )}
      <Phase
        remote={remote}
        what="The search"
        isEmpty={(value) => value.containers.length === 0 && matching.length === 0}
        empty="Nothing here has that number or name. Part of a number is enough, such as CSQU or 3054."
      />
    </div>
  );
}
