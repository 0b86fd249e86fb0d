import { readFile } from "node:fs/promises";
import type { Env } from "@landfall/streams/env";
import { isLandfallError, LandfallError } from "@landfall/streams/model/errors";
import { createRemoteJWKSet, jwtVerify, type RemoteJWKSet } from "jose";
import * as client from "openid-client";
import { OIDC_TIMEOUT_SECONDS } from "../limits.js";
import type { OidcSettings } from "../settings.js";
import { personOfClaims, type Claims, type Vouched } from "./oidc-claims.js";
import { PendingSignIns } from "./oidc-pending.js";

/** Signatures that only the holder of a private key can make: no `none`, and no secret that we would share. */
const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];
/** The provider's clock may differ from ours by so much. */
const CLOCK_SECONDS = 30;
/** Keys are asked for anew after this, and earlier for a key that is not known, but not more often than the second. */
const KEYS_MS_MAX = 10 * 60_000;
const KEYS_MS_MIN = 1_000;

export const CALLBACK_PATH = "/api/oidc/callback";

interface Provider {
  readonly config: client.Configuration;
  readonly keys: RemoteJWKSet;
}

/**
 * Signing in at an identity provider (OpenID Connect, authorization code with PKCE). The provider is asked for its addresses
 * when the first person wants to sign in, so that a headquarters starts without it.
 */
export class OidcSignIn {
  private readonly pending: PendingSignIns;
  private provider: Promise<Provider> | undefined;

  constructor(
    private readonly settings: OidcSettings,
    private readonly env: Pick<Env, "now" | "monotonic">,
  ) {
    this.pending = new PendingSignIns(env);
  }

