import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { AppError, toAppError } from "../../contract/errors.ts";
import type { Log } from "../../contract/log.ts";
import { type AuditTrail, NO_AUDIT } from "../../contract/audit/entry.ts";
import { refusalOf } from "../../engine/control/audit/refusals.ts";
import type { Clock } from "../../contract/clock.ts";
import { type Access, createAccess, forbidden, mayAsk } from "../../contract/access/access.ts";
import type { Permission } from "../../contract/access/permissions.ts";
import type { PipelineSubject } from "../../contract/access/scope.ts";
import type { Principal } from "../../contract/access/principal.ts";
import type { AccessStore, LetIn, SessionMethod } from "../../engine/store/ports/access.ts";
import { AttemptLimit } from "./attempt_limit.ts";
import { bearerOf } from "./bearer.ts";
import { type ClientView, UNKNOWN } from "../http/client_view.ts";
import { LOCAL_TOKEN_NAME } from "../../contract/names.ts";
import type { AppEnv } from "../http/app_env.ts";
import type { ClientCertificates } from "./client_certificates.ts";
import { isJwt, type JwtBearer } from "./sso/jwt_bearer.ts";
import { tooManyAttempts } from "../http/too_many.ts";
import { countRequest, type RequestRate } from "../http/request_rate.ts";
import { hashToken, randomText } from "../../engine/control/people/token_text.ts";

const COOKIE = "sluice_session";
/** A last use is written this often at most: each write reaches the disk. */
const TOUCH_EVERY_MS = 60_000;
/** So many times of last uses are remembered; the store knows the others. */
const MOST_TOUCHED = 10_000;
const MAX_AGENT_LENGTH = 200;

/** How long sessions last. */
export interface SessionTimes {
  /** From their begin on, whatever is done. */
  readonly maxMs: number;
  /** Without a request. */
  readonly idleMs: number;
}

export const SESSION_TIMES: SessionTimes = { maxMs: 12 * 3_600_000, idleMs: 2 * 3_600_000 };

/** What a route takes that is about whoever asks: to be let in. */
export const OWN_ACCOUNT = "own account";

/** Between two warnings of tokens that came over plain HTTP. */
const WARN_EVERY_MS = 3_600_000;

export interface AuthOptions {
  readonly access: AccessStore;
  readonly clock: Pick<Clock, "now" | "sleep">;
  readonly client: ClientView;
  readonly log: Log;
  /** All pipelines, for those who own some. */
  readonly subjects: () => Promise<readonly PipelineSubject[]>;
  /** The token that may read the metrics and nothing else; none by default, nor where it is empty. */
  readonly scrapeToken?: string | undefined;
  /** SESSION_TIMES by default. */
  readonly sessions?: SessionTimes;
  /** How many requests a user may send; any number by default. The server's own commands are not held to it. */
  readonly rate?: RequestRate | undefined;
  /** Lets in by tokens of trusted issuers; none do without it. */
  readonly jwt?: Pick<JwtBearer, "find"> | undefined;
  /** Lets in services by their certificates; none does without it. */
  readonly certificates?: Pick<ClientCertificates, "find"> | undefined;
  /** Hears of unknown tokens and of what is refused; nobody does by default. */
  readonly audit?: AuditTrail;
}

/**
 * Who asks: a bearer token, or the session cookie that signing in gives. A session ends after some hours, earlier where
 * it is not used, when it is signed out or ended, or with the token that it was begun with. Serves as `PageAuth` of the
 * pages.
 */
export class Auth {
  readonly #access: AccessStore;
  readonly #clock: Pick<Clock, "now">;
  readonly #client: ClientView;
  readonly #log: Log;
  readonly #limit: AttemptLimit<LetIn>;
  readonly #subjects: () => Promise<readonly PipelineSubject[]>;
  readonly #scrapeToken: string;
  readonly #times: SessionTimes;
  readonly #rate: RequestRate | undefined;
  readonly #jwt: Pick<JwtBearer, "find"> | undefined;
  readonly #certificates: Pick<ClientCertificates, "find"> | undefined;
  readonly #audit: AuditTrail;
  /** When the last use of each token and session was written, or began to be; the oldest first. */
  readonly #touchedAtMs = new Map<string, number>();
  #warnedOfPlainAtMs = -Infinity;

