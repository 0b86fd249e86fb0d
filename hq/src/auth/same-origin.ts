import type { IncomingHttpHeaders } from "node:http";

const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Whether a request may have been made by another site's page in somebody's browser. A browser sends cookies by itself,
 * but it says where a request comes from, and no page can change that. A program that sends its token in
 * `Authorization` was not made to.
 * @returns why the request is refused, or undefined
 */
export function crossSiteReason(method: string, headers: IncomingHttpHeaders): string | undefined {
  if (SAFE_METHODS.has(method) || headers.authorization !== undefined) return undefined;
  const site = headers["sec-fetch-site"];
  if (site !== undefined) {
    return site === "same-origin" || site === "none" ? undefined : `Sec-Fetch-Site is ${site}`;
  }
  const { origin, host } = headers;
  // No browser leaves both out of a request that changes something.
  if (origin === undefined) return undefined;
  let from: string | undefined;
  try {
    from = new URL(origin).host;
  } catch {
    // `null`, of a sandboxed page.
  }
  return from !== undefined && from === host ? undefined : `Origin is ${origin.slice(0, 200)}`;
}
