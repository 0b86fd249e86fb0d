import type { JSX } from "preact";
import type { Selection } from "../url-state.js";
import { ContainerCard } from "./container-card.js";
import { LinkCard } from "./link-card.js";
import { ShipCard } from "./ship-card.js";
import { SiteCard } from "./site-card.js";

export function SelectionCard({ selection }: { selection: Selection }): JSX.Element {
  switch (selection.kind) {
    case "container":
      return <ContainerCard id={selection.id} />;
    case "ship":
      return <ShipCard imo={selection.id} />;
    case "site":
      return <SiteCard id={selection.id} />;
    case "link":
      return <LinkCard id={selection.id} />;
  }
}
