import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { X509Certificate } from "node:crypto";
import { systemEnv } from "../src/env.js";
import { createAuthority, issueCertificate, type Issued } from "../src/identity/authority.js";
import { fingerprintOf } from "../src/identity/peer-certificate.js";
import type { CertifiedSite } from "../src/identity/site-uri.js";
import type { TlsSettings } from "../src/settings/node-settings.js";

const DAY_MS = 86_400_000;

/** An authority in a folder of its own, with files for every site that asks. */
export class TestAuthority {
  private constructor(
    private readonly folder: string,
    private readonly authority: Issued,
  ) {}

  static async create(name = "authority of a test"): Promise<TestAuthority> {
    const now = systemEnv.now();
    const authority = await createAuthority(name, { from: now - 90 * DAY_MS, to: now + 90 * DAY_MS });
    return new TestAuthority(mkdtempSync(join(tmpdir(), "landfall-authority-")), authority);
  }

  /** Writes the files of a site (again, when it has some). `days` may be negative: an expired certificate. */
  async issue(
    to: CertifiedSite,
    { days = 30, as = to.site } = {},
  ): Promise<Required<TlsSettings> & { fingerprint: string }> {
    const now = systemEnv.now();
    const issued = await issueCertificate(this.authority, to, { from: now - 60 * DAY_MS, to: now + days * DAY_MS });
    const folder = join(this.folder, as);
    mkdirSync(folder, { recursive: true });
    const file = (name: string) => join(folder, name);
    writeFileSync(file("ca.pem"), this.authority.certificate);
    writeFileSync(file("cert.pem"), issued.certificate);
    writeFileSync(file("key.pem"), issued.key, { mode: 0o600 });
    writeFileSync(file("revoked.txt"), "# none\n");
    return {
      ca: file("ca.pem"),
      cert: file("cert.pem"),
      key: file("key.pem"),
      revoked: file("revoked.txt"),
      fingerprint: fingerprintOf(new X509Certificate(issued.certificate)),
    };
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
