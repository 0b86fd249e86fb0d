import { SEE_AS_HEADER } from "@landfall/proto/api";
import type { Fetch } from "./api/http.js";

/** Pages under it show the map as somebody else sees it: `/see-as/ducky`. */
const SEE_AS_PATH = "/see-as/";
const NAME_PATTERN = /^[a-z0-9][a-z0-9._-]{0,254}$/;

/** As whom a page looks; undefined for every other page. */
export function seenAsOf({ pathname }: Pick<Location, "pathname">): string | undefined {
  const name = pathname.startsWith(SEE_AS_PATH) ? pathname.slice(SEE_AS_PATH.length) : "";
  return NAME_PATTERN.test(name) ? name : undefined;
}

/** Says with each request as whom this page looks: what it may see is for the server to say. */
export function fetchSeeingAs(fetch: Fetch, name: string): Fetch {
  return (input, init = {}) =>
    fetch(input, {
      ...init,
      headers: { ...(init.headers as Record<string, string> | undefined), [SEE_AS_HEADER]: name },
    });
}

/** Address of the page that looks as somebody. */
export function seeAsUrl(name: string): string {
  return `${SEE_AS_PATH}${name}`;
}

/** The page of before, at the same place of the map. */
export function leaveUrl({ search }: Pick<Location, "search">): string {
  return `/${search}`;
}
