import type { BookingRequest, SessionReply, TopicsReply } from "@landfall/proto/api";
import { messageOf, SimulatorError } from "../errors.js";

/** Headquarters answers within this, or is asked again. */
const ANSWER_MS_MAX = 10_000;
/** Topics asked for at once. */
const TOPICS_PAGE = 1_000;
/** Pages of one stream before something must be wrong. */
const TOPICS_PAGES_MAX = 100;

export interface HeadquartersLogin {
  readonly url: string;
  readonly username: string;
  readonly password: string;
}

/** Makes bookings at a headquarters as a person of its operations does: signs in, and puts them one by one. */
export class Headquarters {
  private token: string | undefined;

  constructor(private readonly login: HeadquartersLogin) {}

  /** @throws SimulatorError UNREACHABLE when it does not answer or refuses */
  async book(container: string, booking: BookingRequest): Promise<void> {
    const path = `/api/bookings/${container}`;
    this.token ??= await this.signIn();
    let reply = await ask(this.login.url, path, { method: "PUT", token: this.token, body: booking });
    if (reply.status === 401) {
      this.token = await this.signIn();
      reply = await ask(this.login.url, path, { method: "PUT", token: this.token, body: booking });
    }
    if (!reply.ok) throw refused(this.login.url, path, reply.status, await reply.text());
    await reply.body?.cancel();
  }

  private async signIn(): Promise<string> {
    const { username, password } = this.login;
    const reply = await ask(this.login.url, "/api/session", { method: "POST", body: { username, password } });
    if (!reply.ok) throw refused(this.login.url, "/api/session", reply.status, await reply.text());
    const { token } = (await reply.json()) as SessionReply;
    if (token === undefined) throw new SimulatorError("UNREACHABLE", `${this.login.url} gave no token to ${username}`);
    return token;
  }
}

/** Containers for which a node knows a booking to this owner. */
export async function bookingsKnownAt(url: string, token: string | undefined, owner: string): Promise<Set<string>> {
  const known = new Set<string>();
  let after: string | undefined;
  for (let page = 0; page < TOPICS_PAGES_MAX; page++) {
    const query = new URLSearchParams({ prefix: "booking.", limit: String(TOPICS_PAGE), ...(after && { after }) });
    const path = `/api/streams/${owner}.settings/topics?${query.toString()}`;
    const reply = await ask(url, path, { method: "GET", ...(token !== undefined && { token }) });
    // A stream of which nothing has come yet does not exist there.
    if (reply.status === 404) return known;
    if (!reply.ok) throw refused(url, path, reply.status, await reply.text());
    const { topics, next } = (await reply.json()) as TopicsReply;
    for (const topic of topics) known.add(topic.split(".")[1] ?? "");
    if (next === undefined) return known;
    after = next;
  }
  return known;
}

async function ask(
  url: string,
  path: string,
  request: { readonly method: string; readonly token?: string; readonly body?: unknown },
): Promise<Response> {
  try {
    return await fetch(url + path, {
      method: request.method,
      redirect: "error",
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
      headers: {
        ...(request.token !== undefined && { authorization: `Bearer ${request.token}` }),
        ...(request.body !== undefined && { "content-type": "application/json" }),
      },
      ...(request.body !== undefined && { body: JSON.stringify(request.body) }),
    });
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
    throw new SimulatorError("UNREACHABLE", `${url} does not answer (${cause})`, { cause: error });
  }
}

function refused(url: string, path: string, status: number, text: string): SimulatorError {
  return new SimulatorError(
    "UNREACHABLE",
    `${url} refused ${path.split("?")[0]} with ${status}: ${text.slice(0, 300)}`,
  );
}
