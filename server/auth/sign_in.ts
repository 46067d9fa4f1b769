import { actorOf, userActor } from "../../contract/audit/actor.ts";
import type { Context } from "hono";
import type { Access } from "../../contract/access/access.ts";
import type { AuditEntry, AuditTrail } from "../../contract/audit/entry.ts";
import type { Clock } from "../../contract/clock.ts";
import { AppError, toAppError } from "../../contract/errors.ts";
import type { Log } from "../../contract/log.ts";
import { networkOf } from "../../contract/network/network_of.ts";
import type { UsedFactor } from "../../engine/control/factors/port.ts";
import type { PasswordHasher } from "../../engine/control/people/passwords/hasher.ts";
import type { PasswordLinks } from "../../engine/control/people/passwords/links.ts";
import { hashToken, randomText } from "../../engine/control/people/token_text.ts";
import type { AccessStore, SessionMethod } from "../../engine/store/ports/access.ts";
import type { PasswordRecord, PasswordStore } from "../../engine/store/ports/passwords.ts";
import type { UserRecord, UserStore } from "../../engine/store/ports/people.ts";
import { retryLater, tooManyAttempts } from "../http/too_many.ts";
import type { Auth } from "./auth.ts";
import type { FactorGate } from "./factors/factor_gate.ts";
import { PasswordLimit } from "./password_limit.ts";

const BROWSER_COOKIE = "sluice_browser";
const BROWSER_MS = 180 * 86_400_000;
/** Longer names and passwords are nobody's. */
const MOST_NAME = 254;
const MOST_PASSWORD = 1_024;
/** Failures of one address that are written into the audit log in one window. */
const MOST_FAILURES = 20;
const FAILURES_MS = 300_000;
const MOST_ADDRESSES = 10_000;

export interface SignInOptions {
  readonly auth: Auth;
  readonly access: AccessStore;
  readonly users: Pick<UserStore, "find">;
  readonly passwords: PasswordStore;
  readonly hasher: PasswordHasher;
  readonly links: Pick<PasswordLinks, "make">;
  readonly clock: Pick<Clock, "now" | "sleep">;
  readonly audit: AuditTrail;
  readonly log: Log;
  /** Whether nobody signs in by a password, but at the identity provider alone. */
  readonly isPasswordOff?: boolean;
  /** Asks for a second factor where there is one, or must be one. */
  readonly factors: Pick<FactorGate, "stops">;
}

/** What comes of all that was to be shown. */
export type SignInStep =
  /** A session has begun, and its cookie is set. */
  | { readonly kind: "session"; readonly access: Access }
  /** No session yet: another password must be chosen first, by the page at this path. */
  | { readonly kind: "choose_password"; readonly path: string };

/** By what somebody has shown who they are. */
export interface Shown {
  readonly method: SessionMethod;
  /** What was shown beside the password. */
  readonly factor?: UsedFactor;
  /** Whether the password is still the one that was right. */
  readonly isStill?: (password: PasswordRecord | undefined) => boolean;
}

/** What comes of a right password. */
export type PasswordStep =
  | SignInStep
  /** No session yet: a second factor is asked for. */
  | { readonly kind: "second_factor" };

/** Whom a password proves to be there. */
interface Proven {
  readonly user: UserRecord;
  readonly password: PasswordRecord;
}

/** Signing in on the page: by a token, or by a name and a password. */
export class SignIn {
  readonly #options: SignInOptions;
  readonly #limit: PasswordLimit<Proven>;
  /** By network: how many failures of the window are in the audit log; the oldest first. */
  readonly #failures = new Map<string, { readonly endsAtMs: number; count: number }>();

