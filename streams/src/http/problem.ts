import type { Problem } from "@landfall/proto/api";
import type { FastifyError, FastifyRequest } from "fastify";
import { ERROR_CODES, isLandfallError, LandfallError, type ErrorCode } from "../model/errors.js";

export const PROBLEM_TYPE = "application/problem+json";

/** One short sentence for each code; what is particular to a case stands in `detail`. */
const TITLES: Readonly<Record<ErrorCode, string>> = {
  INVALID_NAME: "That is not a valid name",
  INVALID_ARGUMENT: "The request is not valid",
  INVALID_EXPRESSION: "That is not a valid access expression",
  INVALID_SETTINGS: "The settings are not valid",
  VALUE_TOO_LARGE: "Too large",
  UNAUTHENTICATED: "Say who you are",
  NOT_FOUND: "Not found",
  STREAM_NOT_FOUND: "There is no such stream",
  TOPIC_NOT_FOUND: "There is no such topic",
  PRODUCE_FORBIDDEN: "This site may not write into that stream",
  REPLICATE_FORBIDDEN: "That site may not hold that stream",
  PREVIEW_ONLY: "Looking as somebody else changes nothing",
  CLAIM_UNMET: "A site does not send what it says it has",
  CONFLICT: "It was changed meanwhile",
  CLOSED: "The node is shutting down",
  DISK_FULL: "The node's disk is full",
  DISK_FAILED: "The node's disk failed",
  CLOCK_REFUSED: "The node's clock is wrong",
  CORRUPT_BLOCK: "Damaged data",
  SEQ_GAP: "Records are missing",
  FOLDER_IN_USE: "The data folder is in use",
  UNSUPPORTED_FORMAT: "The data folder is of another version",
  CERTIFICATE_REFUSED: "Certificate refused",
  UNSUPPORTED_VERSION: "Protocol version not supported",
  PROTOCOL_ERROR: "The other side broke the protocol",
  PORT_IN_USE: "The port is in use",
  INTERNAL: "Something went wrong inside the node",
  FENCED: "Another process has taken this node's name",
  TAKEN_OVER: "Another node of the site does this now",
  UNAVAILABLE: "Another program that is needed does not answer",
  OVERLOADED: "Too much at once",
};

/** Only these 5xx say more than their title: the others could name files of the machine. */
const TELLING: ReadonlySet<ErrorCode> = new Set(["CLOSED", "CORRUPT_BLOCK", "UNAVAILABLE"]);

/** Any error as RFC 9457 problem details: never a stack, never the words of an unforeseen one. */
export function toProblem(error: unknown): Problem {
  if (isLandfallError(error)) {
    const isOurs = error.httpStatus >= 500 && !TELLING.has(error.code);
    return problem(error.code, error.httpStatus, isOurs ? undefined : error.message);
  }
  const { validation, validationContext, statusCode, message } = error as Partial<FastifyError>;
  const first = validation?.[0];
  if (first) {
    const missing = first.params["missingProperty"] ?? first.params["additionalProperty"];
    const at = first.instancePath + (typeof missing === "string" ? `/${missing}` : "");
    const field = `${validationContext ?? "request"}${at}`;
    return { ...problem("INVALID_ARGUMENT", 400, `${field}: ${explain(first)}`), field };
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return problem(CODE_OF_STATUS[statusCode] ?? "INVALID_ARGUMENT", statusCode, message);
  }
  return problem("INTERNAL", 500);
}

const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: "UNAUTHENTICATED",
  404: "NOT_FOUND",
  413: "VALUE_TOO_LARGE",
  429: "OVERLOADED",
  431: "VALUE_TOO_LARGE",
};

/** The answer to what no route is for, also where there is one, but not for who asks (A3). */
export function noSuchRoute({ method, url }: Pick<FastifyRequest, "method" | "url">): LandfallError {
  return new LandfallError("NOT_FOUND", `${method} ${url.split("?", 1)[0] ?? ""} is not part of this node's API`);
}

/** @param detail what is particular to this case */
export function problem(code: ErrorCode, status: number = ERROR_CODES[code].http, detail?: string): Problem {
  return {
    type: `urn:landfall:problem:${code.toLowerCase().replaceAll("_", "-")}`,
    title: TITLES[code],
    status,
    code,
    ...(detail !== undefined && { detail }),
  };
}

function explain(error: { keyword: string; message?: string; params: Record<string, unknown> }): string {
  if (error.keyword === "additionalProperties") return "there is no such field";
  if (error.keyword === "required") return "missing";
  const allowed = error.params["allowedValues"];
  return `${error.message ?? "not valid"}${Array.isArray(allowed) ? `: ${allowed.join(", ")}` : ""}`;
}
