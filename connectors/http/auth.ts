import * as v from "valibot";
import { AppError } from "../../contract/errors.ts";
import { Secret } from "../../contract/secret.ts";
import { signerKeys } from "../script/options.ts";

/** How requests sign in, by dlt's names. */

const text = v.pipe(v.string(), v.nonEmpty("expected some text"));
export const headerValue = v.pipe(
  text,
  // deno-lint-ignore no-control-regex -- control characters are what a header's value must not have
  v.regex(/^[^\x00-\x1f\x7f]*$/, "expected the text of a header: no line breaks"),
);
const tokenUrl = v.pipe(
  text,
  v.check(
    (url) => /^https?:$/.test(URL.parse(url)?.protocol ?? ""),
    "expected an address that begins with https://",
  ),
  v.description("Where access tokens are given out, as https://auth.example.com/oauth/token."),
);
const clientId = v.pipe(text, v.description("Who the token is for."));
const tokenParams = v.optional(
  v.pipe(
    v.record(text, text),
    v.description("What the request for a token has beside that, as {scope: read}."),
  ),
  {},
);

export const authSchema = v.variant("type", [
  v.strictObject({
    type: v.pipe(v.literal("bearer"), v.description("Authorization: Bearer, and the token.")),
    token: v.pipe(headerValue, v.description("Best a reference, as ${secret:FILES_TOKEN}.")),
  }),
  ...(["basic", "http_basic"] as const).map((type) =>
    v.strictObject({
      type: v.pipe(v.literal(type), v.description("Authorization: Basic, with a name and a password.")),
      username: v.pipe(text, v.description("Who to sign in as.")),
      password: v.pipe(v.string(), v.description("Best a reference, as ${secret:FILES_PASSWORD}.")),
    })
  ),
  v.strictObject({
    type: v.pipe(v.literal("api_key"), v.description("A key in a header or in the query.")),
    api_key: v.pipe(headerValue, v.description("Best a reference, as ${secret:API_KEY}.")),
    name: v.optional(v.pipe(text, v.description("Of the header or the parameter.")), "Authorization"),
    location: v.optional(v.pipe(v.picklist(["header", "query"]), v.description("Where it goes.")), "header"),
  }),
  v.strictObject({
    type: v.pipe(
      v.literal("oauth2_client_credentials"),
      v.description("A token that the connector gets for itself, and anew before it expires."),
    ),
    access_token_url: tokenUrl,
    client_id: clientId,
    client_secret: v.pipe(text, v.description("Best a reference, as ${secret:CLIENT_SECRET}.")),
    access_token_request_data: tokenParams,
  }),
  v.strictObject({
    type: v.pipe(v.literal("oauth2_refresh_token"), v.description("The same by a refresh token.")),
    access_token_url: tokenUrl,
    refresh_token: v.pipe(text, v.description("Best a reference, as ${secret:REFRESH_TOKEN}.")),
    client_id: clientId,
    client_secret: v.optional(v.pipe(text, v.description("Where the client has one."))),
    access_token_request_data: tokenParams,
  }),
  v.strictObject({
    type: v.pipe(
      v.literal("oauth2_jwt"),
      v.description("The same by an assertion that a private key signs, as service accounts of Google do."),
    ),
    access_token_url: tokenUrl,
    client_id: v.pipe(
      text,
      v.description("Who signs (iss): a service account's client_email, or the id of an application."),
    ),
    private_key: v.pipe(
      text,
      v.description(
        "The RSA key to sign with, as PEM (BEGIN PRIVATE KEY). Best a reference, as ${secret:PRIVATE_KEY}.",
      ),
    ),
    private_key_id: v.optional(
      v.pipe(text, v.description("Which of the client's keys it is (kid), where the server wants that.")),
    ),
    scopes: v.optional(
      v.pipe(v.array(text), v.description("What the token is to be good for, as [read, write].")),
      [],
    ),
    audience: v.optional(
      v.pipe(text, v.description("Who the assertion is for (aud); access_token_url by default.")),
    ),
    subject: v.optional(
      v.pipe(text, v.description("On whose behalf (sub): a user whom the client may stand for.")),
    ),
    access_token_request_data: tokenParams,
  }),
  v.strictObject({
    type: v.pipe(v.literal("script"), v.description("A script of the project signs each request.")),
    ...signerKeys,
  }),
]);