  constructor({
    access,
    clock,
    client,
    log,
    subjects,
    scrapeToken = "",
    sessions = SESSION_TIMES,
    rate,
    jwt,
    certificates,
    audit = NO_AUDIT,
  }: AuthOptions) {
    this.#certificates = certificates;
    this.#jwt = jwt;
    this.#times = sessions;
    this.#rate = rate;
    this.#audit = audit;
    this.#subjects = subjects;
    this.#access = access;
    this.#clock = clock;
    this.#client = client;
    this.#log = log;
    this.#scrapeToken = scrapeToken;
    this.#limit = new AttemptLimit({
      clock,
      onFailure: (address, isLimited) =>
        log(
          "warn",
          isLimited
            ? "An address is slowed down: it has sent too many unknown tokens"
            : "Somebody sent an unknown token; more of this address in the next minutes are not logged",
          { address },
        ),
    });
  }

  /**
   * By the bearer token where one is sent, else by the cookie, else by the certificate of the connection; another scheme in Authorization is a
   * proxy's. Throws `unauthorized`, `forbidden` where it can be allowed for nothing, or status 429 for an address that
   * sent too many unknown tokens.
   */
  async requireAccess(c: Context<AppEnv>, permission: Permission | typeof OWN_ACCOUNT): Promise<Access> {
    const token = bearerOf(c);
    if (permission === "metrics:read" && await this.#isScrapeToken(token)) return scraper(this.addressOf(c));
    const access = token === undefined
      ? await this.currentAccess(c) ?? await this.#certified(c)
      : await this.#bearer(c, token);
    if (access === undefined) {
      throw new AppError(
        "unauthorized",
        token === undefined
          ? "Sign in, or send a token: Authorization: Bearer slc_…"
          : "The token is not known: it is mistyped, it has expired, or it was revoked",
      );
    }
    if (permission === OWN_ACCOUNT) return requireWhole(access);
    if (!await mayAsk(access, permission, this.#subjects)) {
      await this.#audit.record(refusalOf(access.principal, { permission, isHidden: false }));
      throw forbidden(access.principal, permission);
    }
    return access;
  }

  /** The address that the request came from. */
  addressOf(c: Context): string {
    return this.#client.addressOf(c);
  }

  /** What the user of the request's session cookie may. */
  async currentAccess(c: Context): Promise<Access | undefined> {
    const text = this.readCookie(c, COOKIE);
    if (text === undefined) return undefined;
    const letIn = await this.#access.findSession(await hashToken(text), this.#clock.now());
    if (letIn?.session === undefined) return undefined;
    const { id, lastSeenAtMs } = letIn.session;
    const seenAtMs = Math.max(lastSeenAtMs, this.#touchedAtMs.get(id) ?? 0);
    if (seenAtMs + this.#times.idleMs <= this.#clock.now()) return undefined;
    return this.#accessOf(c, letIn);
  }

  /** A cookie that was set by `setCookie`; undefined where there is none. */
  readCookie(c: Context, name: string): string | undefined {
    return getCookie(c, name, this.#prefix(c)) || undefined;
  }

  /** Sets a cookie for this host alone, which no script can read. */
  setCookie(c: Context, name: string, value: string, maxAgeMs: number): void {
    setCookie(c, name, value, {
      httpOnly: true,
      // Lax, so that a link in a chat or mail opens the page; what changes something is guarded apart.
      sameSite: "Lax",
      path: "/",
      maxAge: Math.floor(maxAgeMs / 1_000),
      ...(this.#client.isSecure(c) ? { secure: true, prefix: "host" } : {}),
    });
  }

  /** Clears a cookie that was set by `setCookie`. */
  clearCookie(c: Context, name: string): void {
    const prefix = this.#prefix(c);
    deleteCookie(c, name, { path: "/", ...(prefix === undefined ? {} : { secure: true, prefix }) });
  }

  /**
   * Starts a session for a known token and sets its cookie; undefined for any other token. Throws
   * status 429 for an address that failed too often.
   */
  async signIn(c: Context, token: string): Promise<Access | undefined> {
    const letIn = await this.#find(c, token, (hash) => this.#findLasting(hash));
    return letIn && await this.startSession(c, letIn, "token");
  }

  /**
   * Starts a session for somebody who has shown who they are, and sets its cookie. The one that the browser had ends:
   * what was handed to it before is worth nothing now.
   */
  async startSession(c: Context, letIn: LetIn, method: SessionMethod): Promise<Access> {
    const former = this.readCookie(c, COOKIE);
    if (former !== undefined) await this.#access.endSession(await hashToken(former));
    const text = randomText();
    const nowMs = this.#clock.now();
    const session = {
      id: crypto.randomUUID(),
      user: letIn.identity.user.id,
      token: letIn.token?.id ?? null,
      method,
      createdAtMs: nowMs,
      lastSeenAtMs: nowMs,
      expiresAtMs: nowMs + this.#times.maxMs,
      address: this.addressOf(c),
      agent: c.req.header("user-agent")?.slice(0, MAX_AGENT_LENGTH) ?? null,
    };
    await this.#access.createSession({ ...session, hash: await hashToken(text) });
    this.setCookie(c, COOKIE, text, this.#times.maxMs);
    return this.#accessOf(c, { ...letIn, session });
  }

  /** Ends the session of the request's cookie and clears that. */
  async signOut(c: Context): Promise<void> {
    const session = this.readCookie(c, COOKIE);
    if (session !== undefined) await this.#access.endSession(await hashToken(session));
    this.clearCookie(c, COOKIE);
  }

  /** Hashes are compared: how long that takes says nothing of the token. */
  async #isScrapeToken(token: string | undefined): Promise<boolean> {
    if (this.#scrapeToken === "" || token === undefined) return false;
    return await hashToken(token) === await hashToken(this.#scrapeToken);
  }

  async #bearer(c: Context, token: string): Promise<Access | undefined> {
    let refused: AppError | undefined;
    const letIn = await this.#find(c, token, async (hash) => {
      if (this.#jwt === undefined || !isJwt(token)) {
        return await this.#access.findToken(hash, this.#clock.now());
      }
      try {
        // It lives for a short time, as an issued one does: nothing that lasts is made with it.
        return { ...(await this.#jwt.find(token)).letIn, isIssued: true };
      } catch (error) {
        refused = toAppError(error);
        if (refused.code !== "unauthorized") throw error;
        return undefined;
      }
    });
    if (refused !== undefined) throw refused;
    return letIn && this.#accessOf(c, letIn);
  }

  /** A service by the certificate of its connection. */
  async #certified(c: Context<AppEnv>): Promise<Access | undefined> {
    const fingerprint = this.#certificates === undefined ? undefined : c.env?.clientCertificate;
    if (fingerprint === undefined) return undefined;
    const letIn = await this.#certificates?.find(fingerprint);
    // As with an issued token: nothing that lasts is made with it.
    return letIn && this.#accessOf(c, { ...letIn, isIssued: true });
  }

  /** Whom a token's text lets in. Throws status 429 where the address sent too many unknown ones. */
  async #find(
    c: Context,
    token: string,
    find: (hash: string) => Promise<LetIn | undefined>,
  ): Promise<LetIn | undefined> {
    const address = this.#client.addressOf(c);
    if (this.#client.isExposed(c)) this.#warnOfPlain(address);
    const hash = await hashToken(token);
    const attempt = await this.#limit.attempt(address, hash, () => find(hash));
    if (attempt.kind === "known") return attempt.value;
    const actor = { id: null, name: "unknown", kind: "unknown", address } as const;
    await this.#audit.record({ action: "token.refused", actor, outcome: "refused" });
    if (attempt.kind === "unknown") return undefined;
    throw tooManyAttempts(`unknown tokens from ${address}`, attempt.waitMs);
  }

  /** A session would outlive a token that was issued for an hour. */
  async #findLasting(hash: string): Promise<LetIn | undefined> {
    const found = await this.#access.findToken(hash, this.#clock.now());
    return found?.isIssued === true ? undefined : found;
  }

  /** It is too late to refuse it: others may have read it. */
  #warnOfPlain(address: string): void {
    const nowMs = this.#clock.now();
    if (nowMs - this.#warnedOfPlainAtMs < WARN_EVERY_MS) return;
    this.#warnedOfPlainAtMs = nowMs;
    this.#log("warn", "A token has come over plain HTTP from another machine: others may have read it", {
      address,
    });
  }

  #accessOf(
    c: Context,
    { identity: { user, groups, roles }, token, session, isIssued = false }: LetIn,
  ): Access {
    if (token !== undefined) {
      this.#note(token.id, token.lastUsedAtMs, (id, nowMs) => this.#access.touchToken(id, nowMs));
    }
    if (session !== undefined) {
      this.#note(session.id, session.lastSeenAtMs, (id, nowMs) => this.#access.touchSession(id, nowMs));
    }
    const address = this.addressOf(c);
    const principal: Principal = {
      id: user.id,
      name: user.name,
      kind: user.kind,
      via: session === undefined ? "token" : "session",
      ...(address === UNKNOWN ? {} : { address }),
      ...(token === undefined ? {} : { tokenId: token.id }),
      ...(session === undefined ? {} : { sessionId: session.id }),
    };
    c.set("principal", principal);
    if (this.#rate !== undefined && user.name !== LOCAL_TOKEN_NAME) {
      countRequest(this.#rate, user.id, `"${user.name}"`);
    }
    return createAccess({
      principal,
      groups,
      roles,
      isIssued,
      ...(token === undefined ? {} : { scopes: token.scopes }),
    });
  }

  /** Notes a use, beside the request: a store that cannot write must not keep anybody out. */
  #note(id: string, knownAtMs: number | null, write: (id: string, nowMs: number) => Promise<void>): void {
    const nowMs = this.#clock.now();
    const lastMs = Math.max(knownAtMs ?? 0, this.#touchedAtMs.get(id) ?? 0);
    if (nowMs - lastMs <= TOUCH_EVERY_MS) return;
    this.#touchedAtMs.delete(id);
    this.#touchedAtMs.set(id, nowMs);
    for (const oldest of this.#touchedAtMs.keys()) {
      if (this.#touchedAtMs.size <= MOST_TOUCHED) break;
      this.#touchedAtMs.delete(oldest);
    }
    write(id, nowMs).catch((error) => {
      this.#log("debug", "A last use could not be written", { error: String(error) });
    });
  }

  /** Over https only this host itself can have set the cookie, and for the whole of it. */
  #prefix(c: Context): "host" | undefined {
    return this.#client.isSecure(c) ? "host" : undefined;
  }
}

/** What a token was kept from must not be had by the account of its user. Throws `forbidden`. */
export function requireWhole(access: Access): Access {
  if (access.isWhole) return access;
  throw new AppError(
    "forbidden",
    "This token is kept to some permissions or pipelines, or was issued for another: it is not for the account itself",
    { reason: "permission_missing" },
  );
}

/** Whoever has the scrape token. */
function scraper(address: string): Access {
  const scrape = {
    role: "scrape",
    permissions: new Set(["metrics:read"] as const),
    scope: { kind: "all" },
  } as const;
  const principal = { id: "scrape", name: "metrics", kind: "service", via: "token", address } as const;
  return createAccess({ principal, groups: [], roles: [scrape] });
}
