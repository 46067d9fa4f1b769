import type { ApiDocument } from "./api_document.ts";
import { firstLine, isObject, type JsonObject, listOf, memberOf, textOf } from "./json_value.ts";
import type { Operation } from "./operations.ts";
import type { References } from "./references.ts";

/** How requests sign in, as keys of the `http` connector. */
export interface SignIn {
  readonly auth: JsonObject | undefined;
  /** Beside those of `auth`. */
  readonly headers: Readonly<Record<string, string>>;
  /** What each secret is, by its name. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly notes: readonly string[];
  /** Names of the document's ways to sign in that are used. */
  readonly schemes: ReadonlySet<string>;
}

/** How one way to sign in is written, and how soon it is chosen: the lower, the sooner. */
interface Way {
  readonly rank: number;
  readonly auth?: JsonObject;
  readonly headers?: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  readonly notes?: readonly string[];
}

/** Letters and digits of a connector's name, as the beginning of its secrets' names. */
export const secretPrefix = (connector: string): string =>
  connector.replace(/[^A-Za-z0-9]+/g, "_").toUpperCase();

/** The way in that the operations take, by references to secrets whose names begin as the connector's. */
export function readSignIn(
  document: ApiDocument,
  references: References,
  operations: readonly Operation[],
  { connector, base }: { readonly connector: string; readonly base: URL },
): SignIn {
  const { root, isSwagger } = document;
  const written = isSwagger
    ? memberOf(root, "securityDefinitions")
    : memberOf(memberOf(root, "components"), "securitySchemes");
  const ways = new Map<string, Way>();
  for (const [name, scheme] of Object.entries(isObject(written) ? written : {})) {
    const found = references.resolve(scheme);
    if (isObject(found)) ways.set(name, wayOf(found, secretPrefix(connector), base));
  }
  const asked = operations.flatMap(({ security }) => security ?? []);
  const named = [...listOf(memberOf(root, "security")), ...asked].filter(isObject)
    .filter((requirement) => Object.keys(requirement).length > 0);
  const isGuess = memberOf(root, "security") === undefined && named.length === 0 && ways.size > 0 &&
    operations.every((one) => one.security === undefined);
  const choices = isGuess ? [...ways.keys()].map((name): JsonObject => ({ [name]: [] })) : named;
  const chosen = best(choices, ways);
  if (chosen === undefined) {
    return ways.size > 0
      ? NO_SIGN_IN
      : { ...NO_SIGN_IN, notes: ["the document tells of no sign-in: set auth where the API wants one"] };
  }
  const found = together(chosen, ways);
  return isGuess
    ? {
      ...found,
      notes: [...found.notes, "the document does not say that sign-in is needed: auth is a guess"],
    }
    : found;
}

const NO_SIGN_IN: SignIn = { auth: undefined, headers: {}, secrets: {}, notes: [], schemes: new Set() };

/** Of several alternatives that with the least to give, and of equal ones the first. */
function best(choices: readonly JsonObject[], ways: ReadonlyMap<string, Way>): JsonObject | undefined {
  const rankOf = (choice: JsonObject) =>
    Object.keys(choice).reduce((sum, name) => sum + 1 + (ways.get(name)?.rank ?? 100), 0);
  return choices.toSorted((a, b) => rankOf(a) - rankOf(b))[0];
}

/** All ways of one requirement: the connector has one `auth`, and keys in headers beside it. */
function together(requirement: JsonObject, ways: ReadonlyMap<string, Way>): SignIn {
  let auth: JsonObject | undefined;
  const headers: Record<string, string> = {};
  const secrets: Record<string, string> = {};
  const notes: string[] = [];
  for (const [name, scopes] of Object.entries(requirement)) {
    const way = ways.get(name);
    if (way === undefined) continue;
    const ofAuth = way.auth === undefined ? undefined : withScopes(way.auth, listOf(scopes));
    if (ofAuth !== undefined && auth !== undefined) {
      const { api_key: key, name: header, location } = ofAuth;
      if (location !== "header" || typeof key !== "string" || typeof header !== "string") {
        notes.push(
          `sign-in needs "${firstLine(name)}" as well, which a connector cannot give beside its auth`,
        );
        continue;
      }
      headers[header] = key;
    } else auth ??= ofAuth;
    Object.assign(headers, way.headers);
    Object.assign(secrets, way.secrets);
    notes.push(...way.notes ?? []);
  }
  return { auth, headers, secrets, notes, schemes: new Set(Object.keys(requirement)) };
}

function withScopes(auth: JsonObject, scopes: readonly unknown[]): JsonObject {
  const scope = scopes.filter((one) => typeof one === "string").join(" ");
  return auth["type"] === "oauth2_client_credentials" && scope !== ""
    ? { ...auth, access_token_request_data: { scope: literal(scope) } }
    : auth;
}

