import { X509Certificate } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LandfallError } from "../model/errors.js";
import { createAuthority, issueCertificate, type Validity } from "./authority.js";
import { fingerprintOf } from "./peer-certificate.js";
import { certifiedSite, type CertifiedSite } from "./site-uri.js";

/**
 * An authority as files: `ca.pem` and `ca.key.pem`, `revoked.txt`, and for each site (or node, `tokyo.b`) a folder
 * with `cert.pem` and `key.pem`. Keys are for the owner of the folder alone.
 */
export class AuthorityFolder {
  constructor(readonly path: string) {}

  get exists(): boolean {
    return existsSync(this.#file("ca.pem"));
  }

  /** @throws LandfallError INVALID_ARGUMENT when there is an authority already: whatever it issued would be worth nothing */
  async create(name: string, validity: Validity): Promise<void> {
    if (this.exists) throw new LandfallError("INVALID_ARGUMENT", `there is an authority in ${this.path} already`);
    const { certificate, key } = await createAuthority(name, validity);
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    writeSecret(this.#file("ca.key.pem"), key);
    writeFileSync(this.#file("revoked.txt"), "# SHA-256 fingerprints of certificates that are good no longer\n", {
      flag: "a",
    });
    // Last: a folder with this file is complete.
    writeFileSync(this.#file("ca.pem"), certificate);
  }

  /** Writes a new certificate and key for a site; nodes that run with the files take them up by themselves. */
  async issue(to: CertifiedSite, validity: Validity): Promise<X509Certificate> {
    const authority = { certificate: this.#read("ca.pem"), key: this.#read("ca.key.pem") };
    const issued = await issueCertificate(authority, to, validity);
    const folder = this.#file(folderOf(to));
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeSecret(join(folder, "key.pem"), issued.key);
    replace(join(folder, "cert.pem"), issued.certificate, 0o644);
    return new X509Certificate(issued.certificate);
  }

  /** The certificate that a site has here; undefined before the first. */
  issued(to: CertifiedSite): X509Certificate | undefined {
    const file = join(folderOf(to), "cert.pem");
    return existsSync(this.#file(file)) ? new X509Certificate(this.#read(file)) : undefined;
  }

  /** Adds a site's present certificate to `revoked.txt`. @returns its fingerprint */
  revoke(to: CertifiedSite): string {
    const certificate = this.issued(to);
    if (certificate === undefined) {
      throw new LandfallError("NOT_FOUND", `${this.path} holds no certificate of ${folderOf(to)}`);
    }
    const fingerprint = fingerprintOf(certificate);
    const name = folderOf(certifiedSite(certificate) ?? to);
    appendFileSync(this.#file("revoked.txt"), `${fingerprint} # ${name}, until ${certificate.validTo}\n`);
    return fingerprint;
  }

  #file(name: string): string {
    return join(this.path, name);
  }

  #read(name: string): string {
    try {
      return readFileSync(this.#file(name), "utf8");
    } catch (error) {
      throw new LandfallError("NOT_FOUND", `no authority in ${this.path}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
}

function folderOf({ site, node }: CertifiedSite): string {
  return node === undefined ? site : `${site}.${node}`;
}

function writeSecret(file: string, text: string): void {
  replace(file, text, 0o600);
}

/** Whole or not at all: a node may read it at any moment. */
function replace(file: string, text: string, mode: number): void {
  const next = `${file}.next`;
  writeFileSync(next, text, { mode });
  renameSync(next, file);
}
