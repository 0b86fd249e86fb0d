import ora, { type Ora } from "ora";
import pc from "picocolors";

/** Shows how far a start is: a spinner at a terminal, otherwise one line for each step. */
export interface Progress {
  /** A new step; the one before is done. */
  step(text: string): void;
  /** More about the present step; only a terminal shows it. */
  detail(text: string): void;
  /** A line that stays. */
  tell(text: string): void;
  done(): void;
  fail(): void;
}

/** A terminal that does not know its width, or hardly has one, is no place for a spinner: ora never returns from it. */
const SPINNER_COLUMNS_MIN = 40;

export function progressOn(output: NodeJS.WriteStream): Progress {
  const spins = output.isTTY && output.columns >= SPINNER_COLUMNS_MIN;
  return spins ? new Spinner(output) : new Lines(output);
}

class Spinner implements Progress {
  private readonly spinner: Ora;
  private text = "";

  constructor(private readonly output: NodeJS.WriteStream) {
    // ora would take over standard input, and Ctrl-C with it.
    this.spinner = ora({ stream: output, discardStdin: false });
  }

  step(text: string): void {
    if (this.text !== "") this.spinner.succeed(this.text);
    this.text = text;
    this.spinner.start(text);
  }

  detail(text: string): void {
    this.spinner.text = text === "" ? this.text : `${this.text} ${pc.dim(text)}`;
  }

  tell(text: string): void {
    const spins = this.spinner.isSpinning;
    if (spins) this.spinner.stop();
    this.output.write(`${text}\n`);
    if (spins) this.spinner.start();
  }

  done(): void {
    if (this.text !== "") this.spinner.succeed(this.text);
    this.text = "";
  }

  fail(): void {
    if (this.text !== "") this.spinner.fail(this.text);
    this.text = "";
  }
}

class Lines implements Progress {
  constructor(private readonly output: NodeJS.WriteStream) {}

  step(text: string): void {
    this.output.write(`${text} …\n`);
  }

  detail(): void {
    // Would be a new line each time.
  }

  tell(text: string): void {
    this.output.write(`${text}\n`);
  }

  done(): void {
    // The next line says so.
  }

  fail(): void {
    // The error says so.
  }
}
