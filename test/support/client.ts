import type { ApiRecord, RecordsReply, StreamsReply } from "@landfall/proto/api";
import { OPS_TOKEN, PASSWORD } from "./small-fleet.js";
import type { Service } from "./service.js";

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

/** Asks a node's HTTP API, as somebody with a token. */
export async function ask(
  service: Service,
  path: string,
  token: string | undefined,
  init: RequestInit = {},
): Promise<Answer> {
  const headers = new Headers(init.headers);
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  if (init.body !== undefined) headers.set("content-type", "application/json");
  const answer = await fetch(`${service.url}${path}`, { ...init, headers });
  return { status: answer.status, text: await answer.text(), headers: answer.headers };
}

export async function askJson<T>(service: Service, path: string, token?: string, init?: RequestInit): Promise<T> {
  const answer = await ask(service, path, token, init);
  if (answer.status >= 300)
    throw new Error(`${init?.method ?? "GET"} ${path} at ${service.name}: ${answer.status} ${answer.text}`);
  return JSON.parse(answer.text) as T;
}

/** A bearer token of a person at a headquarters. */
export async function login(service: Service, username: string): Promise<string> {
  const body = JSON.stringify({ username, password: PASSWORD });
  const session = await askJson<{ token: string }>(service, "/api/session", undefined, { method: "POST", body });
  return session.token;
}

/** All records of a topic as a node's operator sees them; empty where the node has none. */
export async function recordsOf(service: Service, stream: string, topic: string): Promise<ApiRecord[]> {
  const records: ApiRecord[] = [];
  let offset: number | undefined = 0;
  while (offset !== undefined) {
    const path: string = `/api/streams/${stream}/topics/${encodeURIComponent(topic)}/records?limit=1000&offset=${offset}`;
    const answer = await ask(service, path, OPS_TOKEN);
    if (answer.status === 404) return [];
    if (answer.status !== 200) throw new Error(`${path} at ${service.name}: ${answer.status} ${answer.text}`);
    const page = JSON.parse(answer.text) as RecordsReply;
    records.push(...page.records);
    offset = page.next;
  }
  return records;
}

export async function streamsOf(service: Service): Promise<string[]> {
  const reply = await askJson<StreamsReply>(service, "/api/streams", OPS_TOKEN);
  return reply.streams.map(({ name }) => name);
}
