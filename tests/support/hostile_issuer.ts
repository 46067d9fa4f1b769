import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";

type Answer = (request: Request) => Response | Promise<Response> | undefined;

/**
 * An issuer that signs whatever a test wants, and answers as badly as it is told: discovery, keys, tokens. The keys are
 * ES256, named by their order.
 */
export class HostileIssuer implements AsyncDisposable {
  readonly url: string;
  /** What was asked for, by path. */
  readonly asked: string[] = [];
  /** In place of what a good one does, where it gives something. */
  answer: Answer = () => undefined;
  /** Given out at the token endpoint. */
  idToken = "";
  userinfo: Record<string, unknown> | undefined;
  /** Beside what metadata have to have. */
  metadata: Record<string, unknown> = {};
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #keys: Awaited<ReturnType<typeof generateKeyPair>>[] = [];

  private constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#respond(request),
    );
    this.url = `http://127.0.0.1:${this.#server.addr.port}`;
  }

  static async start(): Promise<HostileIssuer> {
    const issuer = new HostileIssuer();
    await issuer.addKey();
    return issuer;
  }

  /** From now on it signs by this one; the others stay in its keys until `forgetKeys`. */
  async addKey(): Promise<void> {
    this.#keys.push(await generateKeyPair("ES256", { extractable: true }));
  }

  /** All but the newest. */
  forgetKeys(): void {
    this.#keys.splice(0, this.#keys.length - 1);
  }

  /** A token of the issuer's, good for five minutes, with these claims over the usual ones. */
  async sign(claims: JWTPayload, header: Record<string, unknown> = {}, nowMs = Date.now()): Promise<string> {
    const key = this.#keys.at(-1)?.privateKey;
    if (key === undefined) throw new Error("no key");
    const nowS = Math.floor(nowMs / 1_000);
    return await new SignJWT({ iss: this.url, iat: nowS, exp: nowS + 300, ...claims })
      .setProtectedHeader({ alg: "ES256", kid: await this.kid(), ...header }).sign(key);
  }

  async kid(): Promise<string> {
    const { x = "" } = await exportJWK(this.#keys.at(-1)?.publicKey ?? fail());
    return x.slice(0, 8);
  }

  /** The public key of the newest, as whoever would make a secret of it has it. */
  async publicJwk() {
    return await exportJWK(this.#keys.at(-1)?.publicKey ?? fail());
  }

  async #respond(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    this.asked.push(pathname);
    const own = await this.answer(request);
    if (own !== undefined) return own;
    const { url } = this;
    switch (pathname) {
      case "/.well-known/openid-configuration":
        return Response.json({
          issuer: url,
          authorization_endpoint: `${url}/auth`,
          token_endpoint: `${url}/token`,
          jwks_uri: `${url}/jwks`,
          end_session_endpoint: `${url}/end`,
          authorization_response_iss_parameter_supported: true,
          id_token_signing_alg_values_supported: ["ES256", "HS256", "none"],
          ...(this.userinfo === undefined ? {} : { userinfo_endpoint: `${url}/me` }),
          ...this.metadata,
        });
      case "/jwks":
        return Response.json({
          keys: await Promise.all(this.#keys.map(async ({ publicKey }) => {
            const jwk = await exportJWK(publicKey);
            return { ...jwk, kid: jwk.x?.slice(0, 8), alg: "ES256", use: "sig" };
          })),
        });
      case "/token":
        return Response.json({ access_token: "theirs", token_type: "Bearer", id_token: this.idToken });
      case "/me":
        return Response.json(this.userinfo);
      default:
        return new Response("nothing", { status: 404 });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

function fail(): never {
  throw new Error("no key");
}
