import type { Context } from "hono";

/** An error as RFC 6749, section 5.2, has it. */
export class OAuthError extends Error {
  readonly code: OAuthErrorCode;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: OAuthErrorCode, description: string, headers: Readonly<Record<string, string>> = {}) {
    super(description);
    this.code = code;
    this.headers = headers;
  }
}

/** Each with its status. */
export const OAUTH_ERRORS = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  invalid_scope: 400,
  slow_down: 429,
  temporarily_unavailable: 503,
} as const;
export type OAuthErrorCode = keyof typeof OAUTH_ERRORS;

export interface TokenRequest {
  readonly grantType: string;
  readonly scope: string | undefined;
  readonly assertion: string | undefined;
  readonly client: ClientCredentials | undefined;
}

export interface ClientCredentials {
  /** As it may have been meant: encoded as a form's field, as the specification says, or as it is. */
  readonly ids: readonly string[];
  readonly secrets: readonly string[];
}

/** Far more than an assertion has. */
const MOST_CHARACTERS = 64 * 1_024;

/** What a request to the token endpoint asks for. Throws OAuthError. */
export async function readTokenRequest(c: Context): Promise<TokenRequest> {
  const type = c.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/x-www-form-urlencoded") {
    throw new OAuthError("invalid_request", "Send a form: Content-Type: application/x-www-form-urlencoded");
  }
  const text = await c.req.text();
  if (text.length > MOST_CHARACTERS) throw new OAuthError("invalid_request", "The form is too long");
  const form = new URLSearchParams(text);
  const field = (name: string): string | undefined => {
    const [value, ...more] = form.getAll(name);
    if (more.length > 0) throw new OAuthError("invalid_request", `${name} is there more than once`);
    return value === "" ? undefined : value;
  };
  const grantType = field("grant_type");
  if (grantType === undefined) throw new OAuthError("invalid_request", "grant_type is missing");
  return {
    grantType,
    scope: field("scope"),
    assertion: field("assertion"),
    client: readClient(c.req.header("authorization"), field("client_id"), field("client_secret")),
  };
}

function readClient(
  header: string | undefined,
  id: string | undefined,
  secret: string | undefined,
): ClientCredentials | undefined {
  if (header === undefined) {
    return id === undefined || secret === undefined ? undefined : { ids: [id], secrets: [secret] };
  }
  if (secret !== undefined) {
    throw new OAuthError(
      "invalid_request",
      "The client's secret is in the header and in the form: leave one out",
    );
  }
  const [, encoded] = /^Basic +([A-Za-z0-9+/=]+) *$/i.exec(header) ?? [];
  const [, name, password] = /^([^:]*):(.*)$/s.exec(decodeBase64(encoded ?? "")) ?? [];
  if (name === undefined || password === undefined) {
    throw new OAuthError("invalid_client", "Authorization is not Basic with the client's id and secret", {
      "www-authenticate": 'Basic realm="sluice"',
    });
  }
  return { ids: [decodeField(name), name], secrets: [decodeField(password), password] };
}

function decodeBase64(text: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.fromBase64(text));
  } catch {
    return "";
  }
}

function decodeField(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}
