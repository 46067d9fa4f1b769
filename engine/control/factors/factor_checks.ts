import type { PasskeyAssertion } from "../../../contract/access/factors.ts";
import type { PasskeyRecord } from "../../store/factors/port.ts";
import type { PasskeyChallenges } from "./challenges.ts";
import { hashRecoveryCode, matchTotp, readTypedCode } from "./codes.ts";
import { type FactorContext, noPasskey, openTotp, passkeyLibrary, requireParty } from "./factor_context.ts";
import type { AssertionPurpose, FactorCheck, PasskeyRequest } from "./port.ts";

/** Whether somebody is who they say: codes of an app, recovery codes and passkeys, each right once. */
export class FactorChecks {
  readonly #context: FactorContext;
  readonly #challenges: PasskeyChallenges;

  constructor(context: FactorContext, challenges: PasskeyChallenges) {
    this.#context = context;
    this.#challenges = challenges;
  }

  async code(user: string, text: string): Promise<FactorCheck> {
    const { factors, clock } = this.#context;
    const typed = readTypedCode(text);
    if (typed === undefined) return WRONG_CODE;
    if (typed.kind === "recovery_code") {
      const hash = await hashRecoveryCode(user, typed.code);
      const isRight = await factors.useRecoveryCode(user, hash, clock.now());
      return isRight ? { kind: "right", factor: "recovery_code", user } : WRONG_CODE;
    }
    const totp = await factors.findTotp(user, "active");
    if (totp === undefined) return WRONG_CODE;
    const secret = await openTotp(this.#context, user, totp);
    const waitMs = await factors.takeGuess(user, clock.now());
    if (waitMs > 0) return { kind: "limited", waitMs };
    const step = await matchTotp(secret, typed.code, clock.now());
    if (step === undefined) return WRONG_CODE;
    if (!await factors.useTotpStep(user, totp.createdAtMs, step, clock.now())) {
      return { kind: "wrong", reason: "used_code" };
    }
    await factors.forgetGuesses(user);
    return { kind: "right", factor: "totp", user };
  }

  async requestPasskey(purpose: AssertionPurpose, user: string | null): Promise<PasskeyRequest> {
    const { assertionOptions } = await passkeyLibrary();
    const known = user === null ? [] : await this.#context.factors.listPasskeys(user);
    if (user !== null && known.length === 0) throw noPasskey();
    const { options, challenge } = await assertionOptions(requireParty(this.#context), known);
    return { options, ticket: await this.#challenges.put(purpose, user, challenge) };
  }

  async passkey(
    purpose: AssertionPurpose,
    user: string | null,
    { ticket, assertion }: { readonly ticket: string; readonly assertion: PasskeyAssertion },
  ): Promise<FactorCheck> {
    const { factors, clock, log } = this.#context;
    const { verifyAssertion } = await passkeyLibrary();
    const challenge = await this.#challenges.take(purpose, user, ticket);
    if (challenge === undefined) return { kind: "wrong", reason: "gone_challenge" };
    const passkey = await factors.findPasskey(assertion.id);
    if (passkey === undefined || (user !== null && passkey.user !== user)) {
      return { kind: "wrong", reason: "unknown_passkey" };
    }
    const isAlone = user === null;
    const verified = await verifyAssertion(requireParty(this.#context), challenge, passkey, {
      assertion,
      isAlone,
    });
    if ("fault" in verified) {
      log("debug", "A passkey's answer does not fit", { fault: verified.fault });
      return { kind: "wrong", reason: "wrong_passkey" };
    }
    const use = { ...verified.value, atMs: clock.now() };
    if (!await factors.usePasskey(passkey.id, use)) return await this.#notUsable(passkey);
    return { kind: "right", factor: "passkey", user: passkey.user };
  }

  /** Removed meanwhile, or its counter did not go on: then somebody has a copy of it. */
  async #notUsable({ id, user, name }: PasskeyRecord): Promise<FactorCheck> {
    const isThere = await this.#context.factors.findPasskey(id) !== undefined;
    if (!isThere) return { kind: "wrong", reason: "unknown_passkey" };
    this.#context.log("warn", "A passkey's counter went back: it may have been copied", {
      user,
      passkey: name,
    });
    return { kind: "wrong", reason: "cloned_passkey" };
  }
}

const WRONG_CODE: FactorCheck = { kind: "wrong", reason: "wrong_code" };
