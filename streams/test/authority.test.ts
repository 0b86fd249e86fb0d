import { mkdtempSync, rmSync, statSync } from "node:fs";
import type { X509Certificate } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { AuthorityFolder } from "../src/identity/authority-folder.js";
import { checkCredentials, readCredentialFiles } from "../src/identity/credential-files.js";
import { certifiedSite, siteUri } from "../src/identity/site-uri.js";

const HOUR_MS = 3_600_000;
const NOW = Date.parse("2026-05-01T12:00:00Z");
const VALIDITY = { from: NOW, to: NOW + 24 * HOUR_MS };

let path: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "landfall-authority-"));
});
afterEach(() => rmSync(path, { recursive: true, force: true }));

async function newAuthority(): Promise<AuthorityFolder> {
  const authority = new AuthorityFolder(join(path, "authority"));
  await authority.create("authority of a test", VALIDITY);
  return authority;
}

it("issues certificates that name one site, or one node of it, and are good for as long as was said", async () => {
  const authority = await newAuthority();
  for (const to of [{ site: "tokyo" }, { site: "tokyo", node: "b" }, { site: "ship-9321483" }]) {
    const certificate = await authority.issue(to, VALIDITY);
    expect(certifiedSite(certificate)).toEqual(to);
    expect(certificate.subjectAltName).toBe(`URI:${siteUri(to)}`);
    expect(certificate.ca).toBe(false);
    expect(Date.parse(certificate.validFrom)).toBeLessThan(NOW);
    expect(Date.parse(certificate.validTo)).toBe(VALIDITY.to);
    expect(authority.issued(to)?.fingerprint256).toBe(certificate.fingerprint256);
  }
});

it("keeps its own key and those of the sites from other users of the machine", async () => {
  const authority = await newAuthority();
  await authority.issue({ site: "tokyo" }, VALIDITY);
  for (const file of ["ca.key.pem", "tokyo/key.pem"]) {
    expect(statSync(join(authority.path, file)).mode & 0o777).toBe(0o600);
  }
});

it("is made once; a revocation is read by the sites", async () => {
  const authority = await newAuthority();
  await expect(newAuthority()).rejects.toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  expect(() => authority.revoke({ site: "kobe" })).toThrow(expect.objectContaining({ code: "NOT_FOUND" }));
  await authority.issue({ site: "kobe" }, VALIDITY);
  await authority.issue({ site: "tokyo" }, VALIDITY);
  const fingerprint = authority.revoke({ site: "kobe" });
  const file = (name: string) => join(authority.path, name);
  const files = {
    ca: file("ca.pem"),
    cert: file("tokyo/cert.pem"),
    key: file("tokyo/key.pem"),
    revoked: file("revoked.txt"),
  };
  const { revoked } = checkCredentials(files, readCredentialFiles(files), { site: "tokyo", node: "a" });
  expect([...revoked]).toEqual([fingerprint]);
});

it.each([
  ["two sites", "URI:landfall://site/tokyo, URI:landfall://site/sydney"],
  ["none", "DNS:tokyo.example, URI:https://tokyo.example"],
  ["something longer", "URI:landfall://site/tokyo/node/a/b"],
  ["a name quoted into one", 'DNS:"x, URI:landfall://site/tokyo"'],
  ["nothing at all", undefined],
])("a certificate that names %s is nobody's", (_what, subjectAltName) => {
  expect(certifiedSite({ subjectAltName } as X509Certificate)).toBeUndefined();
});
