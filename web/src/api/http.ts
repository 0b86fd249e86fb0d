import type { Problem } from "@landfall/proto/api";

/** Longest wait for an answer; a headquarters on a bad line should say so, not hang the page. */
export const REQUEST_TIMEOUT_MS = 20_000;

/** An answer that is not 2xx, or none at all (`status` 0). */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    message: string,
    readonly problem?: Problem,
  ) {
    super(message);
  }
}

export type Fetch = (input: string, init?: RequestInit) => Promise<Response>;

export interface Http {
  /** Sends and reads JSON; throws `ApiError`. An answer without content gives undefined. */
  request<T>(method: string, path: string, options?: RequestOptions): Promise<T>;
}

export interface RequestOptions {
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

export function createHttp(fetch: Fetch): Http {
  return {
    async request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
      const response = await send(fetch, method, path, options);
      if (!response.ok) throw await toError(response);
      if (response.status === 204) return undefined as T;
      try {
        return (await response.json()) as T;
      } catch {
        throw new ApiError(
          response.status,
          "The server's answer could not be read. Is another program on this address?",
        );
      }
    },
  };
}

async function send(fetch: Fetch, method: string, path: string, options: RequestOptions): Promise<Response> {
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  try {
    return await fetch(path + queryString(options.query), {
      method,
      signal,
      credentials: "same-origin",
      headers: {
        accept: "application/json, application/problem+json",
        ...(options.body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(
      0,
      timeout.aborted
        ? `The server did not answer within ${REQUEST_TIMEOUT_MS / 1000} s.`
        : "The server cannot be reached. Check the connection; this page tries again by itself.",
    );
  }
}

async function toError(response: Response): Promise<ApiError> {
  let problem: Problem | undefined;
  try {
    problem = (await response.json()) as Problem;
  } catch {
    // A proxy's HTML page, perhaps; the status alone has to do.
  }
  const said = problem?.detail ?? problem?.title;
  return new ApiError(response.status, said ?? `The server answered ${response.status}.`, problem);
}

export function queryString(query: RequestOptions["query"] = {}): string {
  const entries = Object.entries(query).filter((entry): entry is [string, string | number] => entry[1] !== undefined);
  if (entries.length === 0) return "";
  return `?${new URLSearchParams(entries.map(([key, value]) => [key, String(value)])).toString()}`;
}

/** What to show a person for anything that was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  return error instanceof Error ? error.message : String(error);
}

/** It does not exist, or not for this person; asking again would not help. */
export function isMissing(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
