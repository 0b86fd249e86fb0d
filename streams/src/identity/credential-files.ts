import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { LandfallError } from "../model/errors.js";
import type { TlsSettings } from "../settings/node-settings.js";
import { certifiedSite, siteUri, type CertifiedSite } from "./site-uri.js";

/** A certificate, a key or a list of revoked certificates is a few kilobytes; ten thousand authorities are no fleet. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;

/** Everything with which a site proves itself and judges others, as it was read from its files. */
export interface SiteCredentials {
  /** PEM; `ca` may hold several authorities while one takes over from another. */
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly certificate: X509Certificate;
  /** Fingerprints (SHA-256, lower-case hexadecimal) of certificates that are good no longer. */
  readonly revoked: ReadonlySet<string>;
}

/** The files' bytes, unchecked. @throws LandfallError INVALID_SETTINGS naming the file that cannot be read */
export function readCredentialFiles(files: TlsSettings): Readonly<Record<keyof TlsSettings, Buffer>> {
  const read = (key: keyof TlsSettings): Buffer => {
    const file = files[key];
    if (file === undefined) return Buffer.alloc(0);
    try {
      const bytes = readFileSync(file);
      if (bytes.length > FILE_BYTES_MAX) throw new Error(`larger than ${FILE_BYTES_MAX} bytes`);
      return bytes;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw invalid(key, file, code === "ENOENT" ? "there is no such file" : message, error);
    }
  };
  return { ca: read("ca"), cert: read("cert"), key: read("key"), revoked: read("revoked") };
}

/**
 * Checks that the files fit together and belong to this site. An expired certificate passes: peers refuse it, but
 * a ship goes on taking in what its sensors say.
 * @throws LandfallError INVALID_SETTINGS naming the file and what is wrong with it
 */
export function checkCredentials(
  files: TlsSettings,
  bytes: Readonly<Record<keyof TlsSettings, Buffer>>,
  self: Required<CertifiedSite>,
): SiteCredentials {
  const certificate = parsed("cert", files, () => new X509Certificate(bytes.cert));
  const key = parsed("key", files, () => createPrivateKey(bytes.key));
  parsed("ca", files, () => checkAuthorities(bytes.ca.toString("latin1")));
  if (!certificate.checkPrivateKey(key)) throw invalid("key", files.key, "it does not belong to the certificate");
  const named = certifiedSite(certificate);
  if (named?.site !== self.site || (named.node ?? self.node) !== self.node) {
    const found = named === undefined ? "names no site" : `is of ${siteUri(named)}`;
    throw invalid("cert", files.cert, `the certificate ${found}, want ${siteUri({ site: self.site })}`);
  }
  return { ca: bytes.ca, cert: bytes.cert, key: bytes.key, certificate, revoked: fingerprintsIn(files, bytes.revoked) };
}

function parsed<T>(key: keyof TlsSettings, files: TlsSettings, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw invalid(key, files[key] ?? "", (error as Error).message, error);
  }
}

/** Whether our own certificate is of one of them is not asked: two companies may each trust the other's authority. */
function checkAuthorities(pem: string): void {
  const found = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (found.length === 0) throw new Error("it holds no certificate in PEM");
  for (const text of found)
    if (!new X509Certificate(text).ca) throw new Error("one of its certificates is no authority's");
}

/** One fingerprint a line, with or without colons; `#` begins a comment. */
function fingerprintsIn(files: TlsSettings, list: Buffer): Set<string> {
  const lines = list.toString("utf8").split("\n");
  const found = lines.map((line) => line.replace(/#.*/, "").replaceAll(/[:\s]/g, "").toLowerCase());
  const wrong = found.findIndex((text) => text !== "" && !/^[0-9a-f]{64}$/.test(text));
  if (wrong >= 0) {
    throw invalid(
      "revoked",
      files.revoked ?? "",
      `line ${wrong + 1} is no SHA-256 fingerprint (64 hexadecimal digits)`,
    );
  }
  return new Set(found.filter((text) => text !== ""));
}

function invalid(key: keyof TlsSettings, file: string, why: string, cause?: unknown): LandfallError {
  return new LandfallError("INVALID_SETTINGS", `replication.tls.${key}, ${file}: ${why}`, { cause });
}
