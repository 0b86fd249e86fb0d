import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { LandfallError } from "../model/errors.js";

/** A certificate, a key or a list of revoked certificates is a few kilobytes; ten thousand authorities are no fleet. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;

/** Files that settings name, and where in the settings that is: `replication.tls`. */
export interface NamedFiles<Key extends string> {
  readonly setting: string;
  readonly files: { readonly [K in Key]?: string };
}

export type FileBytes<Key extends string> = Readonly<Record<Key, Buffer>>;

/** The files' bytes, unchecked; none where no file is named. @throws LandfallError INVALID_SETTINGS naming the file that cannot be read */
export function readFiles<Key extends string>(named: NamedFiles<Key>, keys: readonly Key[]): FileBytes<Key> {
  return Object.fromEntries(keys.map((key) => [key, readNamed(named, key)])) as Record<Key, Buffer>;
}

function readNamed<Key extends string>(named: NamedFiles<Key>, key: Key): Buffer {
  const files: Readonly<Partial<Record<string, string>>> = named.files;
  const file = files[key];
  if (file === undefined) return Buffer.alloc(0);
  try {
    const bytes = readFileSync(file);
    if (bytes.length > FILE_BYTES_MAX) throw new Error(`larger than ${FILE_BYTES_MAX} bytes`);
    return bytes;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw invalidFile(named, key, code === "ENOENT" ? "there is no such file" : message, error);
  }
}

/** The certificate, when the key belongs to it. @throws LandfallError INVALID_SETTINGS */
export function readPair(
  named: NamedFiles<"cert" | "key">,
  bytes: FileBytes<"cert" | "key">,
  // Between the two, so that a bad authority is told before a key that fits nothing.
  between: () => void = () => undefined,
): X509Certificate {
  const certificate = parsed(named, "cert", () => new X509Certificate(bytes.cert));
  const key = parsed(named, "key", () => createPrivateKey(bytes.key));
  between();
  if (!certificate.checkPrivateKey(key)) throw invalidFile(named, "key", "it does not belong to the certificate");
  return certificate;
}

/** Whether our own certificate is of one of them is not asked: two companies may each trust the other's authority. @throws LandfallError INVALID_SETTINGS */
export function checkAuthorities(named: NamedFiles<"ca">, bytes: FileBytes<"ca">): void {
  parsed(named, "ca", () => {
    const pem = bytes.ca.toString("latin1");
    const found = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    if (found.length === 0) throw new Error("it holds no certificate in PEM");
    for (const text of found)
      if (!new X509Certificate(text).ca) throw new Error("one of its certificates is no authority's");
  });
}

/** One fingerprint a line, with or without colons; `#` begins a comment. @throws LandfallError INVALID_SETTINGS */
export function fingerprintsIn(named: NamedFiles<"revoked">, bytes: FileBytes<"revoked">): Set<string> {
  const lines = bytes.revoked.toString("utf8").split("\n");
  const found = lines.map((line) => line.replace(/#.*/, "").replaceAll(/[:\s]/g, "").toLowerCase());
  const wrong = found.findIndex((text) => text !== "" && !/^[0-9a-f]{64}$/.test(text));
  if (wrong >= 0) {
    throw invalidFile(named, "revoked", `line ${wrong + 1} is no SHA-256 fingerprint (64 hexadecimal digits)`);
  }
  return new Set(found.filter((text) => text !== ""));
}

export function invalidFile<Key extends string>(
  { setting, files }: NamedFiles<Key>,
  key: Key,
  why: string,
  cause?: unknown,
): LandfallError {
  return new LandfallError("INVALID_SETTINGS", `${setting}.${key}, ${files[key] ?? ""}: ${why}`, { cause });
}

function parsed<Key extends string, T>(named: NamedFiles<Key>, key: Key, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw invalidFile(named, key, (error as Error).message, error);
  }
}
