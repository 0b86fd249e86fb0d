import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { readable } from "../words.js";
import { Icon } from "./marks.js";
import { Moment } from "./parts.js";
import { useAppState } from "./ui.js";

const LINES_SHORT = 2;
/** Over an open history there is less room. */
const LINES_LEAST = 1;

/** What happened lately on the demo's voyage, as a quiet log. */
export function Story(): JSX.Element | null {
  const story = useAppState((state) => state.simulation?.state.story);
  const hasHistory = useAppState((state) => state.history.phase !== "idle");
  const [open, setOpen] = useState(false);
  if (!story || story.length === 0) return null;
  const short = hasHistory ? LINES_LEAST : LINES_SHORT;
  const lines = open ? story : story.slice(-short);
  return (
    <section class={open ? "story story-open" : "story"} aria-label="Voyage log">
      <ol aria-live="polite">
        {lines.map(({ time, text }) => (
          <li key={`${time} ${text}`}>
            <Moment time={time} compact />
            <span>{readable(text)}</span>
          </li>
        ))}
      </ol>
      {story.length > short && (
        <button type="button" class="story-more" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Icon name="down" /> {open ? "Less" : "Whole log"}
        </button>
      )}
    </section>
  );
}
