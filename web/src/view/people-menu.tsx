import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { AuditDialog } from "./audit-dialog.js";
import { PasswordDialog } from "./password-dialog.js";
import { PeopleDialog } from "./people-dialog.js";

/** Ways from the menu of who is signed in to what is about people. */
export function PeopleMenu({ isAdministrator }: { isAdministrator: boolean }): JSX.Element {
  const [dialog, setDialog] = useState<"people" | "audit" | "password">();
  const root = useRef<HTMLDivElement>(null);
  const close = (): void => {
    setDialog(undefined);
    const menu = root.current?.closest("details");
    menu?.removeAttribute("open");
    // What opened the window is hidden now: the keyboard goes on at the menu.
    menu?.querySelector("summary")?.focus();
  };
  return (
    <div ref={root} class="people-menu">
      {isAdministrator && (
        <>
          <button type="button" class="button" onClick={() => setDialog("people")}>
            People
          </button>
          <button type="button" class="button" onClick={() => setDialog("people")}>
            See as…
          </button>
          <button type="button" class="button" onClick={() => setDialog("audit")}>
            Audit
          </button>
        </>
      )}
      <button type="button" class="button" onClick={() => setDialog("password")}>
        Change password
      </button>
      {dialog === "people" && <PeopleDialog onClose={close} />}
      {dialog === "audit" && <AuditDialog onClose={close} />}
      {dialog === "password" && <PasswordDialog onClose={close} />}
    </div>
  );
}
