import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { setUp } from "../effects/session.js";
import type { SessionState } from "../state.js";
import { Field } from "./dialog.js";
import { Logo } from "./marks.js";
import { useUi } from "./ui.js";

/** The page of a headquarters that knows nobody yet: its first administrator is made with the token that its log shows. */
export function Setup({ session }: { session: SessionState & { phase: "signed-out" | "signing-in" } }): JSX.Element {
  const { app } = useUi();
  const [token, setToken] = useState("");
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const busy = session.phase === "signing-in";
  const submit = (event: Event): void => {
    event.preventDefault();
    if (!busy) void setUp(app, { token: token.trim(), username: username.trim(), password });
  };
  return (
    <main class="login">
      <div class="login-box">
        <h1 class="brand">
          <Logo />
          Landfall
        </h1>
        <p class="login-lead">
          Nobody is known here yet. The log of this headquarters shows a token; whoever has it makes the first
          administrator.
        </p>
        <form onSubmit={submit} aria-describedby={session.message === undefined ? "" : "login-message"}>
          <Field label="Token from the log" name="token" value={token} onValue={setToken} autocomplete="off" />
          <Field label="Name" name="username" value={username} onValue={setUsername} autocomplete="username" />
          <Field
            label="Password, 12 characters or more"
            name="password"
            type="password"
            value={password}
            onValue={setPassword}
            autocomplete="new-password"
          />
          {session.message !== undefined && (
            <p class="message" id="login-message" role="alert">
              {session.message}
            </p>
          )}
          <button type="submit" class="button button-strong" disabled={busy}>
            {busy ? "One moment…" : "Make the first administrator"}
          </button>
        </form>
      </div>
    </main>
  );
}
