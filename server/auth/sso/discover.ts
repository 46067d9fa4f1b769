import { createPrivateKey } from "node:crypto";
import type { ClientAuth, Configuration } from "openid-client";
import { AppError } from "../../../contract/errors.ts";
import type { ProviderFetch } from "./provider_fetch.ts";
import type { SsoSettings } from "./settings.ts";

const TIMEOUT_S = 10;

/** Reads a provider's metadata, as a client of it or, where none is named, to know its keys alone. */
export async function discover(
  issuer: URL,
  fetch: ProviderFetch,
  client?: Pick<SsoSettings, "clientId" | "client">,
): Promise<Configuration> {
  const library = await import("openid-client");
  const auth = client === undefined ? library.None() : await clientAuth(client.client);
  return await library.discovery(issuer, client?.clientId ?? "none", undefined, auth, {
    [library.customFetch]: fetch,
    timeout: TIMEOUT_S,
    // createProviderFetch holds it to https, but for an issuer on this machine.
    ...(issuer.protocol === "http:" ? { execute: [library.allowInsecureRequests] } : {}),
  });
}

async function clientAuth(client: SsoSettings["client"]): Promise<ClientAuth> {
  const { ClientSecretBasic, ClientSecretPost, PrivateKeyJwt } = await import("openid-client");
  if ("keyPem" in client) return PrivateKeyJwt(await importKey(client.keyPem));
  const [basic, post] = [ClientSecretBasic(client.secret), ClientSecretPost(client.secret)];
  return (server, metadata, body, headers) => {
    const methods = server.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
    const isPost = !methods.includes("client_secret_basic") && methods.includes("client_secret_post");
    return (isPost ? post : basic)(server, metadata, body, headers);
  };
}

/** A private key in PEM or as a JWK, for RS256 or by its curve. Throws `invalid`. */
export async function importKey(text: string) {
  const { importJWK, importPKCS8 } = await import("jose");
  try {
    if (text.trimStart().startsWith("{")) {
      const jwk = JSON.parse(text);
      const key = await importJWK(jwk, jwk.alg ?? algorithmOf(createPrivateKey({ key: jwk, format: "jwk" })));
      if (key instanceof Uint8Array || key.type !== "private") throw new Error("expected a private key");
      return typeof jwk.kid === "string" ? { key, kid: jwk.kid } : { key };
    }
    const parsed = createPrivateKey(text);
    const pem = parsed.export({ type: "pkcs8", format: "pem" }).toString();
    return { key: await importPKCS8(pem, algorithmOf(parsed)) };
  } catch (cause) {
    throw new AppError(
      "invalid",
      "SLUICE_OIDC_CLIENT_KEY_FILE names no private key: expected one in PEM (PKCS #8) or as a JWK, of RSA or of a curve",
      { cause },
    );
  }
}

function algorithmOf(
  { asymmetricKeyType, asymmetricKeyDetails }: ReturnType<typeof createPrivateKey>,
): string {
  if (asymmetricKeyType === "rsa") return "RS256";
  if (asymmetricKeyType === "ed25519") return "EdDSA";
  const byCurve: Readonly<Record<string, string>> = {
    prime256v1: "ES256",
    secp384r1: "ES384",
    secp521r1: "ES512",
  };
  const algorithm = byCurve[asymmetricKeyDetails?.namedCurve ?? ""];
  if (algorithm !== undefined) return algorithm;
  throw new Error(`no algorithm for a key of the type ${asymmetricKeyType}`);
}
