import { open, readFile, rename } from "node:fs/promises";
import { LandfallError } from "@landfall/streams/model/errors";

/** A session as it is kept: of the token only a hash, so that who reads the file cannot sign in with it. */
export interface KeptSession {
  /** SHA-256 of the token, base64url. */
  readonly hash: string;
  readonly user: string;
  /** What they proved themselves with, as `proofOf`: another password ends the session. */
  readonly proof: string;
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly expires: number;
  readonly seen: number;
}

type Line =
  { readonly begun: KeptSession } | { readonly ended: string } | { readonly used: string; readonly at: number };

/** Lines beyond those of sessions that stand, before the file is made anew. */
const SPARE_LINES = 5_000;

/** What happened to sessions, a line each, so that a sign-in costs one append; made anew when it is opened or has grown long. */
export class SessionFile {
  private lines = 0;
  private turn: Promise<unknown> = Promise.resolve();

  private constructor(private readonly path: string) {}

  /** @returns the file, and the sessions in it, ended ones left out. @throws LandfallError DISK_FULL, DISK_FAILED */
  static async open(path: string): Promise<{ readonly file: SessionFile; readonly sessions: KeptSession[] }> {
    const sessions = new Map<string, KeptSession>();
    for (const text of (await textOf(path)).split("\n")) {
      const line = parse(text);
      if (line === undefined) continue;
      if ("begun" in line) sessions.set(line.begun.hash, line.begun);
      else if ("ended" in line) sessions.delete(line.ended);
      else {
        const session = sessions.get(line.used);
        if (session) sessions.set(line.used, { ...session, seen: Math.max(session.seen, line.at) });
      }
    }
    return { file: new SessionFile(path), sessions: [...sessions.values()] };
  }

  /** On disk when it resolves. @param standing asked when the file is made anew */
  append(lines: readonly Line[], standing: () => Iterable<KeptSession>): Promise<void> {
    return this.inTurn(async () => {
      const all = [...standing()];
      if (this.lines + lines.length > all.length + SPARE_LINES) return this.replace(all);
      const handle = await open(this.path, "a", 0o600);
      try {
        await handle.appendFile(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
        await handle.datasync();
        this.lines += lines.length;
      } finally {
        await handle.close();
      }
    });
  }

  /** Makes the file anew out of these alone. */
  rewrite(sessions: Iterable<KeptSession>): Promise<void> {
    return this.inTurn(() => this.replace([...sessions]));
  }

  private async replace(sessions: readonly KeptSession[]): Promise<void> {
    const handle = await open(`${this.path}.new`, "w", 0o600);
    try {
      await handle.chmod(0o600);
      await handle.writeFile(sessions.map((begun) => `${JSON.stringify({ begun })}\n`).join(""));
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(`${this.path}.new`, this.path);
    this.lines = sessions.length;
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.turn.then(work).catch((cause: unknown) => {
      const code = (cause as NodeJS.ErrnoException).code === "ENOSPC" ? "DISK_FULL" : "DISK_FAILED";
      throw new LandfallError(code, `cannot write ${this.path}: ${(cause as Error).message}`, { cause });
    });
    this.turn = done.catch(() => undefined);
    return done;
  }
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw new LandfallError("DISK_FAILED", `cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** Undefined for a line that a crash cut short. */
function parse(text: string): Line | undefined {
  try {
    const line = JSON.parse(text) as unknown;
    return typeof line === "object" && line !== null ? (line as Line) : undefined;
  } catch {
    return undefined;
  }
}
