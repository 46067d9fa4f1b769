import type { Context } from "hono";
import type { TokenScopes } from "../../../contract/access/access.ts";
import { isPermission, type Permission } from "../../../contract/access/permissions.ts";
import { userActor } from "../../../contract/audit/actor.ts";
import type { AuditTrail } from "../../../contract/audit/entry.ts";
import type { Clock } from "../../../contract/clock.ts";
import { AppError, toAppError } from "../../../contract/errors.ts";
import type { Log } from "../../../contract/log.ts";
import { hashToken, newTokenText } from "../../../engine/control/people/token_text.ts";
import type { AccessStore, IssuedToken, LetIn } from "../../../engine/store/ports/access.ts";
import { wholeSeconds } from "../../http/too_many.ts";
import { AttemptLimit } from "../attempt_limit.ts";
import type { JwtBearer } from "../sso/jwt_bearer.ts";
import {
  type ClientCredentials,
  OAUTH_ERRORS,
  OAuthError,
  readTokenRequest,
  type TokenRequest,
} from "./token_request.ts";

export const TOKEN_PATH = "/oauth/token";
const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const LIFE_MS = 3_600_000;

export interface TokenEndpointOptions {
  readonly access: AccessStore;
  /** Takes assertions; none are taken without it. */
  readonly jwt: JwtBearer | undefined;
  readonly audit: AuditTrail;
  readonly clock: Clock;
  readonly log: Log;
  readonly addressOf: (c: Context) => string;
}

/** Whom a token is to be issued to, and for what. */
interface Granted {
  readonly letIn: LetIn;
  readonly for: IssuedToken["for"];
}

/**
 * `POST /oauth/token`: a short-lived token for a service that shows one of its own (RFC 6749, client_credentials) or for
 * whoever shows a token of a trusted issuer (RFC 7523). It ends with what it was issued for.
 */
export class TokenEndpoint {
  readonly #options: TokenEndpointOptions;
  readonly #limit: AttemptLimit<Granted>;

