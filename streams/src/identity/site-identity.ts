import type { Env } from "../env.js";
import type { TlsSettings } from "../settings/node-settings.js";
import { checkCredentials, readCredentialFiles, type SiteCredentials } from "./credential-files.js";
import { FollowedFiles } from "./followed-files.js";
import { refusalOfCertificate, type PeerCertificate } from "./peer-certificate.js";
import type { CertifiedSite } from "./site-uri.js";

/** From here on the expiry of the own certificate is told, once a day. */
const EXPIRY_WARNING_MS = 14 * 86_400_000;
const DAY_MS = 86_400_000;

export interface SiteIdentityOptions {
  readonly files: TlsSettings;
  readonly self: Required<CertifiedSite>;
  readonly env: Env;
  /** Told about files that changed and are not good (the old ones stay), and of an expiry ahead. */
  readonly trouble: (code: "INVALID_SETTINGS" | "CERTIFICATE_EXPIRES", message: string) => void;
}

/** What a site proves itself with. Follows its files: a new certificate is used from the next connection on. */
export class SiteIdentity {
  readonly #files: FollowedFiles<keyof TlsSettings, SiteCredentials>;
  #warnedAt = -Infinity;

  /** @throws LandfallError INVALID_SETTINGS */
  constructor(private readonly options: SiteIdentityOptions) {
    const { files, self, env, trouble } = options;
    this.#files = new FollowedFiles({
      read: () => readCredentialFiles(files),
      check: (bytes) => checkCredentials(files, bytes, self),
      env,
      trouble: (message) => trouble("INVALID_SETTINGS", message),
      onLook: () => this.#warnOfExpiry(),
    });
  }

  get credentials(): SiteCredentials {
    return this.#files.value;
  }

  /** Milliseconds since 1970 after which the own certificate is no longer good. */
  get expiresAt(): number {
    return Date.parse(this.credentials.certificate.validTo);
  }

  /** Why this peer's certificate is good no longer, or undefined. */
  refusalOf(peer: PeerCertificate) {
    return refusalOfCertificate(peer, this.credentials.revoked, this.options.env.now());
  }

  /** Calls back whenever other files are in force. @returns how to end that */
  onChange(listener: (credentials: SiteCredentials) => void): () => void {
    return this.#files.onChange(listener);
  }

  /** Follows the files until `stop`. */
  start(): void {
    this.#files.start();
  }

  stop(): void {
    this.#files.stop();
  }

  #warnOfExpiry(): void {
    const now = this.options.env.now();
    if (this.expiresAt - now > EXPIRY_WARNING_MS || now - this.#warnedAt < DAY_MS) return;
    this.#warnedAt = now;
    const when = new Date(this.expiresAt).toISOString();
    const text = now >= this.expiresAt ? "has expired" : "expires";
    this.options.trouble("CERTIFICATE_EXPIRES", `this site's own certificate ${text} at ${when}`);
  }
}
