import * as v from "valibot";
import type { PlainLine, RateLimit } from "../../contract/connector/connector.ts";
import { Secret } from "../../contract/secret.ts";
import { isSigningHeader } from "../network/credentials.ts";
import { hostOf, plainAddress } from "../network/guarded_fetch.ts";
import { rateLimit, rateLimitOf } from "../network/rate_limit.ts";
import { type AuthOptions, authSchema, authSecrets, headerValue } from "./auth.ts";

/** A web server that files or records are read from, as connectors.yaml says it. */
export interface HttpConfig {
  /** Ends with a slash; has no user, query or fragment. */
  readonly baseUrl: URL;
  readonly headers: Readonly<Record<string, Secret>>;
  readonly auth: AuthOptions | undefined;
  /** Other hosts that a redirect may lead to, `name` or `name:port`, in lower case. */
  readonly redirectHosts: readonly string[];
  /** A PEM file, absolute or relative to the project. */
  readonly ca: string | undefined;
  /** PEM files as `ca`: the client's own certificate with its chain, and the key to it. */
  readonly certificate: { readonly cert: string; readonly key: string } | undefined;
  /** Whether requests of endpoints say whose trace they are a part of. */
  readonly isTraced: boolean;
  readonly timeoutMs: number;
  /** Of the base's host, for all runs of all pipelines together. */
  readonly rateLimit: RateLimit | undefined;
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

export const headerName = v.pipe(
  v.string(),
  v.regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, NOT_A_HEADER),
  v.check((name) => !OWN_HEADERS.includes(name.toLowerCase()), NOT_A_HEADER),
);
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
  auth: v.optional(v.pipe(authSchema, v.description("How to sign in."))),
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
  cert: v.optional(
    v.pipe(
      text,
      v.description("A PEM file with the certificate that a server is shown which asks for one (mTLS)."),
    ),
  ),
  key: v.optional(v.pipe(text, v.description("A PEM file with the private key of cert."))),
  rate_limit: v.optional(
    v.pipe(
      rateLimit,
      v.description(
        "The most requests of endpoints to the server, all runs of all pipelines together, as {requests: 10, per: 1s}.",
      ),
    ),
  ),
  traceparent: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        "Whether requests of endpoints carry a traceparent, so that an API of one's own joins the run's trace; false by default.",
      ),
    ),
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
    const { cert, key } = entry;
    if ((cert === undefined) !== (key === undefined)) {
      const [given, missing] = cert === undefined ? ["key", "cert"] : ["cert", "key"];
      addIssue({
        message: `${given} is of no use without ${missing}: give both, or none`,
        path: [{ type: "object", origin: "value", input: entry, key: given, value: cert ?? key }],
      });
      return NEVER;
    }
    const baseUrl = new URL(entry.base_url);
    if (!baseUrl.pathname.endsWith("/")) baseUrl.pathname += "/";
    const headers = Object.entries(entry.headers).map(([name, value]) => [name, new Secret(value)] as const);
    return {
      baseUrl,
      headers: Object.fromEntries(headers),
      auth: entry.auth,
      redirectHosts: entry.redirect_hosts.map((host) => host.toLowerCase()),
      ca: entry.ca,
      certificate: cert === undefined || key === undefined ? undefined : { cert, key },
      isTraced: entry.traceparent ?? false,
      timeoutMs: entry.timeout * 1000,
      rateLimit: entry.rate_limit === undefined ? undefined : rateLimitOf(entry.rate_limit),
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

/** Hosts that the connector may speak with, as Access has them. */
export function hostsOf({ baseUrl, redirectHosts, auth }: HttpConfig): string[] {
  const others = redirectHosts.map((host) => {
    const url = new URL(`${baseUrl.protocol}//${host}`);
    return hostOf(url);
  });
  const tokens = auth !== undefined && "access_token_url" in auth
    ? [hostOf(new URL(auth.access_token_url))]
    : [];
  return [...new Set([hostOf(baseUrl), ...others, ...tokens])];
}

/** Where the connector would sign in without encryption. Of a script's signature nobody knows what it gives away. */
export function plainLinesOf({ baseUrl, headers, auth }: HttpConfig): PlainLine[] {
  const signsIn = auth !== undefined || Object.keys(headers).some(isSigningHeader);
  const tokens = auth !== undefined && "access_token_url" in auth ? [new URL(auth.access_token_url)] : [];
  const advice = "write https://";
  return [
    ...(signsIn ? plainAddress(baseUrl, "base_url begins with http://", advice) : []),
    ...tokens.flatMap((url) => plainAddress(url, "access_token_url begins with http://", advice)),
  ];
}

/** What of the config must never be printed, beside what references gave. */
export function secretsOf({ headers, auth }: HttpConfig): string[] {
  const values = Object.entries(headers).filter(([name]) => isSigningHeader(name)).map(([, value]) =>
    value.reveal()
  );
  return [...values, ...authSecrets(auth)].filter((value) => value !== "");
}
