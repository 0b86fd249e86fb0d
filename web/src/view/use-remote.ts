import { useEffect, useRef, useState } from "preact/hooks";
import { isAbort, isMissing, messageOf } from "../api/http.js";
import { endsSession } from "../effects/app.js";
import { IDLE, isUnanswered, toFailed, toLoading, valueOf, type Remote } from "../state/remote.js";
import { useAppState, useUi } from "./ui.js";

/**
 * Asks the server for what one view alone shows, for as long as it is there: `Phase` says how that stands. Another
 * `version` asks again and keeps what is shown, which `ask` is given, too; a view of something else needs another `key`.
 * What has failed is asked again when the live feed is back. @returns what came, and how to ask again
 */
export function useRemote<T>(
  ask: (signal: AbortSignal, shown: T | undefined) => Promise<T>,
  version?: string | number,
): [Remote<T>, () => void] {
  const { app } = useUi();
  const [remote, setRemote] = useState<Remote<T>>(IDLE);
  const [tries, setTries] = useState(0);
  const again = (): void => setTries((before) => before + 1);
  const current = useRef({ ask, remote });
  current.current = { ask, remote };

  useEffect(() => {
    const abort = new AbortController();
    const load = async (): Promise<void> => {
      // What is not there stays so until it is: it does not flicker.
      setRemote((before) => (before.phase === "failed" && before.missing ? before : toLoading(before)));
      try {
        const value = await current.current.ask(abort.signal, valueOf(current.current.remote));
        if (!abort.signal.aborted) setRemote({ phase: "ready", value });
      } catch (error) {
        if (abort.signal.aborted || isAbort(error) || endsSession(app, error)) return;
        setRemote((before) => toFailed(before, messageOf(error), isMissing(error)));
      }
    };
    void load();
    return () => abort.abort();
  }, [app, version, tries]);

  const isLost = useAppState(({ connection }) => connection.phase === "lost");
  useEffect(() => {
    if (!isLost && isUnanswered(current.current.remote)) again();
  }, [isLost]);
  return [remote, again];
}
