import { readFileSync } from "node:fs";

/** Version of the installed package, e.g. `0.1.0`. */
export function installedVersion(): string {
  // From `dist/src/node` this is the package's own manifest.
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version?: string }).version ?? "unknown";
}
