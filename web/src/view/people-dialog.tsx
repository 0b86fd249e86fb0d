import type { PersonChange, PersonReply } from "@landfall/proto/api";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { messageOf } from "../api/http.js";
import { endsSession } from "../effects/app.js";
import { Dialog, Field } from "./dialog.js";
import { seeAsUrl } from "../see-as.js";
import { valueOf } from "../state/remote.js";
import { Phase } from "./parts.js";
import { useUi } from "./ui.js";
import { useRemote } from "./use-remote.js";

const SIGNS_IN: Readonly<Record<PersonReply["signsIn"], string>> = {
  password: "with a password",
  provider: "at the provider",
  never: "tokens alone",
};

/** Who may come in; for administrators. */
export function PeopleDialog({ onClose }: { onClose: () => void }): JSX.Element {
  const { app } = useUi();
  const [remote, again] = useRemote((signal) => app.api.people(signal));
  const people = valueOf(remote)?.people;
  const [message, setMessage] = useState<string>();

  /** Does something, and shows how things stand after it. @returns whether it was done */
  const act = async (work: () => Promise<unknown>): Promise<boolean> => {
    setMessage(undefined);
    try {
      await work();
    } catch (error) {
      if (!endsSession(app, error)) setMessage(messageOf(error));
      return false;
    }
    again();
    return true;
  };

  return (
    <Dialog title="People" onClose={onClose}>
      {message !== undefined && (
        <p class="message" role="alert">
          {message}
        </p>
      )}
      <Phase remote={remote} what="The people" onRetry={again} />
      {people && (
        <PeopleTable people={people} onChange={(name, change) => void act(() => app.api.changePerson(name, change))} />
      )}
      <AddPerson onAdd={(person) => act(() => app.api.addPerson(person))} />
    </Dialog>
  );
}

function PeopleTable(props: {
  people: readonly PersonReply[];
  onChange: (name: string, change: PersonChange) => void;
}): JSX.Element {
  return (
    <table class="table">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Signs in</th>
          <th scope="col">Groups</th>
          <th scope="col">Roles</th>
          <th scope="col" aria-label="Actions" />
        </tr>
      </thead>
      <tbody>
        {props.people.map((person) => (
          <tr key={person.name} class={person.disabled ? "late" : ""}>
            <td title={person.displayName}>{person.name}</td>
            <td>{person.disabled ? "disabled" : SIGNS_IN[person.signsIn]}</td>
            <td>{person.groups.join(", ")}</td>
            <td>{person.roles.join(", ")}</td>
            <td class="actions">
              {!person.disabled && (
                <a class="button button-small" href={seeAsUrl(person.name)} aria-label={`See as ${person.name}`}>
                  See as
                </a>
              )}
              <button
                type="button"
                class="button button-small"
                aria-label={`${person.disabled ? "Enable" : "Disable"} ${person.name}`}
                onClick={() => props.onChange(person.name, { disabled: !person.disabled })}
              >
                {person.disabled ? "Enable" : "Disable"}
              </button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

type Wanted = Parameters<ReturnType<typeof useUi>["app"]["api"]["addPerson"]>[0];

function AddPerson({ onAdd }: { onAdd: (person: Wanted) => Promise<boolean> }): JSX.Element {
  const [name, setName] = useState("");
  const [groups, setGroups] = useState("");
  const [password, setPassword] = useState("");
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const words = groups.split(/[ ,]+/).filter((word) => word !== "");
    const added = await onAdd({ name: name.trim(), groups: words, ...(password !== "" && { password }) });
    if (!added) return;
    setName("");
    setGroups("");
    setPassword("");
  };
  return (
    <form class="dialog-form" aria-label="Add somebody" onSubmit={(event) => void submit(event)}>
      <h3>Add somebody</h3>
      <Field label="Name" name="new-name" value={name} onValue={setName} autocomplete="off" />
      <Field
        label="Groups, separated by commas"
        name="new-groups"
        value={groups}
        onValue={setGroups}
        autocomplete="off"
        required={false}
      />
      <Field
        label="Password; none for a machine"
        name="new-password"
        type="password"
        value={password}
        onValue={setPassword}
        autocomplete="new-password"
        required={false}
      />
      <button type="submit" class="button">
        Add
      </button>
    </form>
  );
}
