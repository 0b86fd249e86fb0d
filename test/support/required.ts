/**
 * What a test needs and does not find makes it skip itself, with a word that says so. Where `LANDFALL_REQUIRE` names it
 * (as in CI), it is a failure instead.
 */
export function skipWithout(what: string, found: boolean): boolean {
  if (found) return false;
  const required = (process.env["LANDFALL_REQUIRE"] ?? "").split(",");
  if (required.includes(what)) throw new Error(`${what} is required here (LANDFALL_REQUIRE) and was not found`);
  console.log(`no ${what} on this machine: what needs it is skipped`);
  return true;
}
