import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import type {
  PeopleReply,
  PersonChange,
  PersonReply,
  PersonRequest,
  TokenReply,
  TokensReply,
} from "@landfall/proto/api";
import { CommandError, withErrors } from "./command-error.js";
import { askNode } from "./node-client.js";
import { formatTable } from "./table.js";
import { findTargets, type Target, type TargetOptions } from "./target.js";

export interface PeopleOptions extends TargetOptions {
  readonly json?: boolean;
}

export interface PersonWords {
  readonly displayName?: string;
  /** Separated by commas; an empty word takes all away. */
  readonly groups?: string;
  readonly roles?: string;
  /** False for a machine, which has tokens alone. */
  readonly password?: boolean;
}

type Terminal = Pick<NodeJS.Process, "stdin" | "stderr">;

/** Prints who may come in at a headquarters. @returns the exit code */
export function listPeople(options: PeopleOptions): Promise<number> {
  return withErrors("user", async () => {
    const reply = await askNode<PeopleReply>(oneTarget(options), "/api/people");
    const rows = reply.people.map((person) => [
      person.name,
      person.displayName,
      person.disabled ? "disabled" : person.signsIn,
      person.groups.join(" "),
      person.roles.join(" "),
      person.source,
    ]);
    return print(options, reply, formatTable(["NAME", "CALLED", "SIGNS IN", "GROUPS", "ROLES", "FROM"], rows));
  });
}

export function addPerson(
  name: string,
  options: PeopleOptions & PersonWords,
  terminal: Terminal = process,
): Promise<number> {
  return withErrors("user", async () => {
    const target = oneTarget(options);
    const password = options.password === false ? undefined : await readPassword(terminal);
    const person: PersonRequest = { name, ...wordsOf(options), ...(password !== undefined && { password }) };
    const added = await askNode<PersonReply>(target, "/api/people", person);
    return print(options, added, `${name} may come in at ${target.label}\n`);
  });
}

/** Changes what is said of somebody; what is left out stays. */
export function setPerson(name: string, options: PeopleOptions & PersonWords): Promise<number> {
  return change(name, options, wordsOf(options), "is changed");
}

export function setPassword(name: string, options: PeopleOptions, terminal: Terminal = process): Promise<number> {
  return withErrors("user", async () => {
    const password = await readPassword(terminal);
    return change(name, options, { password }, "has another password, and all their sessions are over");
  });
}

export function setDisabled(name: string, disabled: boolean, options: PeopleOptions): Promise<number> {
  const words = disabled ? "may not come in any more, and all their sessions are over" : "may come in again";
  return change(name, options, { disabled }, words);
}

export function removePerson(name: string, options: PeopleOptions): Promise<number> {
  return withErrors("user", async () => {
    const target = oneTarget(options);
    await askNode(target, `/api/people/${encodeURIComponent(name)}`, undefined, { method: "DELETE" });
    return print(options, { name }, `${name} is not known at ${target.label} any more\n`);
  });
}

export function listTokens(options: PeopleOptions): Promise<number> {
  return withErrors("token", async () => {
    const reply = await askNode<TokensReply>(oneTarget(options), "/api/tokens");
    const rows = reply.tokens.map(({ id, user, label, by, expires }) => [id, user, label, by, expires.slice(0, 10)]);
    return print(options, reply, formatTable(["ID", "FOR", "LABEL", "BY", "EXPIRES"], rows));
  });
}

/** Prints a new token alone on standard output, so that a script can keep it. */
export function createToken(user: string, options: PeopleOptions & { label: string; days?: number }): Promise<number> {
  return withErrors("token", async () => {
    const { label, days } = options;
    const body = { user, label, ...(days !== undefined && { days }) };
    const made = await askNode<TokenReply>(oneTarget(options), "/api/tokens", body);
    if (options.json !== true) process.stderr.write(`Good until ${made.expires}; it is shown this once:\n`);
    return print(options, made, `${made.token ?? ""}\n`);
  });
}

export function revokeToken(id: string, options: PeopleOptions): Promise<number> {
  return withErrors("token", async () => {
    await askNode(oneTarget(options), `/api/tokens/${encodeURIComponent(id)}`, undefined, { method: "DELETE" });
    return print(options, { id }, `${id} is good for nothing any more\n`);
  });
}

function change(name: string, options: PeopleOptions, patch: PersonChange, words: string): Promise<number> {
  return withErrors("user", async () => {
    if (Object.keys(patch).length === 0)
      throw new CommandError("say what to change: --groups, --roles, --display-name");
    const path = `/api/people/${encodeURIComponent(name)}`;
    const person = await askNode<PersonReply>(oneTarget(options), path, patch, { method: "PATCH" });
    return print(options, person, `${name} ${words}\n`);
  });
}

function wordsOf({ displayName, groups, roles }: PersonWords): Pick<PersonRequest, "displayName" | "groups" | "roles"> {
  const split = (text: string): string[] => text.split(",").filter((word) => word !== "");
  return {
    ...(displayName !== undefined && { displayName }),
    ...(groups !== undefined && { groups: split(groups) }),
    ...(roles !== undefined && { roles: split(roles) }),
  };
}

export function print(options: PeopleOptions, reply: object, words: string): number {
  process.stdout.write(options.json === true ? `${JSON.stringify(reply)}\n` : words);
  return 0;
}

/** The first line of standard input; from a terminal it is not shown. @throws CommandError when there is none */
export async function readPassword({ stdin, stderr }: Terminal): Promise<string> {
  const isTerminal = stdin.isTTY;
  if (isTerminal) stderr.write("Password: ");
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  let password = "";
  for await (const line of createInterface({ input: stdin, output: nowhere, terminal: isTerminal })) {
    password = line;
    break;
  }
  if (isTerminal) stderr.write("\n");
  if (password === "") throw new CommandError("no password on standard input");
  return password;
}

/** The one headquarters that is meant. @throws CommandError when it is not clear which */
export function oneTarget(options: TargetOptions): Target {
  const [target, ...others] = findTargets(options);
  if (target && others.length === 0) return target;
  throw new CommandError("which headquarters? Name it with --url, or with --site where the demo runs");
}