  /**
   * Begins one. @param to a path here, for afterwards
   * @returns where to send the browser, and the state that its cookie must hold when it comes back
   * @throws LandfallError UNAVAILABLE
   */
  async begin(to: string): Promise<{ readonly url: string; readonly state: string }> {
    return this.asking(async () => {
      const { config } = await this.known();
      const verifier = client.randomPKCECodeVerifier();
      const [state, nonce] = [client.randomState(), client.randomNonce()];
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: this.redirectUri,
        scope: this.settings.scope,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
        state,
        nonce,
      });
      this.pending.add(state, { nonce, verifier, to });
      return { url: url.href, state };
    });
  }

  /**
   * Ends one. @param query what the provider sent the browser back with @param state what the browser's cookie holds
   * @throws LandfallError UNAUTHENTICATED, UNAVAILABLE
   */
  async finish(query: string, state: string | undefined): Promise<{ readonly person: Vouched; readonly to: string }> {
    const given = new URLSearchParams(query).get("state");
    // Taken out in any case: a state comes back once.
    const pending = given === null ? undefined : this.pending.take(given);
    if (!pending || given !== state) {
      throw new LandfallError("UNAUTHENTICATED", "this sign-in is over, or was begun in another browser: begin again");
    }
    return this.asking(async () => {
      const { config, keys } = await this.known();
      const answer = await client.authorizationCodeGrant(config, new URL(`${this.redirectUri}?${query}`), {
        pkceCodeVerifier: pending.verifier,
        expectedNonce: pending.nonce,
        expectedState: given ?? "",
        idTokenExpected: true,
      });
      const claims = await this.verified(answer.id_token ?? "", config.serverMetadata().issuer, keys, pending.nonce);
      const all = await this.withUserInfo(config, answer.access_token, claims);
      return { person: personOfClaims(this.settings, config.serverMetadata().issuer, all), to: pending.to };
    });
  }

  private get redirectUri(): string {
    return `${this.settings.publicUrl.replace(/\/$/, "")}${CALLBACK_PATH}`;
  }

  /** The claims of an ID token that the provider has signed, for us, for this sign-in, and that is still good. */
  private async verified(token: string, issuer: string, keys: RemoteJWKSet, nonce: string): Promise<Claims> {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience: this.settings.clientId,
      algorithms: ALGORITHMS,
      requiredClaims: ["sub", "exp", "iat", "nonce"],
      clockTolerance: CLOCK_SECONDS,
      currentDate: new Date(this.env.now()),
    });
    if (payload["nonce"] !== nonce) throw new LandfallError("UNAUTHENTICATED", "the ID token is of another sign-in");
    return payload;
  }

  /** Groups and names may be told only to who asks with the access token. */
  private async withUserInfo(config: client.Configuration, accessToken: string, claims: Claims): Promise<Claims> {
    const { groupsClaim, nameClaim } = this.settings;
    const isComplete = claims[groupsClaim] !== undefined && claims[nameClaim] !== undefined;
    if (isComplete || config.serverMetadata().userinfo_endpoint === undefined) return claims;
    const more = await client.fetchUserInfo(config, accessToken, String(claims["sub"]));
    return { ...(more as Claims), ...claims };
  }

  /** The provider's addresses and keys; asked for again after a failure. */
  private known(): Promise<Provider> {
    return (this.provider ??= this.discover().catch((error: unknown) => {
      this.provider = undefined;
      throw error;
    }));
  }

  private async discover(): Promise<Provider> {
    const { issuer, clientId, clientSecret, clientSecretFile } = this.settings;
    const secret = clientSecretFile === undefined ? clientSecret : (await readFile(clientSecretFile, "utf8")).trimEnd();
    const url = new URL(issuer);
    const config = await client.discovery(
      url,
      clientId,
      {},
      secret === undefined ? client.None() : client.ClientSecretBasic(secret),
      {
        timeout: OIDC_TIMEOUT_SECONDS,
        // Settings take plain HTTP on this machine alone.
        ...(url.protocol === "http:" && { execute: [client.allowInsecureRequests] }),
      },
    );
    const { jwks_uri: keysAt } = config.serverMetadata();
    if (keysAt === undefined) throw new LandfallError("UNAVAILABLE", `${issuer} does not say where its keys are`);
    const keys = createRemoteJWKSet(new URL(keysAt), {
      cacheMaxAge: KEYS_MS_MAX,
      cooldownDuration: KEYS_MS_MIN,
      timeoutDuration: OIDC_TIMEOUT_SECONDS * 1_000,
    });
    return { config, keys };
  }

  /** Says in our words what went wrong: the provider does not answer, or what it says does not hold. */
  private async asking<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (isLandfallError(error)) throw error;
      const reason = reasonOf(error);
      if (isUnreachable(error)) {
        throw new LandfallError(
          "UNAVAILABLE",
          `the identity provider ${this.settings.issuer} does not answer (${reason}): try again later, or sign in with a password`,
          { cause: error },
        );
      }
      throw new LandfallError("UNAUTHENTICATED", `the identity provider's answer does not hold: ${reason}`, {
        cause: error,
      });
    }
  }
}

/** Codes of the libraries and of the system for: nobody there, or nothing that could be understood. */
const UNREACHABLE = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
  "ENOENT",
  "UND_ERR_SOCKET",
  "UND_ERR_CONNECT_TIMEOUT",
  "OAUTH_TIMEOUT",
  "OAUTH_RESPONSE_IS_NOT_CONFORM",
  "OAUTH_RESPONSE_IS_NOT_JSON",
  "ERR_JWKS_TIMEOUT",
  "ERR_JOSE_GENERIC",
]);

function isUnreachable(error: unknown): boolean {
  return (
    codesOf(error).some((code) => UNREACHABLE.has(code)) ||
    (error instanceof TypeError && error.message === "fetch failed")
  );
}

function reasonOf(error: unknown): string {
  const [code] = codesOf(error).slice(-1);
  const { message } = error as Error;
  return code === undefined || code === message ? message : `${message}, ${code}`;
}

function codesOf(error: unknown): string[] {
  const codes: string[] = [];
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { code } = at as NodeJS.ErrnoException;
    if (typeof code === "string") codes.push(code);
  }
  return codes;
}
