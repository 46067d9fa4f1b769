import { type Access, mayAsk } from "../../../contract/access/access.ts";
import type {
  AccountView,
  OwnTokenRequest,
  SessionView,
  TokenRotationRequest,
  TokenView,
} from "../../../contract/access/people.ts";
import type { PasswordChange, PasswordChanged } from "../../../contract/access/passwords.ts";
import { PERMISSIONS } from "../../../contract/access/permissions.ts";
import type { PipelineSubject } from "../../../contract/access/scope.ts";
import type { AuditEntry, AuditTrail } from "../../../contract/audit/entry.ts";
import type { Clock } from "../../../contract/clock.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteName } from "../../../contract/names.ts";
import type { LocalPeople } from "../../../engine/control/people/local_people.ts";
import type { AccessStore } from "../../../engine/store/ports/access.ts";
import type { PasswordStore } from "../../../engine/store/ports/passwords.ts";
import { tooManyAttempts } from "../../http/too_many.ts";
import { AttemptLimit } from "../attempt_limit.ts";

/** Of one user, whoever they are: nobody fills the store. Those who manage users may make more. */
const MOST_TOKENS = 100;

export interface OwnAccountOptions {
  readonly people: LocalPeople;
  readonly access: AccessStore;
  readonly passwords: PasswordStore;
  readonly clock: Pick<Clock, "now" | "sleep">;
  readonly audit: Pick<AuditTrail, "around">;
  /** All pipelines, for those who own some. */
  readonly subjects: () => Promise<readonly PipelineSubject[]>;
}

/** What everybody may do with the own account, whatever the role: each method is about the user of `access`. */
export class OwnAccount {
  readonly #options: OwnAccountOptions;
  /** Whoever sits down at somebody's open page must not find out the password by trying. */
  readonly #limit: AttemptLimit<true>;

