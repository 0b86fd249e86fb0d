import { containerCheckDigit, containerNumberError, formatContainerNumber } from "@landfall/proto/identifiers";

/** What somebody typed into the search field, understood. */
export type Search =
  | { readonly kind: "empty" }
  /** A whole, valid container number. */
  | { readonly kind: "container"; readonly container: string }
  /** Part of a container number, or of a ship's name or IMO number. */
  | { readonly kind: "part"; readonly text: string }
  /** Has the form of a container number but not its check digit. */
  | { readonly kind: "wrong-check-digit"; readonly text: string; readonly want: string; readonly message: string };

/** Longest text that is looked at; container numbers have 11 characters, ship names a few more. */
const SEARCH_MAX_CHARS = 40;

/** Container numbers are found with or without the groups' spaces, dots or dashes, in any case. */
export function parseSearch(input: string): Search {
  const trimmed = input.slice(0, SEARCH_MAX_CHARS).trim();
  if (trimmed === "") return { kind: "empty" };
  const compact = trimmed.toUpperCase().replace(/[\s.\-_/]+/g, "");
  if (!/^[A-Z]{3}[UJZ][0-9]{7}$/.test(compact)) return { kind: "part", text: trimmed };
  if (containerNumberError(compact) === undefined) return { kind: "container", container: compact };
  const body = compact.slice(0, 10);
  const want = `${body}${containerCheckDigit(body)}`;
  return {
    kind: "wrong-check-digit",
    text: compact,
    want,
    message: `The last digit of ${formatContainerNumber(compact)} does not fit. With these ten characters it would be ${formatContainerNumber(want)}.`,
  };
}

/** What to ask the API for: the characters of a container number alone. */
export function containerQuery(text: string): string {
  return text.toUpperCase().replace(/[^A-Z0-9]/g, "");
}

/** Whether a ship answers to the text, by name or IMO number. */
export function shipMatches(text: string, ship: { readonly imo: string; readonly name: string }): boolean {
  const wanted = text.toLowerCase().trim();
  return ship.name.toLowerCase().includes(wanted) || ship.imo.includes(wanted.replace(/^imo\s*/, ""));
}
