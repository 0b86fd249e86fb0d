import { join } from "node:path";
import { LandfallError } from "@landfall/streams/model/errors";
import { PEOPLE_MAX } from "../limits.js";
import type { UserEntry } from "../settings.js";
import { KeptFile } from "../util/kept-file.js";
import { isAdministrator, nameProblem, type Person } from "./person.js";

/** What may be changed of somebody; null takes away. */
export interface PersonPatch {
  readonly displayName?: string | null;
  readonly groups?: readonly string[];
  readonly roles?: readonly string[];
  readonly disabled?: boolean;
  readonly passwordHash?: string;
}

interface Kept {
  readonly version: 1;
  /** Whether the first administrator was made: never again without one who is known. */
  readonly isSetUp: boolean;
  readonly people: readonly Person[];
}

/**
 * Who may come in here: the base, which are the users of the settings, and what stands before it, in a file of the data folder
 * (`hq/people.json`). Somebody of the settings who is changed here is from then on as they are kept. Reading never waits;
 * a change is on disk, and in force, when it resolves.
 */
export class People {
  private readonly listeners = new Set<(name: string) => void>();
  private turn: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly file: KeptFile,
    private readonly base: ReadonlyMap<string, Person>,
    private own: ReadonlyMap<string, Person>,
    private setUp: boolean,
  ) {}

  /** @throws LandfallError DISK_FAILED, UNSUPPORTED_FORMAT */
  static async load(folder: string, users: readonly UserEntry[]): Promise<People> {
    const file = new KeptFile(join(folder, "people.json"));
    const kept = (await file.read()) as Partial<Kept> | undefined;
    if (kept !== undefined && (kept.version !== 1 || !Array.isArray(kept.people))) {
      throw new LandfallError("UNSUPPORTED_FORMAT", `${file.path} is not of this version of Landfall`);
    }
    const own = new Map((kept?.people ?? []).map((person) => [person.name, person]));
    return new People(file, new Map(users.map((user) => [user.name, user])), own, kept?.isSetUp === true);
  }

  get(name: string): Person | undefined {
    return this.own.get(name) ?? this.base.get(name);
  }

  /** Whether they are as the settings have them. */
  isOfSettings(name: string): boolean {
    return !this.own.has(name) && this.base.has(name);
  }

  /** Everybody, by name. */
  list(): Person[] {
    const names = new Set([...this.base.keys(), ...this.own.keys()]);
    return [...names].sort().flatMap((name) => this.get(name) ?? []);
  }

  /** Nobody was ever known here: whoever has the setup token makes the first administrator. */
  get awaitsSetup(): boolean {
    return !this.setUp && this.own.size === 0 && this.base.size === 0;
  }

  /** Calls the listener with the name of whoever was changed or removed. */
  onChange(listener: (name: string) => void): void {
    this.listeners.add(listener);
  }

  /** @throws LandfallError INVALID_ARGUMENT, CONFLICT when there is one of that name, DISK_FULL, DISK_FAILED */
  add(person: Person): Promise<Person> {
    const problem = nameProblem(person.name);
    if (problem !== undefined) throw new LandfallError("INVALID_ARGUMENT", `body/name: ${problem}`);
    return this.inTurn(async () => {
      if (this.get(person.name)) throw new LandfallError("CONFLICT", `there is somebody called ${person.name} already`);
      if (this.own.size >= PEOPLE_MAX) throw new LandfallError("OVERLOADED", `more than ${PEOPLE_MAX} people`);
      await this.keep(new Map(this.own).set(person.name, person));
      return person;
    });
  }

  /** The first administrator. @throws LandfallError as `add`; CONFLICT when somebody is known by now */
  addFirst(person: Person): Promise<Person> {
    return this.inTurn(async () => {
      if (!this.awaitsSetup) throw new LandfallError("CONFLICT", "there is an administrator already");
      const problem = nameProblem(person.name);
      if (problem !== undefined) throw new LandfallError("INVALID_ARGUMENT", `body/username: ${problem}`);
      await this.keep(new Map([[person.name, person]]), true);
      return person;
    });
  }

  /**
   * Takes in who the identity provider has vouched for: groups and roles are those of this sign-in.
   * @throws LandfallError CONFLICT when somebody else here has that name, DISK_FULL, DISK_FAILED
   */
  vouched(person: Person & { readonly external: NonNullable<Person["external"]> }): Promise<Person> {
    return this.inTurn(async () => {
      const known = this.get(person.name);
      const { issuer, subject } = person.external;
      if (known && (known.external?.issuer !== issuer || known.external.subject !== subject)) {
        throw new LandfallError("CONFLICT", `${person.name} is somebody else here`);
      }
      const next: Person = { ...person, ...(known?.disabled && { disabled: true }) };
      if (JSON.stringify(known) === JSON.stringify(next) && known) return known;
      if (!known && this.own.size >= PEOPLE_MAX)
        throw new LandfallError("OVERLOADED", `more than ${PEOPLE_MAX} people`);
      await this.keep(new Map(this.own).set(next.name, next));
      this.tell(next.name);
      return next;
    });
  }

  /** @throws LandfallError NOT_FOUND, CONFLICT when no administrator would be left, DISK_FULL, DISK_FAILED */
  change(name: string, patch: PersonPatch): Promise<Person> {
    return this.inTurn(async () => {
      const known = this.get(name);
      if (!known) throw nobody();
      const { displayName, disabled, groups, roles, passwordHash } = patch;
      const next: { -readonly [K in keyof Person]: Person[K] } = { ...known };
      if (displayName === null) delete next.displayName;
      else if (displayName !== undefined) next.displayName = displayName;
      if (disabled === false) delete next.disabled;
      else if (disabled === true) next.disabled = true;
      if (groups) next.groups = [...groups];
      if (roles) next.roles = [...roles];
      if (passwordHash !== undefined) next.passwordHash = passwordHash;
      await this.keep(this.withAdministrator(new Map(this.own).set(name, next)));
      this.tell(name);
      return next;
    });
  }

  /** @throws LandfallError as `change`; CONFLICT for who stands in the settings, too */
  remove(name: string): Promise<void> {
    return this.inTurn(async () => {
      if (!this.get(name)) throw nobody();
      if (this.base.has(name)) {
        throw new LandfallError(
          "CONFLICT",
          `${name} stands in this site's settings: disable them, or remove them there`,
        );
      }
      const own = new Map(this.own);
      own.delete(name);
      await this.keep(this.withAdministrator(own));
      this.tell(name);
    });
  }

  private withAdministrator(own: ReadonlyMap<string, Person>): ReadonlyMap<string, Person> {
    const everybody = [...own.values(), ...[...this.base.values()].filter(({ name }) => !own.has(name))];
    const canManage = (person: Person) => isAdministrator(person) && !person.disabled;
    if (this.list().some(canManage) && !everybody.some(canManage)) {
      throw new LandfallError("CONFLICT", "nobody would be left with the role admin: give it to somebody else first");
    }
    return own;
  }

  private async keep(own: ReadonlyMap<string, Person>, setUp = this.setUp || own.size > 0): Promise<void> {
    await this.file.write({ version: 1, isSetUp: setUp, people: [...own.values()] } satisfies Kept);
    this.own = own;
    this.setUp = setUp;
  }

  private tell(name: string): void {
    for (const listener of this.listeners) listener(name);
  }

  /** One change after the other, each sees what the one before left. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => undefined);
    return done;
  }
}

function nobody(): LandfallError {
  return new LandfallError("NOT_FOUND", "there is nobody of that name here");
}