  constructor(options: OwnAccountOptions) {
    this.#options = options;
    this.#limit = new AttemptLimit({
      clock: options.clock,
      failures: 5,
      windowMs: 900_000,
      waiting: 3,
      pauseMs: 2_000,
    });
  }

  async view({ principal }: Access): Promise<AccountView> {
    const { people, passwords } = this.#options;
    const kept = await passwords.get(principal.id);
    return {
      ...await people.users.get(principal.id),
      password_changed_at: kept === undefined ? null : new Date(kept.changedAtMs).toISOString(),
    };
  }

  /**
   * Ends all other sessions, and tokens where that is said. Throws invalid for a wrong password until now (reason wrong_password) and for a weak new
   * one, and status 429 where too many were tried.
   */
  async changePassword(
    access: Access,
    { current, password, end_tokens: endsTokens }: PasswordChange,
  ): Promise<PasswordChanged> {
    const { principal: { id, sessionId } } = access;
    const { passwords } = this.#options.people;
    const attempt = await this.#limit.attempt(
      id,
      undefined,
      async () => await passwords.isRight(id, current) || undefined,
    );
    if (attempt.kind === "limited") throw tooManyAttempts("wrong passwords", attempt.waitMs);
    if (attempt.kind === "unknown") {
      throw new AppError("invalid", "That is not your password until now: type it again", {
        reason: "wrong_password",
      });
    }
    if (current === password) {
      throw new AppError("invalid", "The new password is the old one: choose another", {
        reason: "weak_password",
      });
    }
    const tokensEnded = await this.#noted(
      access,
      "password.change",
      { kind: "user", name: access.principal.name },
      () => passwords.choose(id, password, { keptSession: sessionId, endsTokens }),
      (ended) => ({ tokens_ended: ended }),
    );
    return { tokens_ended: tokensEnded };
  }

  async sessions({ principal: { id, sessionId } }: Access): Promise<SessionView[]> {
    const list = await this.#options.people.sessions.list(id);
    return list.map((one) => ({ ...one, is_current: one.id === sessionId }));
  }

  /** Throws not_found for one that is not the user's own. */
  async endSession(access: Access, id: string): Promise<void> {
    if (!(await this.sessions(access)).some((one) => one.id === id)) {
      throw new AppError("not_found", `You have no session with the id ${quoteName(id)}: it may have ended`);
    }
    await this.#noted(
      access,
      "session.end",
      { kind: "session", name: id },
      () => this.#options.people.sessions.end(id),
    );
  }

  /** All but the one that asks. */
  async endOtherSessions(access: Access): Promise<void> {
    const { principal: { id, sessionId, name } } = access;
    await this.#noted(access, "session.end", { kind: "user", name }, async () => {
      await this.#options.access.endSessionsOf(id, sessionId);
    });
  }

  tokens({ principal }: Access): Promise<TokenView[]> {
    return this.#options.people.tokens.list(principal.id);
  }

  /**
   * A token of the user's: it may no more than the user, whatever is granted later. One that is made with another token
   * ends with that. Throws forbidden for a service, and for permissions that the user does not have.
   */
  async createToken(
    access: Access,
    { name, expires_in: expiresIn, scopes }: OwnTokenRequest,
  ): Promise<TokenView & { readonly token: string }> {
    const { principal } = access;
    requirePerson(access);
    if ((await this.tokens(access)).length >= MOST_TOKENS) {
      throw new AppError(
        "conflict",
        `You have ${MOST_TOKENS} tokens already: revoke those that are not in use`,
        {
          reason: "too_many_tokens",
        },
      );
    }
    for (const permission of scopes?.permissions ?? []) {
      if (await mayAsk(access, permission, this.#options.subjects)) continue;
      throw new AppError("forbidden", `You may not ${PERMISSIONS[permission]}: no token of yours can`, {
        reason: "permission_missing",
      });
    }
    const maker = principal.tokenId === undefined
      ? undefined
      : (await this.#options.access.listTokens(principal.id)).find(({ id }) => id === principal.tokenId);
    const request = {
      name,
      user: principal.id,
      ...(expiresIn === undefined ? {} : { expires_in: expiresIn }),
      ...(scopes === undefined ? {} : { scopes }),
    };
    return await this.#noted(
      access,
      "token.create",
      { kind: "token", name },
      () =>
        this.#options.people.tokens.create(request, principal.name, {
          parent: maker?.id,
          untilMs: maker?.expiresAtMs ?? null,
        }),
      ({ id, user, expires_at: expiresAt, scopes }) => ({
        id,
        user,
        expires_at: expiresAt,
        scopes: { ...scopes },
      }),
    );
  }

  /** Throws not_found for one that is not the user's own. */
  async rotateToken(
    access: Access,
    id: string,
    request: TokenRotationRequest,
  ): Promise<TokenView & { readonly token: string }> {
    const { name } = await this.#token(access, id);
    requirePerson(access);
    return await this.#noted(
      access,
      "token.rotate",
      { kind: "token", name },
      () => this.#options.people.tokens.rotate(id, request),
      ({ id, user, expires_at: expiresAt }) => ({ id, user, expires_at: expiresAt }),
    );
  }

  /** Throws not_found for one that is not the user's own. */
  async revokeToken(access: Access, id: string): Promise<void> {
    const { name, user } = await this.#token(access, id);
    requirePerson(access);
    await this.#noted(
      access,
      "token.revoke",
      { kind: "token", name },
      () => this.#options.people.tokens.revoke(id),
      () => ({ id, user }),
    );
  }

  async #token(access: Access, id: string): Promise<TokenView> {
    const found = (await this.tokens(access)).find((token) => token.id === id);
    if (found !== undefined) return found;
    throw new AppError("not_found", `You have no token with the id ${quoteName(id)}`);
  }

  #noted<T>(
    { principal: { id, name, kind, address, tokenId, sessionId } }: Access,
    action: AuditEntry["action"],
    target: NonNullable<AuditEntry["target"]>,
    act: () => Promise<T>,
    detailsOf?: (result: T) => NonNullable<AuditEntry["details"]>,
  ): Promise<T> {
    const actor = { id, name, kind, address, tokenId, sessionId };
    return this.#options.audit.around(
      { action, actor, target },
      act,
      (result) => detailsOf === undefined ? {} : { details: detailsOf(result) },
    );
  }
}

/** As routes and pages are handed it. */
export type Account = Pick<OwnAccount, keyof OwnAccount>;

/** A service's tokens are what it is: those who look after it make and end them. Throws forbidden. */
function requirePerson({ principal }: Access): void {
  if (principal.kind === "person") return;
  throw new AppError(
    "forbidden",
    `"${principal.name}" is a service: those who manage users make, rotate and revoke its tokens`,
    { reason: "permission_missing" },
  );
}
