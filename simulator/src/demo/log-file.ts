import { createWriteStream, existsSync, renameSync, statSync, type WriteStream } from "node:fs";

/** Beyond this a log becomes `<file>.1`, replacing the one before: at most twice as much is kept. */
const LOG_BYTES_MAX = 8 * 1024 * 1024;

/** Full log of one process. */
export class LogFile {
  private stream: WriteStream;
  private bytes: number;

  constructor(private readonly file: string) {
    this.bytes = existsSync(file) ? statSync(file).size : 0;
    this.stream = this.openStream();
  }

  line(text: string): void {
    this.bytes += text.length + 1;
    this.stream.write(`${text}\n`);
    if (this.bytes < LOG_BYTES_MAX) return;
    this.stream.end();
    renameSync(this.file, `${this.file}.1`);
    this.bytes = 0;
    this.stream = this.openStream();
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.stream.end(() => resolve()));
  }

  private openStream(): WriteStream {
    const stream = createWriteStream(this.file, { flags: "a" });
    // A full disk must not take the demo down with its own logs.
    stream.on("error", () => undefined);
    return stream;
  }
}
