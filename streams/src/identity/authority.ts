// What the X.509 library's dependency injection wants before anything else.
import "reflect-metadata";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { createPrivateKey, webcrypto } from "node:crypto";
import { siteUri, type CertifiedSite } from "./site-uri.js";

/** Elliptic curve P-256: what every TLS of the last ten years speaks, and a signature costs little on a ship. */
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
/** A ship's clock may be behind the authority's. */
const BACKDATED_MS = 60 * 60_000;

/** A certificate and its key, PEM. */
export interface Issued {
  readonly certificate: string;
  readonly key: string;
}

export interface Validity {
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
}

/** An authority of one's own: whoever it issues a certificate to is a site of the fleet. */
export async function createAuthority(name: string, validity: Validity): Promise<Issued> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [name] }],
    keys,
    signingAlgorithm: ALGORITHM,
    ...dates(validity),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pemText(certificate), key: await keyText(keys) };
}

/** A certificate with which a site (or one node of it) dials and answers. */
export async function issueCertificate(authority: Issued, to: CertifiedSite, validity: Validity): Promise<Issued> {
  const issuer = new X509Certificate(authority.certificate);
  const keys = await newKeys();
  const pkcs8 = createPrivateKey(authority.key).export({ type: "pkcs8", format: "der" });
  const certificate = await X509CertificateGenerator.create({
    subject: [{ CN: [to.node === undefined ? to.site : `${to.site}.${to.node}`] }],
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey: await webcrypto.subtle.importKey("pkcs8", pkcs8, ALGORITHM, false, ["sign"]),
    signingAlgorithm: ALGORITHM,
    ...dates(validity),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth, ExtendedKeyUsage.serverAuth]),
      // Tells apart two authorities of one name.
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      new SubjectAlternativeNameExtension([{ type: "url", value: siteUri(to) }]),
    ],
  });
  return { certificate: pemText(certificate), key: await keyText(keys) };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

function dates({ from, to }: Validity): { readonly notBefore: Date; readonly notAfter: Date } {
  return { notBefore: new Date(from - BACKDATED_MS), notAfter: new Date(to) };
}

function pemText(certificate: X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}

async function keyText({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  return `${PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", privateKey), "PRIVATE KEY")}\n`;
}
