import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTPayload } from "jose";
import { Provider, type Configuration } from "oidc-provider";

export const CLIENT_ID = "landfall";
export const CLIENT_SECRET = "a secret of this test's client";

/** What the provider says in place of the ID token that it would have given. */
export type Tamper = (
  claims: JWTPayload,
  sign: (claims: JWTPayload, header?: object) => Promise<string>,
) => Promise<string>;

const ACCOUNTS: Readonly<Record<string, object>> = {
  nora: { preferred_username: "Nora", name: "Nora N.", groups: ["fleet", "canteen"] },
  adam: { preferred_username: "adam", groups: ["fleet-admins"] },
  stranger: { preferred_username: "stranger", groups: ["canteen"] },
  /** Calls herself as somebody else does. */
  twin: { preferred_username: "NORA", groups: ["fleet"] },
};

/** A real identity provider on this machine, with people who have any password. */
export class IdentityProvider {
  tamper: Tamper | undefined;

  private constructor(
    private server: Server,
    readonly port: number,
    private readonly redirectUri: string,
  ) {}

  static async start(redirectUri: string): Promise<IdentityProvider> {
    const provider = new IdentityProvider(createServer(), 0, redirectUri);
    const server = await provider.listen(0);
    const made = new IdentityProvider(server, (server.address() as AddressInfo).port, redirectUri);
    await made.rotateKeys();
    return made;
  }

  get issuer(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The same provider with keys that nobody has seen. */
  async rotateKeys(): Promise<void> {
    const { privateKey } = await generateKeyPair("RS256", { extractable: true });
    const kid = crypto.randomUUID();
    const jwk: JWK = { ...(await exportJWK(privateKey)), kid, use: "sig", alg: "RS256" };
    const provider = new Provider(this.issuer, this.configuration(jwk));
    // It asks people to agree to what they are asked on a page of its own, which loads fonts from elsewhere; the test reads only its forms.
    provider.use(async (ctx, next) => {
      await next();
      const body = ctx.body as { id_token?: string } | undefined;
      if (ctx.path !== "/token" || !this.tamper || typeof body?.id_token !== "string") return;
      const claims = JSON.parse(Buffer.from(body.id_token.split(".")[1] ?? "", "base64url").toString()) as JWTPayload;
      const sign = (changed: JWTPayload, header: object = {}) =>
        signed(changed, privateKey, { alg: "RS256", kid, ...header });
      ctx.body = { ...body, id_token: await this.tamper(claims, sign) };
    });
    this.server.removeAllListeners("request");
    this.server.on("request", (request, response) => void provider.callback()(request, response));
  }

  /** Nobody listens any more. */
  async stop(): Promise<void> {
    this.server.closeAllConnections();
    if (this.server.listening) await new Promise((resolve) => this.server.close(resolve));
  }

  /** Listens again, on the same port. */
  async again(): Promise<void> {
    this.server = await this.listen(this.port);
    await this.rotateKeys();
  }

  private async listen(port: number): Promise<Server> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    return server;
  }

  private configuration(jwk: JWK): Configuration {
    return {
      jwks: { keys: [jwk] },
      cookies: { keys: ["a key of this test"] },
      clients: [
        {
          client_id: CLIENT_ID,
          client_secret: CLIENT_SECRET,
          redirect_uris: [this.redirectUri],
          response_types: ["code"],
          grant_types: ["authorization_code"],
        },
      ],
      claims: { openid: ["sub"], profile: ["preferred_username", "name", "groups"] },
      pkce: { required: () => true },
      findAccount: (_ctx, id) => ({
        accountId: id,
        claims: () => Promise.resolve({ sub: id, ...ACCOUNTS[id] }),
      }),
    };
  }
}

function signed(claims: JWTPayload, key: CryptoKey, header: { alg: string; kid: string }): Promise<string> {
  return new SignJWT(claims).setProtectedHeader(header).sign(key);
}

/** A browser without a screen: follows redirects, keeps cookies of each site, fills in the provider's forms. */
export class FormBrowser {
  private readonly cookies = new Map<string, Map<string, string>>();

  cookieOf(url: string, name: string): string | undefined {
    return this.cookies.get(new URL(url).host)?.get(name);
  }

  async ask(url: string, init: RequestInit = {}): Promise<Response> {
    const { host } = new URL(url);
    const jar = this.cookies.get(host) ?? new Map<string, string>();
    this.cookies.set(host, jar);
    const response = await fetch(url, {
      ...init,
      redirect: "manual",
      headers: {
        accept: "text/html",
        ...(jar.size > 0 && { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; ") }),
        ...(init.headers as Record<string, string> | undefined),
      },
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      const at = pair.indexOf("=");
      const value = pair.slice(at + 1);
      if (value === "" || /expires=thu, 01 jan 1970|max-age=0/i.test(line)) jar.delete(pair.slice(0, at));
      else jar.set(pair.slice(0, at), value);
    }
    return response;
  }

  /**
   * Signs in as somebody, up to where the provider sends the browser back to.
   * @returns that address, not asked yet
   */
  async signIn(startUrl: string, login: string, callback: string): Promise<string> {
    let response = await this.ask(startUrl);
    let at = startUrl;
    for (let steps = 0; steps < 20; steps++) {
      const location = response.headers.get("location");
      if (location !== null) {
        at = new URL(location, at).href;
        if (at.startsWith(callback)) return at;
        response = await this.ask(at);
        continue;
      }
      const page = await response.text();
      const action = /action="([^"]+)"/.exec(page)?.[1];
      const prompt = /name="prompt" value="([^"]+)"/.exec(page)?.[1];
      if (action === undefined || prompt === undefined) throw new Error(`${at} answered ${response.status}: ${page}`);
      response = await this.ask(new URL(action, at).href, {
        method: "POST",
        body: new URLSearchParams({ prompt, ...(prompt === "login" && { login, password: "any" }) }).toString(),
        headers: { "content-type": "application/x-www-form-urlencoded" },
      });
    }
    throw new Error("the provider sends the browser around for ever");
  }
}