  constructor(options: SignInOptions) {
    this.#options = options;
    this.#limit = new PasswordLimit({
      clock: options.clock,
      onLimit: (what, name) =>
        options.log(
          "warn",
          what === "address"
            ? "An address is slowed down: it has sent too many wrong passwords"
            : "An account is slowed down for browsers that it has not been used from: too many wrong passwords",
          what === "address" ? { address: name } : {},
        ),
    });
  }

  /** Whether anybody could sign in by a password. */
  isPasswordThere(): Promise<boolean> {
    return this.#options.passwords.isAny();
  }

  /**
   * Undefined for a token that is not known. Throws status 429 for an address that failed too often.
   */
  async withToken(c: Context, token: string): Promise<Access | undefined> {
    const { auth } = this.#options;
    const access = await auth.signIn(c, token);
    if (access === undefined) await this.failed(c, undefined, "token", "unknown_token");
    else await this.#succeeded(access, "token");
    return access;
  }

  /**
   * Undefined for a wrong password, for an unknown name, and for users who are not let in: nobody is told which.
   * Throws status 429 (reason too_many_attempts) where too many attempts of the address, or at the account, have failed.
   */
  async withPassword(c: Context, name: string, password: string): Promise<PasswordStep | undefined> {
    const proven = await this.#verify(c, name, password);
    return proven && await this.afterPassword(c, proven);
  }

  async hasPassword(user: string): Promise<boolean> {
    return await this.#options.passwords.get(user) !== undefined;
  }

  /** Whether it is the password of somebody who has signed in already. Throws as `withPassword` does. */
  async isPasswordOf(c: Context, userId: string, password: string): Promise<boolean> {
    const user = await this.#options.users.find(userId);
    const proven = user && await this.#verify(c, user.name, password);
    return proven?.user.id === userId;
  }

  /** Whom the name and the password prove to be there, within the limits of attempts. */
  async #verify(c: Context, name: string, password: string): Promise<Proven | undefined> {
    const { auth, passwords, clock } = this.#options;
    this.#requireOwnMeans();
    const account = name.trim().slice(0, MOST_NAME);
    const claimant = await passwords.findClaimant(account);
    const cookie = auth.readCookie(c, BROWSER_COOKIE);
    const browser = cookie === undefined ? undefined : await hashToken(cookie);
    const isKnown = browser !== undefined && claimant !== undefined &&
      await passwords.isKnownBrowser(browser, claimant.user.id, clock.now() - BROWSER_MS);
    const trial = {
      address: auth.addressOf(c),
      account,
      knownBrowser: isKnown ? browser : undefined,
    };
    const attempt = await this.#limit.attempt(trial, async (lane): Promise<Proven | undefined> => {
      const { user, password: kept } = claimant ?? {};
      const isRight = password.length <= MOST_PASSWORD &&
        await this.#options.hasher.verify(kept?.hash, password, lane);
      if (!isRight || user?.state !== "active" || kept === undefined) return undefined;
      await this.#strengthen(user, kept.hash, password);
      return { user, password: kept };
    }).catch((error) => {
      if (toAppError(error).reason !== "too_many_attempts") throw error;
      throw retryLater(toAppError(error).message, 5_000, "too_many_attempts");
    });
    if (attempt.kind === "known") return attempt.value;
    const reason = attempt.kind === "limited" ? "too_many_attempts" : "wrong_password";
    await this.failed(c, claimant?.user, "password", reason);
    if (attempt.kind === "unknown") return undefined;
    throw tooManyAttempts("wrong passwords", attempt.waitMs);
  }

  /** The one way on from a right password; undefined where the user is let in no more. */
  async afterPassword(c: Context, { user, password }: Proven): Promise<PasswordStep | undefined> {
    const { access, passwords, factors, clock } = this.#options;
    const isStill: Shown["isStill"] = (now) => now?.changedAtMs === password.changedAtMs;
    const letIn = await access.findUser(user.id, null, clock.now());
    if (letIn === undefined) return undefined;
    if (!await factors.stops(c, letIn.identity)) {
      return await this.enter(c, user.id, { method: "password", isStill });
    }
    // What the change of a password ends did not see this sign-in where it came before.
    return isStill(await passwords.get(user.id)) ? { kind: "second_factor" } : undefined;
  }

  /** Ends the session of the request's cookie. */
  async signOut(c: Context): Promise<void> {
    const { auth, audit } = this.#options;
    const access = await auth.currentAccess(c);
    await auth.signOut(c);
    if (access === undefined) return;
    await audit.record({ action: "sign_out", actor: actorOf(access.principal) });
  }

  /** Starts the session of somebody who has shown all that is asked for; undefined where they are let in no more. */
  async enter(
    c: Context,
    user: string,
    { method, factor, isStill = () => true }: Shown,
  ): Promise<SignInStep | undefined> {
    const { auth, access, passwords, links, clock } = this.#options;
    this.#requireOwnMeans();
    const password = await passwords.get(user);
    if (!isStill(password)) return undefined;
    if (method === "password" && password?.mustChange === true) {
      return { kind: "choose_password", path: await links.make(user, "change", null) };
    }
    const letIn = await access.findUser(user, null, clock.now());
    if (letIn === undefined) return undefined;
    const entered = await auth.startSession(c, letIn, method);
    if (!isStill(await passwords.get(user))) {
      // It was changed while this went on, and what ended the others' sessions did not see this one.
      await auth.signOut(c);
      return undefined;
    }
    await this.#rememberBrowser(c, user);
    await this.#succeeded(entered, method, factor);
    return { kind: "session", access: entered };
  }

  /** Throws forbidden where people sign in at the identity provider alone. */
  #requireOwnMeans(): void {
    if (this.#options.isPasswordOff !== true) return;
    throw new AppError("forbidden", "Nobody signs in with a password or a passkey here: use single sign-on", {
      reason: "sso_only",
    });
  }

  /** A browser keeps its text, and gets one where it has none: what others guess does not hold it up then. */
  async #rememberBrowser(c: Context, user: string): Promise<void> {
    const { auth, passwords, clock, log } = this.#options;
    const text = randomText();
    try {
      await passwords.rememberBrowser({ hash: await hashToken(text), user, atMs: clock.now() });
      auth.setCookie(c, BROWSER_COOKIE, text, BROWSER_MS);
    } catch (error) {
      // A store that cannot be written must not keep anybody out.
      log("debug", "A browser could not be remembered", { error: String(error) });
    }
  }

  /** Hashes the password anew where its hash is of an older Sluice. */
  async #strengthen(user: UserRecord, hash: string, password: string): Promise<void> {
    const { hasher, passwords, log } = this.#options;
    if (!await hasher.isOutdated(hash)) return;
    await hasher.hash(password).then((stronger) => passwords.rehash(user.id, hash, stronger)).catch(
      (error) => {
        log("debug", "A password could not be hashed anew", { error: String(error) });
      },
    );
  }

  async #succeeded(access: Access, method: SessionMethod, factor?: UsedFactor): Promise<void> {
    const details = { method, ...(factor === undefined ? {} : { factor }) };
    await this.#options.audit.record({ action: "sign_in", actor: actorOf(access.principal), details });
  }

  /** Records that somebody was not let in. What was typed as a name is kept only where it is one: people type passwords there. */
  async failed(
    c: Context,
    user: UserRecord | undefined,
    method: SessionMethod,
    reason: string,
  ): Promise<void> {
    const { auth, audit } = this.#options;
    const address = auth.addressOf(c);
    if (!this.#isToBeRecorded(networkOf(address))) return;
    const actor = user === undefined
      ? { id: null, name: "unknown", kind: "unknown", address } as const
      : userActor(user, address);
    const entry: AuditEntry = {
      action: "sign_in.failed",
      actor,
      outcome: "refused",
      details: { method, reason },
    };
    await audit.record(entry);
  }

  /** Guessing must not fill the log. */
  #isToBeRecorded(network: string): boolean {
    const nowMs = this.#options.clock.now();
    const known = this.#failures.get(network);
    if (known !== undefined && known.endsAtMs > nowMs) return ++known.count <= MOST_FAILURES;
    this.#failures.delete(network);
    this.#failures.set(network, { endsAtMs: nowMs + FAILURES_MS, count: 1 });
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > MOST_ADDRESSES && oldest !== undefined) this.#failures.delete(oldest);
    return true;
  }
}
