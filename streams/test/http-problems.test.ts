import { connect } from "node:net";
import { text } from "node:stream/consumers";
import type { Problem } from "@landfall/proto/api";
import { describe, expect, test } from "vitest";
import { ERROR_CODES, LandfallError, type ErrorCode } from "../src/model/errors.js";
import { toProblem } from "../src/http/problem.js";
import { startTestNode } from "./support/test-node.js";

async function problemOf(response: Response): Promise<Problem> {
  expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/);
  const problem = (await response.json()) as Problem;
  expect(problem.status).toBe(response.status);
  expect(Object.keys(ERROR_CODES)).toContain(problem.code);
  expect(problem.type).toBe(`urn:landfall:problem:${problem.code.toLowerCase().replaceAll("_", "-")}`);
  expect(problem.title).not.toBe("");
  expect(JSON.stringify(problem)).not.toMatch(/\n\s+at |node_modules|\.js:\d/);
  return problem;
}

describe("every failure is a problem of the same shape", () => {
  test.each([
    ["an unknown route", "/api/nothing", {}, 404, "NOT_FOUND", undefined],
    ["an unknown path", "/", {}, 404, "NOT_FOUND", undefined],
    ["a wrong method", "/api/streams", { method: "DELETE" }, 404, "NOT_FOUND", undefined],
    ["a malformed path", "/api/streams/%zz/topics", {}, 400, "INVALID_ARGUMENT", undefined],
    ["a name without end", `/api/streams/${"x".repeat(5000)}/topics`, {}, 414, "INVALID_ARGUMENT", undefined],
    ["a stream's name that is none", "/api/streams/Foo!/topics", {}, 400, "INVALID_NAME", undefined],
    ["a topic's name that is none", "/api/streams/public.x/topics/a%20b/records", {}, 400, "INVALID_NAME", undefined],
    ["no number", "/api/streams/public.x/topics?limit=ten", {}, 400, "INVALID_ARGUMENT", "querystring/limit"],
    ["too many", "/api/streams/public.x/topics?limit=1000000", {}, 400, "INVALID_ARGUMENT", "querystring/limit"],
    ["none", "/api/streams/public.x/topics/t/records?limit=0", {}, 400, "INVALID_ARGUMENT", "querystring/limit"],
    ["a misspelt query", "/api/streams/public.x/topics?limmit=1", {}, 400, "INVALID_ARGUMENT", "querystring/limmit"],
    [
      "a misspelt field",
      "/api/streams/public.x/read",
      { body: { curser: "x" } },
      400,
      "INVALID_ARGUMENT",
      "body/curser",
    ],
    ["a list as body", "/api/streams/public.x/read", { body: [] }, 400, "INVALID_ARGUMENT", "body"],
    ["malformed JSON", "/api/streams/public.x/read", { body: "{" }, 400, "INVALID_ARGUMENT", undefined],
    ["an endless body", "/api/streams/public.x/read", { body: "x".repeat(2e6) }, 413, "VALUE_TOO_LARGE", undefined],
  ] as const)("%s", async (_name, path, options, status, code, field) => {
    const node = await startTestNode();
    await node.put("public.x", "t", "1");
    const problem = await problemOf(await node.ask(path, options));
    expect(problem).toMatchObject({ status, code });
    expect(problem.field).toBe(field);
    if (field !== undefined) expect(problem.detail).toContain(field);
  });

  test("a body of another type", async () => {
    const node = await startTestNode();
    await node.put("public.x", "t", "1");
    const reply = await fetch(`${node.url}/api/streams/public.x/read`, { method: "POST", body: new Uint8Array(3) });
    expect(await problemOf(reply)).toMatchObject({ status: 415, code: "INVALID_ARGUMENT" });
  });

  test("credentials that nobody knows are refused, not taken for a stranger", async () => {
    const node = await startTestNode();
    for (const authorization of [
      "Bearer wrong-token",
      "Bearer",
      "Basic b3BzOmxhbmRmYWxs",
      `Bearer ${"x".repeat(9000)}`,
    ]) {
      const reply = await fetch(`${node.url}/api/streams`, { headers: { authorization } });
      expect(reply.headers.get("www-authenticate")).toBe("Bearer");
      expect(await problemOf(reply)).toMatchObject({ status: 401, code: "UNAUTHENTICATED" });
    }
  });

  test("a defect in a route: the code, and nothing of its inside", async () => {
    const node = await startTestNode();
    // Routes cannot be added once the server listens, so the store fails instead.
    node.store.readTopic = () => Promise.reject(new TypeError("secret of the house"));
    await node.put("public.x", "t", "1");
    const problem = await problemOf(await node.ask("/api/streams/public.x/topics/t/records"));
    expect(problem).toMatchObject({ status: 500, code: "INTERNAL" });
    expect(JSON.stringify(problem)).not.toContain("secret");
    node.store.readTopic = () => Promise.reject(new LandfallError("DISK_FAILED", "cannot read /the/folder/segment"));
    const failed = await problemOf(await node.ask("/api/streams/public.x/topics/t/records"));
    expect(failed).toMatchObject({ status: 503, code: "DISK_FAILED" });
    expect(JSON.stringify(failed)).not.toContain("/the/folder");
  });

  test.each([
    ["what is no HTTP", "hello\r\n\r\n", 400, "INVALID_ARGUMENT"],
    ["headers without end", `GET / HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(20_000)}\r\n\r\n`, 431, "VALUE_TOO_LARGE"],
  ])("%s", async (_name, bytes, status, code) => {
    const node = await startTestNode();
    const { hostname, port } = new URL(node.url);
    const socket = connect(Number(port), hostname);
    socket.end(bytes);
    const [head = "", body = ""] = (await text(socket)).split("\r\n\r\n");
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} .*application/problem\\+json`, "s"));
    expect(JSON.parse(body)).toMatchObject({ status, code });
  });

  test("every code has a title and a type of its own", () => {
    const codes = Object.keys(ERROR_CODES) as ErrorCode[];
    const problems = codes.map((code) => toProblem(new LandfallError(code, "why")));
    expect(new Set(problems.map(({ type }) => type)).size).toBe(codes.length);
    expect(new Set(problems.map(({ title }) => title)).size).toBe(codes.length);
    for (const [i, code] of codes.entries()) expect(problems[i]?.status).toBe(ERROR_CODES[code].http);
  });
});
