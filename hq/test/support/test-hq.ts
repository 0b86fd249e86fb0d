import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { streamName, topicName } from "@landfall/streams/model/names";
import type { TimestampMs } from "@landfall/streams/model/record";
import type { Appended } from "@landfall/streams/store/store";
import { createHq, type Hq, type HqOptions } from "../../src/hq.js";
import type { HqSettings } from "../../src/settings.js";
import { hqSettings, PASSWORD } from "./settings.js";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the test says what it expects
  json<T>(): T;
}

export interface AskOptions {
  readonly as?: string | undefined;
  /** A token instead of a person who signs in. */
  readonly token?: string | undefined;
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A headquarters on a port of its own in a folder of its own. */
export class TestHq {
  private readonly tokens = new Map<string, string>();

  private constructor(
    readonly hq: Hq,
    readonly url: string,
    readonly folder: string,
    private readonly options: HqOptions & { readonly settings?: Partial<HqSettings> },
  ) {}

  static async start(
    options: HqOptions & { readonly settings?: Partial<HqSettings>; readonly folder?: string } = {},
  ): Promise<TestHq> {
    const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "landfall-hq-")));
    const hq = await createHq(await hqSettings(join(folder, "data"), options.settings), {
      liveTickMs: 10,
      ...options,
    });
    await hq.start();
    await hq.sync.whenRebuilt;
    const address = hq.node.http.server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    return new TestHq(hq, `http://127.0.0.1:${port}`, folder, options);
  }

  /** Ends the process's part and starts it again on the same folder. */
  async restart(): Promise<TestHq> {
    await this.hq.close();
    return TestHq.start({ ...this.options, folder: this.folder });
  }

  async close(): Promise<void> {
    await this.hq.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Stores one record as if it had been measured at `time`, and waits until the view has it. */
  async put(
    stream: string,
    topic: string,
    time: string,
    value: object,
    headers: Record<string, string> = {},
  ): Promise<Appended> {
    const name = streamName(stream);
    const [appended] = await this.hq.node.store.append(name, [
      {
        topic: topicName(topic),
        timestamp: Date.parse(time) as TimestampMs,
        value: new TextEncoder().encode(JSON.stringify(value)),
        headers,
      },
    ]);
    await this.hq.sync.catchUp(name);
    if (!appended) throw new Error("nothing was appended");
    return appended;
  }

  /** Signs in and returns the bearer token; the same one every time. */
  async tokenOf(user: string): Promise<string> {
    const known = this.tokens.get(user);
    if (known !== undefined) return known;
    const answer = await this.ask("/api/session", { method: "POST", body: { username: user, password: PASSWORD } });
    if (answer.status !== 200) throw new Error(`${user} cannot sign in: ${answer.text}`);
    const { token } = answer.json<{ token: string }>();
    this.tokens.set(user, token);
    return token;
  }

  async ask(path: string, { as, token, method = "GET", body, headers = {} }: AskOptions = {}): Promise<Answer> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(as !== undefined && { authorization: `Bearer ${await this.tokenOf(as)}` }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = () => JSON.parse(text) as never;
    return { status: response.status, headers: response.headers, text, json };
  }
}
