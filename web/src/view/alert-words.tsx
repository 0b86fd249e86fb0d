import type { ApiAlert } from "@landfall/proto/api";
import { ACKNOWLEDGEMENT_CHARS_MAX } from "@landfall/proto/bounds";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { messageOf } from "../api/http.js";
import { endsSession } from "../effects/app.js";
import { wordsOf } from "../fleet-model.js";
import { Moment, Section } from "./parts.js";
import { useUi } from "./ui.js";

/** What people said on an alert, and where one says more. */
export function AlertWords({ alert, maySpeak }: { alert: ApiAlert; maySpeak: boolean }): JSX.Element | null {
  const said = alert.acknowledgements ?? [];
  if (said.length === 0 && !maySpeak) return null;
  return (
    <Section title={said.length === 0 ? "Nobody has acknowledged it" : "Acknowledged"}>
      {said.length > 0 && (
        <ol class="words">
          {said.map(({ by, site, time, message }) => (
            <li key={`${time} ${by}`}>
              <p>{message}</p>
              <p class="soft">
                {by}, {wordsOf(site)}, <Moment time={time} />
              </p>
            </li>
          ))}
        </ol>
      )}
      {maySpeak && <SayIt id={alert.id} isFirst={said.length === 0} />}
    </Section>
  );
}

function SayIt({ id, isFirst }: { id: string; isFirst: boolean }): JSX.Element {
  const { app } = useUi();
  const [text, setText] = useState("");
  const [isSending, setSending] = useState(false);
  const [message, setMessage] = useState<string>();
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (text.trim() === "") {
      setMessage("Say in a word what is done about it, so that others know.");
      return;
    }
    setSending(true);
    setMessage(undefined);
    try {
      // The live feed brings it, too; nobody has to wait for that.
      app.store.dispatch({ type: "alert/answered", alert: await app.api.acknowledge(id, text.trim()) });
      setText("");
    } catch (error) {
      if (!endsSession(app, error)) setMessage(messageOf(error));
    }
    setSending(false);
  };
  return (
    <form class="say-it" onSubmit={(event) => void send(event)} noValidate>
      <label>
        <span>{isFirst ? "What is done about it?" : "Say more"}</span>
        <textarea
          name="word"
          rows={2}
          maxLength={ACKNOWLEDGEMENT_CHARS_MAX}
          value={text}
          aria-describedby={message === undefined ? undefined : "say-it-message"}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      {message !== undefined && (
        <p class="message" id="say-it-message" role="alert">
          {message}
        </p>
      )}
      <button type="submit" class="button button-strong" disabled={isSending}>
        {isSending ? "Saving…" : isFirst ? "Acknowledge" : "Add"}
      </button>
    </form>
  );
}
