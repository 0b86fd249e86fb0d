// What the X.509 library's dependency injection wants before anything else.
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { webcrypto } from "node:crypto";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const VALID_MS = 7 * 24 * 3_600_000;

/** An authority made for one cluster, a broker's certificate and a client's: PEM. */
export interface ClusterCertificates {
  readonly ca: string;
  /** Certificate and key in one file, as Kafka's PEM keystore wants it. */
  readonly broker: string;
  readonly client: { readonly cert: string; readonly key: string };
}

/** Certificates for brokers on loopback under these names. */
export async function makeCertificates(names: readonly string[]): Promise<ClusterCertificates> {
  const keys = await newKeys();
  const now = Date.now();
  const dates = { notBefore: new Date(now - VALID_MS), notAfter: new Date(now + VALID_MS) };
  const authority = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: ["Landfall's brokers"] }],
    keys,
    signingAlgorithm: ALGORITHM,
    ...dates,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  const issue = async (name: string, usage: ExtendedKeyUsage): Promise<{ cert: string; key: string }> => {
    const own = await newKeys();
    const certificate = await X509CertificateGenerator.create({
      subject: [{ CN: [name] }],
      issuer: authority.subject,
      publicKey: own.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: ALGORITHM,
      ...dates,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([usage]),
        new SubjectAlternativeNameExtension([
          { type: "ip", value: "127.0.0.1" },
          ...names.map((value) => ({ type: "dns", value }) as const),
        ]),
      ],
    });
    return { cert: `${certificate.toString("pem")}\n`, key: await keyText(own.privateKey) };
  };
  const broker = await issue("broker", ExtendedKeyUsage.serverAuth);
  return {
    ca: `${authority.toString("pem")}\n`,
    broker: broker.key + broker.cert,
    client: await issue("client", ExtendedKeyUsage.clientAuth),
  };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

async function keyText(key: webcrypto.CryptoKey): Promise<string> {
  return `${PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY")}\n`;
}
