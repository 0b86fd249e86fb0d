import type { X509Certificate } from "node:crypto";
import type { TlsSettings } from "../settings/node-settings.js";
import { checkAuthorities, fingerprintsIn, invalidFile, readFiles, readPair, type FileBytes } from "./pem-files.js";
import { certifiedSite, siteUri, type CertifiedSite } from "./site-uri.js";

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

const SETTING = "replication.tls";
const KEYS = ["ca", "cert", "key", "revoked"] as const;

/** The files' bytes, unchecked. @throws LandfallError INVALID_SETTINGS naming the file that cannot be read */
export function readCredentialFiles(files: TlsSettings): FileBytes<keyof TlsSettings> {
  return readFiles({ setting: SETTING, files }, KEYS);
}

/**
 * Checks that the files fit together and belong to this site. An expired certificate passes: peers refuse it, but
 * a ship goes on taking in what its sensors say.
 * @throws LandfallError INVALID_SETTINGS naming the file and what is wrong with it
 */
export function checkCredentials(
  files: TlsSettings,
  bytes: FileBytes<keyof TlsSettings>,
  self: Required<CertifiedSite>,
): SiteCredentials {
  const named = { setting: SETTING, files };
  const certificate = readPair(named, bytes, () => checkAuthorities(named, bytes));
  const site = certifiedSite(certificate);
  if (site?.site !== self.site || (site.node ?? self.node) !== self.node) {
    const found = site === undefined ? "names no site" : `is of ${siteUri(site)}`;
    throw invalidFile(named, "cert", `the certificate ${found}, want ${siteUri({ site: self.site })}`);
  }
  const { ca, cert, key } = bytes;
  return { ca, cert, key, certificate, revoked: fingerprintsIn(named, bytes) };
}
