import { userActor } from "../../../contract/audit/actor.ts";
import type { Context } from "hono";
import type { PasskeyAssertion } from "../../../contract/access/factors.ts";
import type { AuditActor } from "../../../contract/audit/entry.ts";
import type {
  AssertionPurpose,
  FactorCheck,
  Factors,
  FactorUser,
  UsedFactor,
  WrongFactor,
} from "../../../engine/control/factors/port.ts";
import type { PeopleStore, UserRecord } from "../../../engine/store/ports/people.ts";
import type { Auth } from "../auth.ts";
import { tooManyAttempts } from "../../http/too_many.ts";
import type { SignIn, SignInStep } from "../sign_in.ts";
import { CHALLENGE_MS } from "../../../engine/control/factors/challenges.ts";
import type { HalfOpen, HalfOpenSignIns } from "./half_open.ts";

/** Binds a challenge to the browser that has asked for it. */
const TICKET_COOKIE = "sluice_passkey";

/** What came of a factor. */
export type FactorStep =
  | SignInStep
  | { readonly kind: "wrong"; readonly reason: WrongFactor }
  /** Nothing goes on from here: too late, too many wrong ones, or the user is let in no more. */
  | { readonly kind: "over" };

/** A check that was not put off. */
type Proven = Exclude<FactorCheck, { readonly kind: "limited" }>;

export interface FactorSignInOptions {
  readonly auth: Auth;
  readonly halves: HalfOpenSignIns;
  readonly factors: Factors;
  readonly users: PeopleStore["users"];
  readonly signIn: SignIn;
}

/** Signing in with a factor: after a password, or with a passkey alone. */
export class FactorSignIn {
  readonly #options: FactorSignInOptions;

  constructor(options: FactorSignInOptions) {
    this.#options = options;
  }

  /** Whoever is between the password and the factor. */
  async waiting(c: Context): Promise<{ readonly half: HalfOpen; readonly user: UserRecord } | undefined> {
    const half = await this.#options.halves.find(c);
    const user = half && await this.#options.users.find(half.user);
    return half === undefined || user?.state !== "active" ? undefined : { half, user };
  }

  /** A code of an app, or a recovery code. Throws status 429 where codes of the user have to wait. */
  async withCode(c: Context, code: string): Promise<FactorStep> {
    const half = await this.#options.halves.attempt(c);
    if (half?.purpose !== "check") return { kind: "over" };
    return await this.#decide(c, half, await this.#options.factors.checkCode(half.user, code));
  }

  /** Options for the passkey of whoever is between the password and it; undefined for anybody else. */
  async requestPasskey(c: Context): Promise<unknown> {
    const half = await this.#options.halves.find(c);
    if (half?.purpose !== "check") return undefined;
    return await this.ask(c, "check", half.user);
  }

  async withPasskey(c: Context, assertion: PasskeyAssertion): Promise<FactorStep> {
    const half = await this.#options.halves.attempt(c);
    if (half?.purpose !== "check") return { kind: "over" };
    return await this.#decide(c, half, await this.#check(c, "check", half.user, assertion));
  }

  /** Signs in whoever's passkey it is, without a password. */
  async withPasskeyAlone(c: Context, assertion: PasskeyAssertion): Promise<FactorStep> {
    const { signIn, users } = this.#options;
    const check = await this.#check(c, "sign_in", null, assertion);
    if (check.kind === "limited") throw tooManyAttempts("attempts", check.waitMs);
    if (check.kind === "wrong") {
      await signIn.failed(c, undefined, "passkey", check.reason);
      return check;
    }
    const step = await signIn.enter(c, check.user, { method: "passkey" });
    if (step !== undefined) return step;
    await signIn.failed(c, await users.find(check.user), "passkey", "not_active");
    return { kind: "over" };
  }

  /** Starts the session of somebody who had no factor and has one now. */
  async enrolled(c: Context, half: HalfOpen, factor: UsedFactor): Promise<FactorStep> {
    return await this.#enter(c, half, factor);
  }

  /** A challenge for a passkey, given to the browser of the request alone. */
  async ask(c: Context, purpose: AssertionPurpose, user: string | null): Promise<unknown> {
    const { options, ticket } = await this.#options.factors.requestPasskey(purpose, user);
    this.giveTicket(c, ticket);
    return options;
  }

  /** Binds a challenge to the browser of the request. */
  giveTicket(c: Context, ticket: string): void {
    this.#options.auth.setCookie(c, TICKET_COOKIE, ticket, CHALLENGE_MS);
  }

  /** What binds the request to the challenge that its browser was given; that is over with it. */
  takeTicket(c: Context): string {
    const ticket = this.#options.auth.readCookie(c, TICKET_COOKIE) ?? "";
    this.#options.auth.clearCookie(c, TICKET_COOKIE);
    return ticket;
  }

  /** Whether somebody who has signed in already has an app's or a recovery code. Throws status 429. */
  async proveByCode(c: Context, user: FactorUser, code: string): Promise<Proven> {
    return await this.#proven(c, user, await this.#options.factors.checkCode(user.id, code));
  }

  /** The same of a passkey of theirs. */
  async proveByPasskey(c: Context, user: FactorUser, assertion: PasskeyAssertion): Promise<Proven> {
    return await this.#proven(c, user, await this.#check(c, "prove", user.id, assertion));
  }

  /** Whoever adds a first factor before they are let in. */
  actorOf(c: Context, user: UserRecord): AuditActor {
    return userActor(user, this.#options.auth.addressOf(c));
  }

  #check(
    c: Context,
    purpose: AssertionPurpose,
    user: string | null,
    assertion: PasskeyAssertion,
  ): Promise<FactorCheck> {
    return this.#options.factors.checkPasskey(purpose, user, { ticket: this.takeTicket(c), assertion });
  }

  async #decide(c: Context, half: HalfOpen, check: FactorCheck): Promise<FactorStep> {
    const proven = await this.#proven(c, { id: half.user }, check);
    return proven.kind === "right" ? await this.#enter(c, half, proven.factor) : proven;
  }

  /** Records what was wrong. Throws status 429 where codes have to wait. */
  async #proven(c: Context, { id }: Pick<FactorUser, "id">, check: FactorCheck): Promise<Proven> {
    if (check.kind === "right") return check;
    const { signIn, users } = this.#options;
    const reason = check.kind === "limited" ? "too_many_attempts" : check.reason;
    await signIn.failed(c, await users.find(id), "password", reason);
    if (check.kind === "wrong") return check;
    throw tooManyAttempts("wrong codes", check.waitMs, ", or use a recovery code");
  }

  async #enter(c: Context, half: HalfOpen, factor: UsedFactor): Promise<FactorStep> {
    const { halves, signIn } = this.#options;
    if (!await halves.close(c, half)) return { kind: "over" };
    const step = await signIn.enter(c, half.user, {
      method: "password",
      factor,
      isStill: (password) => password !== undefined && password.changedAtMs <= half.openedAtMs,
    });
    return step ?? { kind: "over" };
  }
}
