import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { AppError } from "../../contract/errors.ts";
import type { Log } from "../../contract/log.ts";
import type { Clock } from "../../contract/clock.ts";
import { type AccessStore, type Role, ROLES, type TokenRecord } from "../../engine/store/store.ts";
import { AttemptLimit } from "./attempt_limit.ts";
import type { ClientView } from "../http/client_view.ts";
import { HttpError } from "../http/problem.ts";
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
  readonly clock: Pick<Clock, "now">;
  readonly client: ClientView;
  readonly log: Log;
}

/**
 * Who asks: a bearer token, or the session cookie that signing in with one gives. A session ends
 * after 12 hours, when it is signed out, or with its token. Serves as `PageAuth` of the pages.
 */
export class Auth {
  readonly #access: AccessStore;
  readonly #clock: Pick<Clock, "now">;
  readonly #client: ClientView;
  readonly #log: Log;
  readonly #limit: AttemptLimit;

  constructor({ access, clock, client, log }: AuthOptions) {
    this.#access = access;
    this.#clock = clock;
    this.#client = client;
    this.#log = log;
    this.#limit = new AttemptLimit({ clock });
  }

  /** By the token where one is sent, else by the cookie. Throws `unauthorized` or `forbidden`. */
  async requireUser(c: Context, role: Role): Promise<User> {
    const isByToken = c.req.header("authorization") !== undefined;
    const user = isByToken ? await this.#bearer(c) : await this.currentUser(c);
    if (user === undefined) {
      throw new AppError(
        "unauthorized",
        isByToken
          ? "The token is not known: it is mistyped, or it was revoked"
          : "Sign in, or send a token: Authorization: Bearer slc_…",
      );
    }
    if (!hasRole(user.role, role)) {
      throw new AppError("forbidden", `"${user.name}" is a ${user.role}; this needs the role ${role}`);
    }
    return user;
  }

  /** The user of the request's session cookie. */
  async currentUser(c: Context): Promise<User | undefined> {
    const session = getCookie(c, COOKIE, this.#prefix(c));
    if (session === undefined || session === "") return undefined;
    const record = await this.#access.findSession(await hashToken(session), this.#clock.now());
    return record && await this.#seen(record, "session");
  }

  /**
   * Starts a session for a known token and sets its cookie; undefined for any other token. Throws
   * status 429 for an address that failed too often.
   */
  async signIn(c: Context, token: string): Promise<User | undefined> {
    const address = this.#client.addressOf(c);
    const waitMs = this.#limit.waitMs(address);
    if (waitMs > 0) {
      const seconds = Math.ceil(waitMs / 1_000);
      throw new HttpError(
        429,
        "unavailable",
        `Too many failed attempts to sign in from ${address}: wait ${seconds} seconds`,
        { "retry-after": String(seconds) },
      );
    }
    const record = await this.#access.findToken(await hashToken(token));
    if (record === undefined) {
      this.#limit.fail(address);
      this.#log("warn", "Somebody failed to sign in", { address });
      return undefined;
    }
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
    return await this.#seen(record, "session");
  }

  /** Ends the session of the request's cookie and clears that. */
  async signOut(c: Context): Promise<void> {
    const prefix = this.#prefix(c);
    const session = getCookie(c, COOKIE, prefix);
    if (session !== undefined && session !== "") await this.#access.endSession(await hashToken(session));
    deleteCookie(c, COOKIE, { path: "/", ...(prefix === undefined ? {} : { secure: true, prefix }) });
  }

  async #bearer(c: Context): Promise<User | undefined> {
    const token = /^Bearer +(\S+) *$/i.exec(c.req.header("authorization") ?? "")?.[1];
    if (token === undefined) return undefined;
    const record = await this.#access.findToken(await hashToken(token));
    return record && await this.#seen(record, "token");
  }

  async #seen(record: TokenRecord, via: User["via"]): Promise<User> {
    const nowMs = this.#clock.now();
    if (nowMs - (record.lastUsedAtMs ?? 0) > TOUCH_EVERY_MS) await this.#access.touchToken(record.id, nowMs);
    return { tokenId: record.id, name: record.name, role: record.role, via };
  }

  /** Over https only this host itself can have set the cookie, and for the whole of it. */
  #prefix(c: Context): "host" | undefined {
    return this.#client.isSecure(c) ? "host" : undefined;
  }
}

/** Whether `role` may do what `needed` may; ROLES goes from the most to the least. */
export function hasRole(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) <= ROLES.indexOf(needed);
}
