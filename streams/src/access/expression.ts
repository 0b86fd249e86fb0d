import { EXPRESSION_CHARS_MAX, EXPRESSION_DEPTH_MAX } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import type { Principal } from "./policy.js";

/**
 * An access control expression, e.g. `g:bigblue-ops | (u:ducky & !g:suspended)`.
 *
 * `u:name` is a user, `g:group` a member, `r:role` a holder of a role, `p` everybody, those who have not
 * said who they are included. `!` binds tightest, then `&`, then `|`. Names: letters, digits, `.`, `-`, `_`, `@`.
 */
export type Expression =
  | { readonly kind: "everybody" }
  | { readonly kind: "user" | "group" | "role"; readonly name: string }
  | { readonly kind: "not"; readonly of: Expression }
  | { readonly kind: "and" | "or"; readonly of: readonly Expression[] };

const KINDS = { u: "user", g: "group", r: "role" } as const;
const NAME = /[A-Za-z0-9._@-]+/y;
const SPACE = /\s*/y;

/** @throws LandfallError INVALID_EXPRESSION naming the column, counted from 1, and the text */
export function parseExpression(text: string): Expression {
  if (text.length > EXPRESSION_CHARS_MAX) {
    throw new LandfallError(
      "INVALID_EXPRESSION",
      `an expression has at most ${EXPRESSION_CHARS_MAX} characters, this one ${text.length}`,
    );
  }
  const parser = new Parser(text);
  const expression = parser.or(0);
  parser.expectEnd();
  return expression;
}

/** Whether the principal satisfies the expression. */
export function evaluate(expression: Expression, principal: Principal): boolean {
  switch (expression.kind) {
    case "everybody":
      return true;
    case "user":
      return principal.user === expression.name;
    case "group":
      return principal.groups.includes(expression.name);
    case "role":
      return principal.roles.includes(expression.name);
    case "not":
      return !evaluate(expression.of, principal);
    case "and":
      return expression.of.every((part) => evaluate(part, principal));
    case "or":
      return expression.of.some((part) => evaluate(part, principal));
  }
}

class Parser {
  private at = 0;
  constructor(private readonly text: string) {}

  or(depth: number): Expression {
    return this.chain("or", "|", () => this.chain("and", "&", () => this.not(depth)));
  }

  expectEnd(): void {
    const found = this.peek();
    if (found === ")") throw this.error("a ')' without its '('");
    if (found !== undefined) throw this.error(`expected '&', '|' or the end, found '${found}'`);
  }

  private chain(kind: "and" | "or", operator: string, operand: () => Expression): Expression {
    const first = operand();
    if (this.peek() !== operator) return first;
    const of = [first];
    while (this.peek() === operator) {
      this.at++;
      of.push(operand());
    }
    return { kind, of };
  }

  private not(depth: number): Expression {
    // Bounded, so that a hostile expression cannot exhaust the stack here or in `evaluate`.
    if (depth > EXPRESSION_DEPTH_MAX) throw this.error(`nested deeper than ${EXPRESSION_DEPTH_MAX} levels`);
    const found = this.peek();
    if (found === "!") {
      this.at++;
      return { kind: "not", of: this.not(depth + 1) };
    }
    if (found === "(") {
      const opened = this.at++;
      const inner = this.or(depth + 1);
      const next = this.peek();
      if (next === undefined) throw this.error("a '(' without its ')'", opened);
      if (next !== ")") throw this.error(`expected '&', '|' or ')', found '${next}'`);
      this.at++;
      return inner;
    }
    return this.principal(found);
  }

  private principal(found: string | undefined): Expression {
    const want = "expected u:name, g:group, r:role, p, '!' or '('";
    if (found === undefined) throw this.error(this.text.trim() === "" ? `empty: ${want}` : `${want}, found the end`);
    const start = this.at;
    const word = this.word();
    if (word === "p") {
      if (this.text[this.at] === ":") throw this.error("'p' stands for everybody and takes no name", this.at);
      return { kind: "everybody" };
    }
    if (word === "") throw this.error(`${want}, found '${found}'`, start);
    if (!Object.hasOwn(KINDS, word) || this.text[this.at] !== ":") throw this.error(`${want}, found '${word}'`, start);
    this.at++;
    const name = this.word();
    if (name === "") throw this.error(`expected a name after '${word}:' (letters, digits, '.', '-', '_', '@')`);
    return { kind: KINDS[word as keyof typeof KINDS], name };
  }

  /** The next character that is no space, without passing it. */
  private peek(): string | undefined {
    SPACE.lastIndex = this.at;
    this.at += SPACE.exec(this.text)?.[0].length ?? 0;
    const point = this.text.codePointAt(this.at);
    return point === undefined ? undefined : String.fromCodePoint(point);
  }

  private word(): string {
    NAME.lastIndex = this.at;
    const word = NAME.exec(this.text)?.[0] ?? "";
    this.at += word.length;
    return word;
  }

  private error(what: string, at = this.at): LandfallError {
    return new LandfallError("INVALID_EXPRESSION", `${what}, at column ${at + 1} of ${JSON.stringify(this.text)}`);
  }
}
