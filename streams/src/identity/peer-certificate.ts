import type { X509Certificate } from "node:crypto";
import { LandfallError } from "../model/errors.js";
import { certifiedSite, siteUri, type CertifiedSite } from "./site-uri.js";

/** What a peer's certificate proved when the link came up. */
export interface PeerCertificate extends CertifiedSite {
  /** SHA-256 of the certificate, 64 hexadecimal digits. */
  readonly fingerprint: string;
  /** Milliseconds since 1970 after which it is no longer good. */
  readonly expiresAt: number;
}

export function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(":", "").toLowerCase();
}

/**
 * Reads who a peer is from a certificate that TLS has traced to our authority.
 * @throws LandfallError CERTIFICATE_REFUSED when it names no site
 */
export function readPeerCertificate(certificate: X509Certificate): PeerCertificate {
  const named = certifiedSite(certificate);
  if (named === undefined) {
    const want = siteUri({ site: "<name>" });
    throw new LandfallError("CERTIFICATE_REFUSED", `the certificate names no site, want ${want} as its only such URI`);
  }
  return { ...named, fingerprint: fingerprintOf(certificate), expiresAt: Date.parse(certificate.validTo) };
}

/** Why a certificate that was good when the link came up no longer is, or undefined. */
export function refusalOfCertificate(
  certificate: PeerCertificate,
  revoked: ReadonlySet<string>,
  now: number,
): LandfallError | undefined {
  const { site, fingerprint, expiresAt } = certificate;
  if (revoked.has(fingerprint)) {
    return new LandfallError("CERTIFICATE_REFUSED", `the certificate of ${site} is revoked (${fingerprint})`);
  }
  if (now >= expiresAt) {
    const when = new Date(expiresAt).toISOString();
    return new LandfallError("CERTIFICATE_REFUSED", `the certificate of ${site} has expired, at ${when}`);
  }
  return undefined;
}
