import type { Env, TimerHandle } from "../env.js";
import type { TlsSettings } from "../settings/node-settings.js";
import { checkCredentials, readCredentialFiles, type SiteCredentials } from "./credential-files.js";
import { refusalOfCertificate, type PeerCertificate } from "./peer-certificate.js";
import type { CertifiedSite } from "./site-uri.js";

/** How often the files are looked at: a revocation holds within this time. */
const LOOK_MS = 1_000;
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
  #credentials: SiteCredentials;
  #inForce: Readonly<Record<keyof TlsSettings, Buffer>>;
  #timer: TimerHandle | undefined;
  #warnedAt = -Infinity;
  /** What was wrong with the files at the last look, and what of it has been told. */
  #complaint: string | undefined;
  #told: string | undefined;
  readonly #listeners = new Set<(credentials: SiteCredentials) => void>();

  /** @throws LandfallError INVALID_SETTINGS */
  constructor(private readonly options: SiteIdentityOptions) {
    const { files, self } = options;
    this.#inForce = readCredentialFiles(files);
    this.#credentials = checkCredentials(files, this.#inForce, self);
  }

  get credentials(): SiteCredentials {
    return this.#credentials;
  }

  /** Milliseconds since 1970 after which the own certificate is no longer good. */
  get expiresAt(): number {
    return Date.parse(this.#credentials.certificate.validTo);
  }

  /** Why this peer's certificate is good no longer, or undefined. */
  refusalOf(peer: PeerCertificate) {
    return refusalOfCertificate(peer, this.#credentials.revoked, this.options.env.now());
  }

  /** Calls back whenever other files are in force. @returns how to end that */
  onChange(listener: (credentials: SiteCredentials) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Follows the files until `stop`. */
  start(): void {
    this.#look();
    this.#timer = this.options.env.setTimer(LOOK_MS, () => this.start());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    const { files, self, trouble } = this.options;
    let complaint: string | undefined;
    try {
      const read = readCredentialFiles(files);
      if (Object.entries(read).some(([key, bytes]) => !bytes.equals(this.#inForce[key as keyof TlsSettings]))) {
        this.#credentials = checkCredentials(files, read, self);
        this.#inForce = read;
        for (const listener of this.#listeners) listener(this.#credentials);
      }
    } catch (error) {
      complaint = `${(error as Error).message}; what was there before stays in force`;
    }
    // Files are replaced one after the other: what does not fit together is told when it still does not a look later.
    const isLasting = complaint !== undefined && complaint === this.#complaint;
    if (isLasting && complaint !== this.#told) trouble("INVALID_SETTINGS", complaint ?? "");
    this.#told = isLasting ? complaint : undefined;
    this.#complaint = complaint;
    this.#warnOfExpiry();
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
