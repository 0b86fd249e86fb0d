import { containerCheckDigit, imoCheckDigit } from "@landfall/proto/identifiers";
import * as fc from "fast-check";

/** Valid ISO 6346 numbers. */
export const containerNumber = fc
  .tuple(
    fc.stringMatching(/^[A-Z]{3}$/),
    fc.constantFrom("U", "J", "Z"),
    fc.integer({ min: 0, max: 999_999 }).map((serial) => String(serial).padStart(6, "0")),
  )
  .map((parts) => parts.join(""))
  .map((body) => `${body}${containerCheckDigit(body)}`);

/** Valid IMO numbers. */
export const imoNumber = fc
  .integer({ min: 100_000, max: 999_999 })
  .map(String)
  .map((body) => `${body}${imoCheckDigit(body)}`);

export const bytes = (text: string): Uint8Array => Buffer.from(text, "utf8");
export const json = (value: unknown): Uint8Array => bytes(JSON.stringify(value));
