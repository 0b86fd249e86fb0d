import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import { REVOKED_SESSIONS_MAX } from "../limits.js";
import { readIfThere } from "./secret.js";

/** Sessions that were signed out before their time; kept in a file until it, so that a restart does not revive them. */
export class Revocations {
  private constructor(
    private readonly file: string,
    /** Session id to when it would have ended, milliseconds since 1970. */
    private readonly until: Map<string, number>,
  ) {}

  static async load(folder: string, now: number): Promise<Revocations> {
    const file = join(folder, "revoked-sessions");
    const until = new Map<string, number>();
    const text = (await readIfThere(file))?.toString("utf8") ?? "";
    for (const line of text.split("\n")) {
      const [id, end] = line.split(" ");
      // A line that a crash cut short has no end that is a time.
      if (id && Number(end) > now) until.set(id, Number(end));
    }
    const revocations = new Revocations(file, until);
    await revocations.rewrite();
    return revocations;
  }

  has(id: string): boolean {
    return this.until.has(id);
  }

  /** Resolves when it is on disk. */
  async add(id: string, until: number, now: number): Promise<void> {
    this.until.set(id, until);
    if (this.until.size > REVOKED_SESSIONS_MAX) {
      for (const [old, end] of this.until) if (end <= now) this.until.delete(old);
      await this.rewrite();
      return;
    }
    const handle = await open(this.file, "a", 0o600);
    try {
      await handle.appendFile(`${id} ${until}\n`);
      await handle.datasync();
    } finally {
      await handle.close();
    }
  }

  private async rewrite(): Promise<void> {
    const handle = await open(`${this.file}.new`, "w", 0o600);
    try {
      await handle.writeFile([...this.until].map(([id, until]) => `${id} ${until}\n`).join(""));
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(`${this.file}.new`, this.file);
  }
}
