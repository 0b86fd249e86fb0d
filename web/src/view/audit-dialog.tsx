import type { AuditReply } from "@landfall/proto/api";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { valueOf } from "../state/remote.js";
import { Dialog, Field } from "./dialog.js";
import { Moment, Phase } from "./parts.js";
import { useUi } from "./ui.js";
import { useRemote } from "./use-remote.js";

type Entry = AuditReply["entries"][number];
const PAGE = 100;

/** What of the audit is wanted; an empty name is everybody's. */
interface Filter {
  readonly user: string;
  readonly isRefused: boolean;
}

/** Who did what, newest first; for administrators. */
export function AuditDialog({ onClose }: { onClose: () => void }): JSX.Element {
  const [user, setUser] = useState("");
  const [filter, setFilter] = useState<Filter>({ user: "", isRefused: false });
  /** Each time that is asked, also for the same: the audit grows. */
  const [turn, setTurn] = useState(0);
  const ask = (isRefused: boolean): void => {
    setFilter({ user: user.trim(), isRefused });
    setTurn(turn + 1);
  };
  return (
    <Dialog title="Audit" onClose={onClose}>
      <form
        class="dialog-form dialog-filter"
        onSubmit={(event) => {
          event.preventDefault();
          ask(filter.isRefused);
        }}
      >
        <Field label="By" name="audit-user" value={user} onValue={setUser} autocomplete="off" required={false} />
        <label class="check">
          <input type="checkbox" checked={filter.isRefused} onChange={(event) => ask(event.currentTarget.checked)} />
          <span>Only what was refused</span>
        </label>
        <button type="submit" class="button">
          Show
        </button>
      </form>
      <Entries key={turn} filter={filter} />
    </Dialog>
  );
}

function Entries({ filter }: { filter: Filter }): JSX.Element {
  const { app } = useUi();
  /** Where the page begins that was asked for last; the newest is the first. */
  const [before, setBefore] = useState<string>();
  const [remote, again] = useRemote<AuditReply>(async (signal, shown) => {
    const user = filter.user === "" ? undefined : filter.user;
    const outcome = filter.isRefused ? "refused" : undefined;
    const page = await app.api.audit({ user, outcome, before, limit: PAGE }, signal);
    return { ...page, entries: [...(shown?.entries ?? []), ...page.entries] };
  }, before);
  const { entries, next } = valueOf(remote) ?? { entries: [], next: undefined };
  return (
    <>
      {entries.length > 0 && <EntriesTable entries={entries} />}
      <Phase
        remote={remote}
        what="The audit"
        onRetry={again}
        isEmpty={(reply) => reply.entries.length === 0}
        empty={nothingWords(filter, next !== undefined)}
      />
      {next !== undefined && (
        <button
          type="button"
          class="button"
          disabled={remote.phase === "loading"}
          onClick={() => (next === before ? again() : setBefore(next))}
        >
          {remote.phase === "loading" ? "Loading…" : "Earlier"}
        </button>
      )}
    </>
  );
}

/** Why nothing is listed, and what may help. */
function nothingWords({ user, isRefused }: Filter, hasEarlier: boolean): string {
  if (hasEarlier) return "Nothing of this kind among the newest entries. “Earlier” looks further back.";
  if (user === "")
    return isRefused ? "Nothing was refused in the audits that you may read." : "Nothing is recorded yet.";
  const what = isRefused ? `Nothing of “${user}” was refused` : `Nothing is recorded of “${user}”`;
  return `${what}. Names are written as under People; leave the field empty for everybody.`;
}

function EntriesTable({ entries }: { entries: readonly Entry[] }): JSX.Element {
  return (
    <table class="table">
      <thead>
        <tr>
          <th scope="col">When, UTC</th>
          <th scope="col">Who</th>
          <th scope="col">Did</th>
          <th scope="col">About</th>
          <th scope="col">In the audit of</th>
        </tr>
      </thead>
      <tbody>
        {entries.map((entry) => (
          <tr key={`${entry.owner} ${entry.offset}`}>
            <td>
              <Moment time={entry.last}>
                {entry.last.slice(0, 10)} {entry.last.slice(11, 19)}
              </Moment>
            </td>
            <td title={entry.address}>
              {entry.user || "somebody"}
              {entry.as === undefined ? "" : ` as ${entry.as}`}
            </td>
            <td>
              {entry.action}
              {entry.count > 1 ? ` ×${entry.count}` : ""}
              {entry.outcome === "allowed" ? "" : `, ${entry.outcome}`}
            </td>
            <td>{entry.subject ?? ""}</td>
            <td title={`at ${entry.site}`}>{entry.owner}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
