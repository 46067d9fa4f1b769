import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { AppError } from "../../contract/errors.ts";
import type { Log } from "../../contract/log.ts";
import type { Clock } from "../../contract/clock.ts";
import type { AccessStore, Role, TokenRecord } from "../../engine/store/ports/access.ts";
import { AttemptLimit } from "./attempt_limit.ts";
import type { ClientView } from "../http/client_view.ts";
import { HttpError } from "../http/problem.ts";
import { type Permission, requirePermission } from "./permissions.ts";
import { hashToken, randomText } from "./token.ts";

const COOKIE = "sluice_session";
const SESSION_MS = 12 * 3_600_000;
/** A token's last use is written this often at most: each write reaches the disk. */
const TOUCH_EVERY_MS = 60_000;

export interface User {
  readonly tokenId: string;
  readonly name: string;
  readonly role: Role;
  readonly via: "token" | "session";
}

export interface AuthOptions {
  readonly access: AccessStore;
  readonly clock: Pick<Clock, "now" | "sleep">;
  readonly client: ClientView;
  readonly log: Log;
  /** The token that may read the metrics and nothing else; none by default, nor where it is empty. */
  readonly scrapeToken?: string | undefined;
}

/** Whoever has the scrape token. */
const SCRAPER: User = { tokenId: "scrape", name: "metrics", role: "viewer", via: "token" };

/**
 * Who asks: a bearer token, or the session cookie that signing in with one gives. A session ends
 * after 12 hours, when it is signed out, or with its token. Serves as `PageAuth` of the pages.
 */
export class Auth {
  readonly #access: AccessStore;
  readonly #clock: Pick<Clock, "now">;
  readonly #client: ClientView;
  readonly #log: Log;
  readonly #limit: AttemptLimit<TokenRecord>;
  readonly #scrapeToken: string;
  /** When each token's last use was written, or began to be. */
  readonly #touchedAtMs = new Map<string, number>();

  constructor({ access, clock, client, log, scrapeToken = "" }: AuthOptions) {
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
   * By the bearer token where one is sent, else by the cookie; another scheme in Authorization is a
   * proxy's. Throws `unauthorized`, `forbidden`, or status 429 for an address that sent too many
   * unknown tokens.
   */
  async requireUser(c: Context, permission: Permission): Promise<User> {
    const token = bearerOf(c);
    if (permission === "scrape" && await this.#isScrapeToken(token)) return SCRAPER;
    const user = token === undefined ? await this.currentUser(c) : await this.#bearer(c, token);
    if (user === undefined) {
      throw new AppError(
        "unauthorized",
        token === undefined
          ? "Sign in, or send a token: Authorization: Bearer slc_…"
          : "The token is not known: it is mistyped, or it was revoked",
      );
    }
    requirePermission(user, permission);
    return user;
  }

  /** The address that the request came from. */
  addressOf(c: Context): string {
    return this.#client.addressOf(c);
  }

  /** The user of the request's session cookie. */
  async currentUser(c: Context): Promise<User | undefined> {
    const session = getCookie(c, COOKIE, this.#prefix(c));
    if (session === undefined || session === "") return undefined;
    const record = await this.#access.findSession(await hashToken(session), this.#clock.now());
    return record && this.#seen(record, "session");
  }

  /**
   * Starts a session for a known token and sets its cookie; undefined for any other token. Throws
   * status 429 for an address that failed too often.
   */
  async signIn(c: Context, token: string): Promise<User | undefined> {
    const record = await this.#find(c, token);
    if (record === undefined) return undefined;
    const session = randomText();
    const expiresAtMs = this.#clock.now() + SESSION_MS;
    await this.#access.createSession({ hash: await hashToken(session), tokenId: record.id, expiresAtMs });
    setCookie(c, COOKIE, session, {
      httpOnly: true,
      // Lax, so that a link in a chat or mail opens the page; what changes something is guarded apart.
      sameSite: "Lax",
      path: "/",
      maxAge: SESSION_MS / 1_000,
      ...(this.#client.isSecure(c) ? { secure: true, prefix: "host" } : {}),
    });
    return this.#seen(record, "session");
  }

  /** Ends the session of the request's cookie and clears that. */
  async signOut(c: Context): Promise<void> {
    const prefix = this.#prefix(c);
    const session = getCookie(c, COOKIE, prefix);
    if (session !== undefined && session !== "") await this.#access.endSession(await hashToken(session));
    deleteCookie(c, COOKIE, { path: "/", ...(prefix === undefined ? {} : { secure: true, prefix }) });
  }

  /** Hashes are compared: how long that takes says nothing of the token. */
  async #isScrapeToken(token: string | undefined): Promise<boolean> {
    if (this.#scrapeToken === "" || token === undefined) return false;
    return await hashToken(token) === await hashToken(this.#scrapeToken);
  }

  async #bearer(c: Context, token: string): Promise<User | undefined> {
    const record = await this.#find(c, token);
    return record && this.#seen(record, "token");
  }

  /** The record of a token's text. Throws status 429 where the address sent too many unknown ones. */
  async #find(c: Context, token: string): Promise<TokenRecord | undefined> {
    const address = this.#client.addressOf(c);
    const hash = await hashToken(token);
    const attempt = await this.#limit.attempt(address, hash, () => this.#access.findToken(hash));
    if (attempt.kind === "known") return attempt.value;
    if (attempt.kind === "unknown") return undefined;
    const seconds = Math.max(1, Math.ceil(attempt.waitMs / 1_000));
    throw new HttpError(
      429,
      "unavailable",
      `Too many unknown tokens from ${address}: wait ${seconds} seconds`,
      { "retry-after": String(seconds) },
      { reason: "too_many_attempts" },
    );
  }

  /** Notes the use of a token, beside the request: a store that cannot write must not keep anybody out. */
  #seen(record: TokenRecord, via: User["via"]): User {
    const nowMs = this.#clock.now();
    const lastMs = Math.max(record.lastUsedAtMs ?? 0, this.#touchedAtMs.get(record.id) ?? 0);
    if (nowMs - lastMs > TOUCH_EVERY_MS) {
      this.#touchedAtMs.set(record.id, nowMs);
      this.#access.touchToken(record.id, nowMs).catch((error) => {
        this.#log("debug", "The last use of a token could not be written", { error: String(error) });
      });
    }
    return { tokenId: record.id, name: record.name, role: record.role, via };
  }

  /** Over https only this host itself can have set the cookie, and for the whole of it. */
  #prefix(c: Context): "host" | undefined {
    return this.#client.isSecure(c) ? "host" : undefined;
  }
}

/** The token of the request, empty for one that cannot be; undefined where none is sent. */
export function bearerOf(c: Context): string | undefined {
  const found = /^Bearer(?: +(.*))?$/i.exec(c.req.header("authorization") ?? "");
  if (found === null) return undefined;
  return /^\S+$/.exec(found[1]?.trimEnd() ?? "")?.[0] ?? "";
}
