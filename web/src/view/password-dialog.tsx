import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { messageOf } from "../api/http.js";
import { Dialog, Field } from "./dialog.js";
import { useUi } from "./ui.js";

/** Another password for oneself; everywhere else one is signed out by it. */
export function PasswordDialog({ onClose }: { onClose: () => void }): JSX.Element {
  const { app } = useUi();
  const [current, setCurrent] = useState("");
  const [password, setPassword] = useState("");
  const [message, setMessage] = useState<string>();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      app.store.dispatch({ type: "session/signed-in", session: await app.api.setPassword({ current, password }) });
      onClose();
    } catch (error) {
      setMessage(messageOf(error));
    }
  };
  return (
    <Dialog title="Change password" onClose={onClose}>
      <form class="dialog-form" onSubmit={(event) => void submit(event)}>
        <Field
          label="Password now"
          name="current"
          type="password"
          value={current}
          onValue={setCurrent}
          autocomplete="current-password"
        />
        <Field
          label="New password, 12 characters or more"
          name="password"
          type="password"
          value={password}
          onValue={setPassword}
          autocomplete="new-password"
        />
        {message !== undefined && (
          <p class="message" role="alert">
            {message}
          </p>
        )}
        <button type="submit" class="button button-strong">
          Change it
        </button>
      </form>
    </Dialog>
  );
}