export type AuthOptions = v.InferOutput<typeof authSchema>;
export type ScriptAuth = Extract<AuthOptions, { readonly type: "script" }>;
export type AssertionAuth = Extract<AuthOptions, { readonly type: "oauth2_jwt" }>;
export type RefreshTokenAuth = Extract<AuthOptions, { readonly type: "oauth2_refresh_token" }>;

/** What a request is signed in with. */
export interface Credentials {
  readonly headers: Readonly<Record<string, Secret>>;
  readonly params: Readonly<Record<string, Secret>>;
}

const NONE: Credentials = { headers: {}, params: {} };

/** What needs no request to be known; undefined where a token has to be asked for. */
export function fixedCredentials(auth: AuthOptions | undefined): Credentials | undefined {
  if (auth === undefined) return NONE;
  switch (auth.type) {
    case "script":
      // Each request has its own, see sign.ts.
      return NONE;
    case "bearer":
      return inHeader("Authorization", `Bearer ${auth.token}`);
    case "basic":
    case "http_basic":
      return inHeader("Authorization", `Basic ${basicOf(auth.username, auth.password)}`);
    case "api_key":
      return auth.location === "header"
        ? inHeader(auth.name, auth.api_key)
        : { headers: {}, params: { [auth.name]: new Secret(auth.api_key) } };
    case "oauth2_client_credentials":
    case "oauth2_jwt":
    case "oauth2_refresh_token":
      return undefined;
  }
}

export const inHeader = (name: string, value: string): Credentials => ({
  headers: { [name]: new Secret(value) },
  params: {},
});

const basicOf = (name: string, password: string): string =>
  new TextEncoder().encode(`${name}:${password}`).toBase64();

/** What of it must never be printed. */
export function authSecrets(auth: AuthOptions | undefined): string[] {
  if (auth === undefined) return [];
  switch (auth.type) {
    case "script":
      // They are asked for by name.
      return [];
    case "bearer":
      return [auth.token];
    case "basic":
    case "http_basic":
      return [auth.password, basicOf(auth.username, auth.password)];
    case "api_key":
      return [auth.api_key];
    case "oauth2_client_credentials":
      return [auth.client_secret];
    case "oauth2_jwt":
      return [auth.private_key];
    case "oauth2_refresh_token":
      return [auth.refresh_token, ...auth.client_secret === undefined ? [] : [auth.client_secret]];
  }
}

/** What an access token is asked for with. */
export interface TokenForm {
  readonly url: URL;
  readonly form: URLSearchParams;
}

/** The form that asks for an access token (RFC 6749). Throws `internal` for a kind of auth that has none. */
export function tokenForm(auth: AuthOptions): TokenForm {
  switch (auth.type) {
    case "oauth2_client_credentials": {
      const { client_id, client_secret, access_token_request_data: more } = auth;
      const form = { grant_type: "client_credentials", client_id, client_secret, ...more };
      return { url: new URL(auth.access_token_url), form: new URLSearchParams(form) };
    }
    case "oauth2_refresh_token": {
      const { client_id, client_secret, refresh_token, access_token_request_data: more } = auth;
      const secret = client_secret === undefined ? {} : { client_secret };
      const form = { grant_type: "refresh_token", refresh_token, client_id, ...secret, ...more };
      return { url: new URL(auth.access_token_url), form: new URLSearchParams(form) };
    }
    default:
      throw new AppError("internal", `${auth.type} asks for no token`);
  }
}
