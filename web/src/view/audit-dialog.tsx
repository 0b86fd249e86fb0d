import type { AuditReply } from "@landfall/proto/api";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { messageOf } from "../api/http.js";
import { Dialog, Field } from "./dialog.js";
import { useUi } from "./ui.js";

type Entry = AuditReply["entries"][number];
const PAGE = 100;

/** Who did what, newest first; for administrators. */
export function AuditDialog({ onClose }: { onClose: () => void }): JSX.Element {
  const { app } = useUi();
  const [user, setUser] = useState("");
  const [refused, setRefused] = useState(false);
  const [entries, setEntries] = useState<readonly Entry[]>([]);
  const [next, setNext] = useState<string>();
  const [message, setMessage] = useState<string>();

  const load = async (before?: string): Promise<void> => {
    const outcome = refused ? "refused" : undefined;
    try {
      const page = await app.api.audit({ user: user.trim() || undefined, outcome, before, limit: PAGE });
      setEntries((shown) => (before === undefined ? page.entries : [...shown, ...page.entries]));
      setNext(page.next);
      setMessage(undefined);
    } catch (error) {
      setMessage(messageOf(error));
    }
  };
  useEffect(() => void load(), [refused]);

  return (
    <Dialog title="Audit" onClose={onClose}>
      <form
        class="dialog-form dialog-filter"
        onSubmit={(event) => {
          event.preventDefault();
          void load();
        }}
      >
        <Field label="By" name="audit-user" value={user} onValue={setUser} autocomplete="off" required={false} />
        <label class="check">
          <input type="checkbox" checked={refused} onChange={(event) => setRefused(event.currentTarget.checked)} />
          <span>Only what was refused</span>
        </label>
        <button type="submit" class="button">
          Show
        </button>
      </form>
      {message !== undefined && (
        <p class="message" role="alert">
          {message}
        </p>
      )}
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
                {entry.last.slice(0, 10)} {entry.last.slice(11, 19)}
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
      {next !== undefined && (
        <button type="button" class="button" onClick={() => void load(next)}>
          Earlier
        </button>
      )}
    </Dialog>
  );
}
