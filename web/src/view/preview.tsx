import type { JSX } from "preact";
import { leaveUrl } from "../see-as.js";
import { useAppState } from "./ui.js";

/** Says, for as long as an administrator looks as somebody else, that they do; one click ends it. */
export function PreviewBanner(): JSX.Element | null {
  const user = useAppState(({ session }) => (session.phase === "signed-in" ? session.user : undefined));
  if (user?.seenBy === undefined) return null;
  return (
    <div class="preview-banner" role="status">
      <p>
        <strong>Preview.</strong> You see what {user.displayName} (<code>{user.user}</code>) sees, as far as you may see
        it too. Nothing can be changed.
      </p>
      <LeavePreview />
    </div>
  );
}

/** Back to what the administrator sees, at the same place of the map. */
export function LeavePreview(): JSX.Element {
  return (
    <button
      type="button"
      class="button button-strong"
      onClick={() => window.location.assign(leaveUrl(window.location))}
    >
      Leave the preview
    </button>
  );
}

/** Instead of the map, where the server does not let this page look as whom it names. */
export function PreviewRefused({ name, message }: { name: string; message: string }): JSX.Element {
  return (
    <main class="login">
      <div class="login-box" role="alert">
        <h1>No preview of {name}</h1>
        <p>{message.charAt(0).toUpperCase() + message.slice(1)}.</p>
        <LeavePreview />
      </div>
    </main>
  );
}
