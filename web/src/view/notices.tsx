import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { useAppState, useUi } from "./ui.js";

const SHOWN_MS = 6000;

/** Short confirmations; they leave by themselves. */
export function Notices(): JSX.Element {
  const notices = useAppState((state) => state.notices);
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.map((notice) => (
        <Notice key={notice.id} {...notice} />
      ))}
    </div>
  );
}

function Notice({ id, text }: { id: number; text: string }): JSX.Element {
  const { app } = useUi();
  useEffect(() => {
    const timer = setTimeout(() => app.store.dispatch({ type: "notice/gone", id }), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [app, id]);
  return <p class="notice">{text}</p>;
}