function wayOf(scheme: JsonObject, prefix: string, base: URL): Way {
  const type = textOf(memberOf(scheme, "type"))?.toLowerCase();
  const kind = textOf(memberOf(scheme, "scheme"))?.toLowerCase();
  if (type === "basic" || (type === "http" && kind === "basic")) return basicWay(prefix);
  if (type === "http" && kind === "bearer") return bearerWay(prefix, 0, "The token that signs in.");
  if (type === "apikey") return keyWay(scheme, prefix);
  if (type === "oauth2") return oauthWay(scheme, prefix, base);
  if (type === "openidconnect") {
    return bearerWay(
      prefix,
      6,
      "An access token.",
      "sign-in is by OpenID Connect: get an access token there",
    );
  }
  if (type === "mutualtls") {
    return { rank: 7, secrets: {}, notes: ["the server asks for a certificate: set cert and key (mTLS)"] };
  }
  return {
    rank: 50,
    secrets: {},
    notes: [
      `sign-in of type ${JSON.stringify(firstLine(kind ?? type ?? ""))} is not known: set auth or headers`,
    ],
  };
}

function bearerWay(prefix: string, rank: number, what: string, note?: string): Way {
  return {
    rank,
    auth: { type: "bearer", token: secret(`${prefix}_TOKEN`) },
    secrets: { [`${prefix}_TOKEN`]: what },
    ...(note === undefined ? {} : { notes: [note] }),
  };
}

function basicWay(prefix: string): Way {
  return {
    rank: 3,
    auth: {
      type: "http_basic",
      username: secret(`${prefix}_USERNAME`),
      password: secret(`${prefix}_PASSWORD`),
    },
    secrets: {
      [`${prefix}_USERNAME`]: "The name to sign in as.",
      [`${prefix}_PASSWORD`]:
        "Its password; where a key signs in alone, the key is the name and this is empty.",
    },
  };
}

/** Names that headers may have. */
export const HEADER = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

function keyWay(scheme: JsonObject, prefix: string): Way {
  const name = textOf(memberOf(scheme, "name")) ?? "";
  const place = memberOf(scheme, "in");
  const secretName = HEADER.test(name) && place === "header" && name.toLowerCase() !== "authorization"
    ? `${prefix}_${secretPrefix(name.replace(/^x-/i, ""))}`.slice(0, 60).replace(/_+$/, "")
    : `${prefix}_API_KEY`;
  const secrets = { [secretName]: keyText(scheme, place, name) };
  if (place === "cookie" && HEADER.test(name)) {
    return { rank: 5, headers: { Cookie: `${name}=${secret(secretName)}` }, secrets };
  }
  if (place === "header" && HEADER.test(name)) {
    const auth = { type: "api_key", api_key: secret(secretName), name, location: "header" };
    const note = name.toLowerCase() === "authorization"
      ? [`${secretName} is the whole header Authorization, with its word before it, as in "Bearer …"`]
      : [];
    return { rank: 1, auth, secrets, notes: note };
  }
  if (place === "query" && name !== "") {
    const auth = {
      type: "api_key",
      api_key: secret(secretName),
      name: literal(firstLine(name)),
      location: "query",
    };
    return { rank: 2, auth, secrets };
  }
  return { rank: 50, secrets: {}, notes: ["sign-in by a key is said without its name: set auth"] };
}

const keyText = (scheme: JsonObject, place: unknown, name: string): string =>
  firstLine(textOf(memberOf(scheme, "description")) ?? `The key, sent in the ${place} as ${name}.`);

function oauthWay(scheme: JsonObject, prefix: string, base: URL): Way {
  // Swagger 2.0 has one flow, by older names.
  const flows = memberOf(scheme, "flows");
  const old = textOf(memberOf(scheme, "flow"));
  const flowOf = (name: string, before: string) =>
    memberOf(flows, name) ?? (old === before ? scheme : undefined);
  const client = flowOf("clientCredentials", "application");
  const code = flowOf("authorizationCode", "accessCode");
  const clientUrl = tokenUrl(client, base);
  const codeUrl = tokenUrl(code, base);
  const credentials = {
    [`${prefix}_CLIENT_ID`]: "The client's id.",
    [`${prefix}_CLIENT_SECRET`]: "The client's secret.",
  };
  const own = { client_id: secret(`${prefix}_CLIENT_ID`), client_secret: secret(`${prefix}_CLIENT_SECRET`) };
  if (clientUrl !== undefined) {
    return {
      rank: 4,
      auth: { type: "oauth2_client_credentials", access_token_url: clientUrl, ...own },
      secrets: credentials,
    };
  }
  if (codeUrl !== undefined) {
    const refresh = secret(`${prefix}_REFRESH_TOKEN`);
    return {
      rank: 6,
      auth: { type: "oauth2_refresh_token", access_token_url: codeUrl, refresh_token: refresh, ...own },
      secrets: { ...credentials, [`${prefix}_REFRESH_TOKEN`]: "A refresh token, had by signing in once." },
      notes: ["sign-in is by OAuth 2 in a browser: sign in once by other means, and keep its refresh token"],
    };
  }
  return bearerWay(
    prefix,
    6,
    "An access token.",
    "sign-in is by OAuth 2: get an access token by other means",
  );
}

function tokenUrl(flow: unknown, base: URL): string | undefined {
  const written = textOf(memberOf(flow, "refreshUrl")) ?? textOf(memberOf(flow, "tokenUrl"));
  const url = written === undefined ? null : URL.parse(written, base);
  return url !== null && /^https?:$/.test(url.protocol) ? literal(url.href) : undefined;
}

/** A stranger's text, which must name no secret of the project. */
const literal = (text: string): string => text.replaceAll("${", () => "$${");

const secret = (name: string): string => `\${secret:${name}}`;
