import * as v from "valibot";
import { Secret } from "../../contract/secret.ts";

/** A web server that files are read from, as connectors.yaml says it. */
export interface HttpConfig {
  /** Ends with a slash; has no user, query or fragment. */
  readonly baseUrl: URL;
  readonly headers: Readonly<Record<string, Secret>>;
  readonly auth: HttpAuth;
  /** Other hosts that a redirect may lead to, `name` or `name:port`, in lower case. */
  readonly redirectHosts: readonly string[];
  /** A PEM file, absolute or relative to the project. */
  readonly ca: string | undefined;
  readonly timeoutMs: number;
}

export interface HttpAuth {
  /** The value of the Authorization header. */
  readonly header: Secret | undefined;
  /** What was given for it. */
  readonly secrets: readonly Secret[];
}

const DEFAULT_TIMEOUT_S = 30;
const text = v.pipe(v.string(), v.nonEmpty("expected some text"));
const HOST = /^(?:\[[0-9a-f:.]+\]|[^\s/:@[\]]+)(?::\d{1,5})?$/i;
const NOT_A_HEADER = "expected the name of a header, and not one of the request's own (Range, Host …)";
/** What a request says of itself. */
const OWN_HEADERS = [
  "range",
  "host",
  "if-match",
  "if-none-match",
  "if-range",
  "accept-encoding",
  "content-length",
  "connection",
  "transfer-encoding",
];

const headerName = v.pipe(
  v.string(),
  v.regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, NOT_A_HEADER),
  v.check((name) => !OWN_HEADERS.includes(name.toLowerCase()), NOT_A_HEADER),
);
const headerValue = v.pipe(
  text,
  // deno-lint-ignore no-control-regex -- control characters are what a header's value must not have
  v.regex(/^[^\x00-\x1f\x7f]*$/, "expected the text of a header: no line breaks"),
);

const authSchema = v.variant("type", [
  v.strictObject({
    type: v.pipe(v.literal("bearer"), v.description("Authorization: Bearer, and the token.")),
    token: v.pipe(headerValue, v.description("Best a reference, as ${secret:FILES_TOKEN}.")),
  }),
  v.strictObject({
    type: v.pipe(v.literal("basic"), v.description("Authorization: Basic, with a name and a password.")),
    username: v.pipe(text, v.description("Who to sign in as.")),
    password: v.pipe(v.string(), v.description("Best a reference, as ${secret:FILES_PASSWORD}.")),
  }),
]);

const entrySchema = v.strictObject({
  base_url: v.pipe(
    text,
    v.description(
      "The address that paths are relative to, as https://files.example.com/exports; without a password in it.",
    ),
  ),
  headers: v.optional(
    v.pipe(
      v.record(headerName, headerValue),
      v.description("Headers of every request; none of their values is ever printed."),
    ),
    {},
  ),
  auth: v.optional(v.pipe(authSchema, v.description("How to sign in: bearer with a token, or basic."))),
  redirect_hosts: v.optional(
    v.pipe(
      v.array(
        v.pipe(v.string(), v.regex(HOST, "expected a host, as cdn.example.com or cdn.example.com:8443")),
      ),
      v.description(
        "Other hosts that the server may send a request on to; headers and auth are not sent to them.",
      ),
    ),
    [],
  ),
  ca: v.optional(
    v.pipe(text, v.description("A PEM file with authorities to trust beside the system's.")),
  ),
  timeout: v.optional(
    v.pipe(
      v.number(),
      v.minValue(1),
      v.maxValue(600),
      v.description(`Seconds to wait for the beginning of an answer; ${DEFAULT_TIMEOUT_S} by default.`),
    ),
    DEFAULT_TIMEOUT_S,
  ),
});

export const configSchema = v.pipe(
  entrySchema,
  v.rawTransform(({ dataset, addIssue, NEVER }): HttpConfig => {
    const entry = dataset.value;
    const fault = whyNotBase(entry.base_url);
    if (fault !== undefined) {
      addIssue({
        message: fault,
        path: [{ type: "object", origin: "value", input: entry, key: "base_url", value: entry.base_url }],
      });
      return NEVER;
    }
    const baseUrl = new URL(entry.base_url);
    if (!baseUrl.pathname.endsWith("/")) baseUrl.pathname += "/";
    const headers = Object.entries(entry.headers).map(([name, value]) => [name, new Secret(value)] as const);
    return {
      baseUrl,
      headers: Object.fromEntries(headers),
      auth: authOf(entry.auth),
      redirectHosts: entry.redirect_hosts.map((host) => host.toLowerCase()),
      ca: entry.ca,
      timeoutMs: entry.timeout * 1000,
    };
  }),
);

function whyNotBase(text: string): string | undefined {
  if (!URL.canParse(text)) return "expected an address, as https://files.example.com/exports";
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    return "expected an address that begins with https:// or http://";
  }
  if (url.username !== "" || url.password !== "") {
    return "expected an address without a user and a password: they go into auth, as {type: basic, …}";
  }
  if (url.search !== "" || url.hash !== "") {
    return "expected an address without a query (?…) and a fragment (#…): a query belongs to a stream's path";
  }
  return undefined;
}

function authOf(auth: v.InferOutput<typeof authSchema> | undefined): HttpAuth {
  if (auth === undefined) return { header: undefined, secrets: [] };
  const given = auth.type === "bearer" ? auth.token : auth.password;
  const header = auth.type === "bearer"
    ? `Bearer ${auth.token}`
    : `Basic ${new TextEncoder().encode(`${auth.username}:${auth.password}`).toBase64()}`;
  return { header: new Secret(header), secrets: [new Secret(given), new Secret(header)] };
}

/** `name:port`, with the protocol's own port where there is none. */
export function hostOf(url: URL): string {
  return url.port === "" ? `${url.hostname}:${url.protocol === "https:" ? 443 : 80}` : url.host;
}

/** Hosts that the connector may speak with, as Access has them. */
export function hostsOf({ baseUrl, redirectHosts }: HttpConfig): string[] {
  const others = redirectHosts.map((host) => {
    const url = new URL(`${baseUrl.protocol}//${host}`);
    return hostOf(url);
  });
  return [...new Set([hostOf(baseUrl), ...others])];
}

/** Headers that sign in, whatever a server calls them. */
const SIGNING_IN = /auth|cookie|token|key|secret|password|signature/i;

/** What of the config must never be printed, beside what references gave. */
export function secretsOf({ headers, auth }: HttpConfig): string[] {
  const values = Object.entries(headers).filter(([name]) => SIGNING_IN.test(name)).map(([, value]) =>
    value.reveal()
  );
  return [...values, ...auth.secrets.map((secret) => secret.reveal())].filter((value) => value !== "");
}
