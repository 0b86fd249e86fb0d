import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { signIn } from "../effects/session.js";
import type { SessionState } from "../state.js";
import { Logo } from "./marks.js";
import { useUi } from "./ui.js";

/** The sign-in page; where the demo runs it says who may come in. */
export function Login({ session }: { session: SessionState & { phase: "signed-out" | "signing-in" } }): JSX.Element {
  const { app } = useUi();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const first = useRef<HTMLInputElement>(null);
  const busy = session.phase === "signing-in";
  useEffect(() => first.current?.focus(), []);

  const submit = (event: Event): void => {
    event.preventDefault();
    if (!busy && username.trim() !== "" && password !== "") void signIn(app, username.trim(), password);
  };

  return (
    <main class="login">
      <div class="login-box">
        <h1 class="brand">
          <Logo />
          Landfall
        </h1>
        <p class="login-lead">Where every container is, and how it fares.</p>
        <form onSubmit={submit} aria-describedby={session.message === undefined ? "" : "login-message"}>
          <label>
            <span>Name</span>
            <input
              ref={first}
              name="username"
              autocomplete="username"
              autocapitalize="none"
              spellcheck={false}
              required
              value={username}
              onInput={(event) => setUsername(event.currentTarget.value)}
            />
          </label>
          <label>
            <span>Password</span>
            <input
              name="password"
              type="password"
              autocomplete="current-password"
              required
              value={password}
              onInput={(event) => setPassword(event.currentTarget.value)}
            />
          </label>
          {session.message !== undefined && (
            <p class="message" id="login-message" role="alert">
              {session.message}
            </p>
          )}
          <button type="submit" class="button button-strong" disabled={busy}>
            {busy ? "Signing in…" : "Sign in"}
          </button>
        </form>
        {session.waysIn.provider && (
          <a class="button login-provider" href={providerUrl(session.waysIn.provider.path)}>
            Sign in with {session.waysIn.provider.name}
          </a>
        )}
        {session.waysIn.demo && (
          <section class="demo" aria-label="Users of the demo">
            <p>
              This is the demo. Everybody's password is <code>{session.waysIn.demo.password}</code>; see the same voyage
              as
            </p>
            <ul>
              {session.waysIn.demo.users.map((user) => (
                <li key={user.username}>
                  <button
                    type="button"
                    class="demo-user"
                    disabled={busy}
                    onClick={() => void signIn(app, user.username, session.waysIn.demo?.password ?? "")}
                  >
                    <strong>{user.username}</strong>
                    <span>{user.sees}</span>
                  </button>
                </li>
              ))}
            </ul>
          </section>
        )}
      </div>
    </main>
  );
}

/** Back to this view afterwards. */
function providerUrl(path: string): string {
  const { pathname, search } = window.location;
  return `${path}?to=${encodeURIComponent(pathname + search)}`;
}
