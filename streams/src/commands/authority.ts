import { systemEnv } from "../env.js";
import { AuthorityFolder } from "../identity/authority-folder.js";
import { fingerprintOf } from "../identity/peer-certificate.js";
import { isLandfallError } from "../model/errors.js";
import { nodeName, siteName } from "../model/names.js";
import { CommandError, withErrors } from "./command-error.js";

const DAY_MS = 86_400_000;
/** With `--if-needed`, a certificate that is good for longer than this is left alone. */
const RENEW_DAYS = 30;

export interface AuthorityOptions {
  readonly days: number;
  readonly ifNeeded?: boolean;
}

/** Makes an authority in a folder. @returns the exit code */
export function createAuthorityIn(folder: string, options: AuthorityOptions & { name: string }): Promise<number> {
  return run(async () => {
    const authority = new AuthorityFolder(folder);
    if (options.ifNeeded === true && authority.exists) return;
    await authority.create(options.name, validity(options.days));
    process.stdout.write(`An authority is in ${folder}; ca.key.pem makes sites: keep it where no site can read it\n`);
  });
}

/** Issues a certificate for each site, or for one node of it. @returns the exit code */
export function issueCertificates(
  folder: string,
  sites: readonly string[],
  options: AuthorityOptions & { node?: string },
): Promise<number> {
  return run(async () => {
    const authority = new AuthorityFolder(folder);
    for (const site of sites) {
      const to = { site: siteName(site), ...(options.node !== undefined && { node: nodeName(options.node) }) };
      const expires = Date.parse(authority.issued(to)?.validTo ?? "");
      if (options.ifNeeded === true && expires - systemEnv.now() > RENEW_DAYS * DAY_MS) continue;
      const certificate = await authority.issue(to, validity(options.days));
      process.stdout.write(`${site}: good until ${certificate.validTo}, ${fingerprintOf(certificate)}\n`);
    }
  });
}

/** Puts a site's present certificate on the list of those that are good no longer. @returns the exit code */
export function revokeCertificate(folder: string, site: string, options: { node?: string }): Promise<number> {
  return run(() => {
    const { node } = options;
    const fingerprint = new AuthorityFolder(folder).revoke({ site, ...(node !== undefined && { node }) });
    process.stdout.write(`${site}: ${fingerprint} is revoked wherever replication.tls.revoked is this list\n`);
  });
}

function run(work: () => Promise<void> | void): Promise<number> {
  return withErrors("authority", async () => {
    try {
      await work();
      return 0;
    } catch (error) {
      throw isLandfallError(error) ? new CommandError(error.message, { cause: error }) : error;
    }
  });
}

function validity(days: number): { readonly from: number; readonly to: number } {
  const now = systemEnv.now();
  return { from: now, to: now + days * DAY_MS };
}
