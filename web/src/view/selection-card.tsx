import type { ComponentChildren, JSX } from "preact";
import type { Selection } from "../url-state.js";
import { AlertCard } from "./alert-card.js";
import { ContainerCard } from "./container-card.js";
import { LinkCard } from "./link-card.js";
import { ShipCard } from "./ship-card.js";
import { SiteCard } from "./site-card.js";

/** The selected thing; a phone has its timeline inside, under the facts. */
export function SelectionCard(props: { selection: Selection; timeline: ComponentChildren }): JSX.Element {
  const { selection, timeline } = props;
  switch (selection.kind) {
    case "container":
      return <ContainerCard id={selection.id} timeline={timeline} />;
    case "ship":
      return <ShipCard imo={selection.id} timeline={timeline} />;
    case "alert":
      return <AlertCard id={selection.id} />;
    case "site":
      return <SiteCard id={selection.id} />;
    case "link":
      return <LinkCard id={selection.id} />;
  }
}