  constructor(options: TokenEndpointOptions) {
    this.#options = options;
    this.#limit = new AttemptLimit({
      clock: options.clock,
      onFailure: (address, isLimited) =>
        options.log(
          "warn",
          isLimited
            ? "An address is slowed down: too many of its requests for a token were refused"
            : "A request for a token was refused; more of this address in the next minutes are not logged",
          { address },
        ),
    });
  }

  get grantTypes(): readonly string[] {
    return ["client_credentials", ...(this.#options.jwt === undefined ? [] : [JWT_BEARER])];
  }

  async respond(c: Context): Promise<Response> {
    try {
      const request = await readTokenRequest(c);
      return Response.json(await this.#issue(c, request), { headers: { "cache-control": "no-store" } });
    } catch (thrown) {
      const error = thrown instanceof OAuthError ? thrown : oauthError(toAppError(thrown));
      return Response.json({ error: error.code, error_description: described(error.message) }, {
        status: OAUTH_ERRORS[error.code],
        headers: { "cache-control": "no-store", ...error.headers },
      });
    }
  }

  async #issue(c: Context, request: TokenRequest) {
    const { access, audit, clock } = this.#options;
    const address = this.#options.addressOf(c);
    const { letIn: { identity: { user }, token }, for: reason } = await this.#grant(address, request);
    const scopes = narrowed(token?.scopes ?? {}, request.scope);
    const text = newTokenText();
    const createdAtMs = clock.now();
    const expiresAtMs = Math.min(createdAtMs + LIFE_MS, token?.expiresAtMs ?? Infinity);
    const id = crypto.randomUUID();
    const issued = {
      id,
      hash: await hashToken(text),
      user: user.id,
      for: reason,
      scopes,
      createdAtMs,
      expiresAtMs,
    };
    await audit.around({
      action: "token.issue",
      actor: { ...userActor(user, address), tokenId: token?.id },
      target: { kind: "token", name: id },
      details: { grant: request.grantType, expires_at: new Date(expiresAtMs).toISOString() },
    }, () => access.issueToken(issued));
    return {
      access_token: text,
      token_type: "Bearer",
      expires_in: Math.floor((expiresAtMs - createdAtMs) / 1_000),
      ...(scopes.permissions === undefined ? {} : { scope: scopes.permissions.join(" ") }),
    };
  }

  async #grant(address: string, { grantType, client, assertion }: TokenRequest): Promise<Granted> {
    const { jwt } = this.#options;
    if (grantType === "client_credentials") {
      if (client === undefined) {
        throw invalidClient(
          "The client's id and secret are missing: a service's name, and one of its tokens",
        );
      }
      return await this.#limited(address, client.secrets.join(" "), () => this.#byClient(client));
    }
    if (grantType === JWT_BEARER && jwt !== undefined) {
      if (assertion === undefined) throw new OAuthError("invalid_request", "assertion is missing");
      return await this.#limited(address, assertion, async () => {
        const { link, letIn } = await jwt.find(assertion);
        return { letIn, for: { link: link.id } };
      });
    }
    throw new OAuthError("unsupported_grant_type", `grant_type has to be ${this.grantTypes.join(" or ")}`);
  }

  async #byClient({ ids, secrets }: ClientCredentials): Promise<Granted> {
    const { access, clock } = this.#options;
    for (const secret of secrets) {
      const letIn = await access.findToken(await hashToken(secret), clock.now());
      if (letIn?.token === undefined) continue;
      const { user } = letIn.identity;
      const isNamed = ids.some((id) => id === user.id || id.toLowerCase() === user.name.toLowerCase());
      // One that was issued for an hour gives no other: it would never end.
      if (!isNamed || letIn.isIssued === true) break;
      if (user.kind === "service") return { letIn, for: { token: letIn.token.id } };
      throw new OAuthError(
        "unauthorized_client",
        `"${user.name}" is a person, and client_credentials is for services: send the token itself as a bearer`,
      );
    }
    throw invalidClient("There is no such client with this secret, or its token has expired or was revoked");
  }

  /** Guessing is slow, as guessing tokens is: see AttemptLimit. */
  async #limited(address: string, key: string, find: () => Promise<Granted>): Promise<Granted> {
    let refused: unknown;
    const attempt = await this.#limit.attempt(address, await hashToken(key), async () => {
      try {
        return await find();
      } catch (error) {
        if (!(error instanceof OAuthError) && toAppError(error).code !== "unauthorized") throw error;
        refused = error;
        return undefined;
      }
    });
    if (attempt.kind === "known") return attempt.value;
    await this.#options.audit.record({
      action: "token.refused",
      actor: { id: null, name: "unknown", kind: "unknown", address },
      outcome: "refused",
      details: { at: TOKEN_PATH },
    });
    if (attempt.kind === "unknown") throw refused ?? invalidClient("It was refused a moment ago");
    const seconds = wholeSeconds(attempt.waitMs);
    throw new OAuthError(
      "slow_down",
      `Too many requests from ${address} were refused: wait ${seconds} seconds`,
      {
        "retry-after": String(seconds),
      },
    );
  }
}

/** What a token may at most, kept to the scope that is asked for: permissions with spaces between. */
function narrowed(scopes: TokenScopes, asked: string | undefined): TokenScopes {
  const names = (asked ?? "").split(" ").filter((name) => name !== "");
  if (names.length === 0) return scopes;
  const permissions: Permission[] = [];
  for (const name of new Set(names)) {
    if (!isPermission(name)) {
      throw new OAuthError("invalid_scope", `There is no permission ${JSON.stringify(name)}`);
    }
    if (scopes.permissions?.includes(name) === false) {
      throw new OAuthError("invalid_scope", `The client's token does not have ${name} itself`);
    }
    permissions.push(name);
  }
  return { ...scopes, permissions };
}

/** A description is of ASCII, without quotes and backslashes: RFC 6749, section 5.2. */
const described = (text: string) => text.replaceAll('"', "'").replaceAll(/[^\x20-\x7e]|\\/g, "?");

const invalidClient = (description: string) =>
  new OAuthError("invalid_client", description, { "www-authenticate": 'Basic realm="sluice"' });

function oauthError(error: AppError): OAuthError {
  // conflict: what the token was to be issued for has ended meanwhile.
  if (error.code === "unauthorized" || error.code === "conflict") {
    return new OAuthError("invalid_grant", error.message);
  }
  if (error.code === "unavailable" || error.code === "timeout") {
    return new OAuthError("temporarily_unavailable", error.message, { "retry-after": "5" });
  }
  throw error;
}
