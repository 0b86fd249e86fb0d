import { ROW_CHARS_MAX } from "./limits.js";

/** A line without its end; without its text when it was longer than ROW_CHARS_MAX. Counted from 1. */
export interface Line {
  readonly line: number;
  readonly text: string | undefined;
}

/** Lines of a text, however long the text or one of its lines: what is too long is passed over, not gathered. */
export async function* readLines(source: AsyncIterable<string>): AsyncGenerator<Line> {
  let line = 0;
  let rest = "";
  let isTooLong = false;
  for await (const chunk of source) {
    let from = 0;
    for (let end = chunk.indexOf("\n"); end >= 0; end = chunk.indexOf("\n", from)) {
      const whole = rest + chunk.slice(from, end);
      yield { line: ++line, text: isTooLong || whole.length > ROW_CHARS_MAX ? undefined : whole.replace(/\r$/, "") };
      [rest, isTooLong, from] = ["", false, end + 1];
    }
    rest += chunk.slice(from);
    if (rest.length > ROW_CHARS_MAX) [rest, isTooLong] = ["", true];
  }
  if (rest !== "" || isTooLong) yield { line: ++line, text: isTooLong ? undefined : rest.replace(/\r$/, "") };
}
