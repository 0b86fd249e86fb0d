import type { Fetch } from "./api/http.js";

/** Page that a share link opens; what opens it stands behind `#`, which browsers send to nobody. */
export const SHARE_PATH = "/share";
const TOKEN_PATTERN = /^#(lfl_[A-Za-z0-9_-]{20,100})$/;

/** The token of a share link; empty for a share page without one, undefined for every other page. */
export function shareTokenOf({ pathname, hash }: Pick<Location, "pathname" | "hash">): string | undefined {
  return pathname === SHARE_PATH ? (TOKEN_PATTERN.exec(hash)?.[1] ?? "") : undefined;
}

/** Asks as whoever holds the link, whoever else may be signed in in this browser. */
export function fetchAsHolder(fetch: Fetch, token: string): Fetch {
  return (input, init = {}) =>
    fetch(input, {
      ...init,
      credentials: "omit",
      headers: { ...(init.headers as Record<string, string> | undefined), authorization: `Bearer ${token}` },
    });
}

/** Address of the page that a new link opens. */
export function shareUrl(origin: string, token: string): string {
  return `${origin}${SHARE_PATH}#${token}`;
}
