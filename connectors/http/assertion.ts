import { AppError } from "../../contract/errors.ts";
import type { AssertionAuth, TokenForm } from "./auth.ts";

/** How long a server may take the assertion: none wants more, and some take none that is good for longer. */
const LIFE_S = 180;
const GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ALGORITHM = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };

/**
 * The form that asks for an access token by a signed assertion (RFC 7523, signed by RS256). Throws `invalid` where the key is
 * none to sign with, without a word of it.
 */
export async function assertionForm(auth: AssertionAuth, nowMs: number): Promise<TokenForm> {
  const { access_token_url: url, access_token_request_data: more } = auth;
  const form = { grant_type: GRANT, assertion: await signedAssertion(auth, nowMs), ...more };
  return { url: new URL(url), form: new URLSearchParams(form) };
}

async function signedAssertion(auth: AssertionAuth, nowMs: number): Promise<string> {
  const { client_id, private_key_id, scopes, audience, subject, access_token_url } = auth;
  const issuedAt = Math.floor(nowMs / 1000);
  const header = {
    alg: "RS256",
    typ: "JWT",
    ...(private_key_id === undefined ? {} : { kid: private_key_id }),
  };
  const claims = {
    iss: client_id,
    ...(subject === undefined ? {} : { sub: subject }),
    ...(scopes.length === 0 ? {} : { scope: scopes.join(" ") }),
    aud: audience ?? access_token_url,
    iat: issuedAt,
    exp: issuedAt + LIFE_S,
    jti: crypto.randomUUID(),
  };
  const signed = [header, claims].map((part) => base64Url(utf8(JSON.stringify(part)))).join(".");
  const key = await signingKey(auth.private_key);
  const signature = await crypto.subtle.sign(ALGORITHM.name, key, utf8(signed));
  return `${signed}.${base64Url(new Uint8Array(signature))}`;
}

const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

const base64Url = (bytes: Uint8Array): string => bytes.toBase64({ alphabet: "base64url", omitPadding: true });

async function signingKey(pem: string): Promise<CryptoKey> {
  // In a key file of JSON, and in many an environment, line breaks are written as backslash and n.
  const text = pem.replaceAll("\\n", "\n").trim();
  const body = /^-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----$/.exec(text)?.[1];
  if (body === undefined) {
    const hint = /BEGIN (?:RSA|ENCRYPTED) PRIVATE KEY/.test(text)
      ? "; openssl pkcs8 -topk8 -nocrypt makes one of this key"
      : "";
    throw new AppError(
      "invalid",
      `auth.private_key is not a PEM with a private key (-----BEGIN PRIVATE KEY-----)${hint}`,
    );
  }
  try {
    const der = Uint8Array.fromBase64(body.replace(/\s/g, ""));
    return await crypto.subtle.importKey("pkcs8", der, ALGORITHM, false, ["sign"]);
  } catch {
    throw new AppError("invalid", "auth.private_key is not an RSA key in PKCS #8: it cannot sign by RS256");
  }
}
