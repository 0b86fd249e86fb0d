import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** A window over the map; the browser keeps the focus in it, and Escape closes it. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="dialog" aria-label={title} onClose={onClose}>
      <header class="dialog-head">
        <h2>{title}</h2>
        <button type="button" class="button button-small" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </header>
      {children}
    </dialog>
  );
}

/** One line of a form. */
export function Field({
  label,
  onValue,
  type,
  ...rest
}: {
  label: string;
  name: string;
  value: string;
  onValue: (value: string) => void;
  type?: "password";
  autocomplete?: "off" | "username" | "new-password" | "current-password";
  required?: boolean;
}): JSX.Element {
  const input = { required: true, autocapitalize: "none", spellcheck: false, ...rest } as const;
  const onInput = (event: { readonly currentTarget: HTMLInputElement }): void => onValue(event.currentTarget.value);
  return (
    <label>
      <span>{label}</span>
      {type === "password" ? (
        <input type="password" {...input} onInput={onInput} />
      ) : (
        <input {...input} onInput={onInput} />
      )}
    </label>
  );
}
