import type { JSX } from "preact";
import { SESSION_ENDED } from "../effects/app.js";

const ENDED = "This link has ended, or was taken back: ask whoever sent it to you for a new one.";

/** Instead of the map, where a share link opens nothing: in the server's words, where it said why. */
export function LinkEnded({ message }: { message: string | undefined }): JSX.Element {
  const said = message === undefined || message === SESSION_ENDED ? ENDED : message;
  return (
    <main class="login">
      <div class="login-box" role="alert">
        <h1>Nothing to see behind this link</h1>
        <p>{said.charAt(0).toUpperCase() + said.slice(1)}</p>
        <p>
          <a href="/">Sign in instead</a>
        </p>
      </div>
    </main>
  );
}
