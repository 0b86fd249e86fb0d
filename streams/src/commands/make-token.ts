import { createHash, randomBytes } from "node:crypto";

/** A token of 256 random bits for the settings of a node, and its SHA-256 in hex, which stands there. */
export function makeToken(): { readonly token: string; readonly tokenSha256: string } {
  const token = randomBytes(32).toString("base64url");
  return { token, tokenSha256: createHash("sha256").update(token).digest("hex") };
}
