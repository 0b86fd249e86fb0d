import type { JSX } from "preact";
import { signOut } from "../effects/session.js";
import { formatClock, formatDate, formatLocal } from "../format/time.js";
import { Icon } from "./marks.js";
import { Moment } from "./parts.js";
import { PeopleMenu } from "./people-menu.js";
import { LeavePreview } from "./preview.js";
import { UnitsMenu } from "./units-menu.js";
import { useAppState, useFleetTick, useUi } from "./ui.js";

/** The instrument at the top right: the fleet's time, whether the screen is live, and who looks at it. */
export function TopBar(): JSX.Element {
  return (
    <header class="top-bar">
      <Clock />
      <LiveState />
      <UserMenu />
    </header>
  );
}

function Clock(): JSX.Element {
  const now = useFleetTick((nowMs) => nowMs);
  const speed = useAppState((state) => state.simulation?.state.speed);
  const waiting = useAppState((state) => state.simulation?.state.waiting);
  // Seconds that leap by hundreds say nothing.
  const fast = speed !== undefined && speed >= 60;
  const local = formatLocal(now);
  return (
    <div class="clock">
      <time dateTime={new Date(now).toISOString()}>
        <span class="clock-date">{formatDate(now)}</span>{" "}
        <strong>{fast ? formatClock(now).slice(0, 5) : formatClock(now)}</strong> UTC
      </time>
      {local !== "" && <span class="clock-local">{local}</span>}
      {speed !== undefined && (
        <span class="clock-speed" title="The simulation's clock, and how many of its seconds pass in one">
          {waiting ? "simulation waits" : speed === 1 ? "simulated" : `simulated ×${Math.round(speed)}`}
        </span>
      )}
    </div>
  );
}

function LiveState(): JSX.Element {
  const phase = useAppState((state) => state.connection.phase);
  const replay = useAppState((state) => state.view.atMs !== undefined);
  const word = phase === "lost" ? "Not live" : phase === "connecting" ? "Connecting" : replay ? "Replay" : "Live";
  return (
    <div class={`live live-${phase === "live" && replay ? "replay" : phase}`}>
      <span class="live-dot" aria-hidden="true" />
      {word}
    </div>
  );
}

function UserMenu(): JSX.Element | null {
  const { app } = useUi();
  const session = useAppState((state) => state.session);
  if (session.phase !== "signed-in") return null;
  const { user } = session;
  const name = user.shared ?? user.user;
  return (
    <details class="user-menu">
      <summary
        aria-label={`${user.seenBy === undefined ? "Signed in" : "Looking"} as ${user.displayName === name ? name : `${name} – ${user.displayName}`}`}
      >
        <Icon name="user" />
        <span>{name}</span>
      </summary>
      <div class="user-card">
        <p>
          <strong>{user.displayName}</strong>
          <span>
            {user.site}, {user.owner}
          </span>
        </p>
        {user.groups.length > 0 && <p class="soft">Groups: {user.groups.join(", ")}</p>}
        {user.roles.length > 0 && <p class="soft">Roles: {user.roles.join(", ")}</p>}
        <UnitsMenu />
        <p class="soft">
          Land: Natural Earth. Notices: <a href="/licenses.md">programs</a>,{" "}
          <a href="/asset-licenses.txt">font and land</a>.
        </p>
        {user.seenBy !== undefined ? (
          <>
            <p class="soft">A preview: {user.seenBy} looks.</p>
            <LeavePreview />
          </>
        ) : user.shared === undefined ? (
          <>
            <PeopleMenu isAdministrator={user.roles.includes("admin")} />
            <button type="button" class="button" onClick={() => void signOut(app)}>
              Sign out
            </button>
          </>
        ) : (
          <p class="soft">
            This link ends <Moment time={user.expires} />.
          </p>
        )}
      </div>
    </details>
  );
}
