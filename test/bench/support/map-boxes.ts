import type { ContainersReply, SessionReply } from "@landfall/proto/api";
import { PASSWORD, USER } from "./map-world.js";

/** Signs in. @returns a bearer token */
export async function login(url: string): Promise<string> {
  const answer = await fetch(`${url}/api/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ username: USER, password: PASSWORD }),
  });
  const { token } = (await answer.json()) as SessionReply & { readonly token?: string };
  if (token === undefined) throw new Error(`cannot sign in: ${answer.status}`);
  return token;
}

/**
 * Asks for boxes one after the other as a map of 1280 × 800 pixels does, at every zoom and place, across 180° as well:
 * time until the whole answer was read, and the most marks that one held.
 */
export async function boxTimes(
  url: string,
  token: string,
  random: () => number,
  count: number,
): Promise<{ readonly ms: readonly number[]; readonly marksMax: number }> {
  const headers = { authorization: `Bearer ${token}` };
  const ms: number[] = [];
  let marksMax = 0;
  for (let i = 0; i < count; i++) {
    const zoom = Math.floor(17 * random());
    const width = Math.min(360, (360 * 1280) / (512 * 2 ** zoom));
    const height = Math.min(170, (170 * 800) / (512 * 2 ** zoom));
    const west = -180 + 360 * random();
    const south = -60 + 100 * random() - height / 2;
    const box = [west, Math.max(-85, south), west + width, Math.min(85, south + height)];
    const begun = performance.now();
    const answer = await fetch(`${url}/api/containers?bbox=${box.map((edge) => edge.toFixed(4)).join()}&zoom=${zoom}`, {
      headers,
    });
    const text = await answer.text();
    ms.push(performance.now() - begun);
    if (answer.status !== 200) throw new Error(`${answer.status}: ${text.slice(0, 300)}`);
    marksMax = Math.max(marksMax, (JSON.parse(text) as ContainersReply).features.length);
  }
  return { ms, marksMax };
}
