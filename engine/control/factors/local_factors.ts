import type {
  FactorAdded,
  FactorKind,
  FactorsView,
  PasskeyAssertion,
  PasskeyRegistration,
  TotpEnrolment,
} from "../../../contract/access/factors.ts";
import type { AuditActor, AuditTrail, AuditValue } from "../../../contract/audit/entry.ts";
import type { Clock } from "../../../contract/clock.ts";
import { AppError, toAppError } from "../../../contract/errors.ts";
import type { Sealer } from "../../../contract/keys/sealer.ts";
import type { Log } from "../../../contract/log.ts";
import {
  type FactorStore,
  type PasskeyChallenge,
  type PasskeyRecord,
  type SignInStore,
  totpPlace,
  type TotpRecord,
} from "../../store/factors/port.ts";
import { hashToken, randomText } from "../people/token_text.ts";
import {
  hashRecoveryCode,
  matchTotp,
  newRecoveryCodes,
  newTotpSecret,
  readTypedCode,
  totpUri,
} from "./codes.ts";
import { CHALLENGE_MS } from "./challenge.ts";
import type { FactorCheck, Factors, FactorUser, PasskeyRequest } from "./port.ts";
import type { RelyingParty, RelyingPartyOr } from "./relying_party.ts";

/** How long a secret that was shown waits for its first code. */
const PENDING_MS = 15 * 60_000;
const MOST_PASSKEYS = 20;

export interface FactorContext {
  readonly factors: FactorStore;
  readonly signIns: SignInStore;
  readonly sealer: Sealer;
  readonly audit: AuditTrail;
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
  readonly relyingParty: () => RelyingPartyOr;
}

const passkeyLibrary = () => import("./passkey_library.ts");

type Purpose = PasskeyChallenge["purpose"];

/** Factors as the control store has them: secrets sealed, recovery codes hashed. */
export class LocalFactors implements Factors {
  readonly #context: FactorContext;

  constructor(context: FactorContext) {
    this.#context = context;
  }

  relyingParty(): RelyingPartyOr {
    return this.#context.relyingParty();
  }

  async kinds(user: string): Promise<readonly FactorKind[]> {
    return (await this.#context.factors.kinds(user)).get(user) ?? [];
  }

  async list(user: string): Promise<FactorsView> {
    const { factors } = this.#context;
    const [totp, passkeys, recoveryCodes] = await Promise.all([
      factors.findTotp(user, "active"),
      factors.listPasskeys(user),
      factors.countRecoveryCodes(user),
    ]);
    return {
      totp: totp === undefined ? null : times(totp),
      passkeys: passkeys.map((passkey) => ({
        id: passkey.id,
        name: passkey.name,
        ...times(passkey),
        synced: passkey.isSynced,
      })),
      recovery_codes: recoveryCodes,
    };
  }

  async startTotp(user: FactorUser): Promise<TotpEnrolment> {
    const { factors, sealer, clock } = this.#context;
    const secret = await newTotpSecret();
    await factors.putPendingTotp(user.id, await sealer.seal(secret, totpPlace(user.id)), clock.now());
    return await this.#enrolment(user, secret);
  }

  async pendingTotp(user: FactorUser): Promise<TotpEnrolment | undefined> {
    const pending = await this.#pending(user.id);
    return pending && await this.#enrolment(user, await this.#open(user.id, pending));
  }

  async confirmTotp(user: FactorUser, code: string, by: AuditActor): Promise<FactorAdded> {
    const { factors, clock } = this.#context;
    const pending = await this.#pending(user.id);
    if (pending === undefined) {
      throw new AppError("conflict", "The secret was shown too long ago, or is in use by now: begin again");
    }
    const typed = readTypedCode(code);
    const secret = await this.#open(user.id, pending);
    const step = typed?.kind === "totp" ? await matchTotp(secret, typed.code, clock.now()) : undefined;
    if (step === undefined) {
      throw new AppError(
        "invalid",
        "That is not the code that the app shows now: type the six digits; the clocks of both must be right",
        { reason: "wrong_code" },
      );
    }
    const had = await this.kinds(user.id);
    if (!await factors.activateTotp(user.id, pending.createdAtMs, step, clock.now())) {
      throw new AppError("conflict", "Another secret was made meanwhile: begin again");
    }
    await factors.forgetGuesses(user.id);
    return await this.#added(user, had, by, { kind: "totp" });
  }

  async removeTotp(user: FactorUser, by: AuditActor): Promise<FactorsView> {
    if (!await this.#context.factors.removeTotp(user.id)) {
      throw new AppError("not_found", "There is no authenticator app");
    }
    return await this.#removed(user, by, { kind: "totp" });
  }

  async startPasskey(user: FactorUser): Promise<PasskeyRequest> {
    const { registrationOptions } = await passkeyLibrary();
    const known = await this.#context.factors.listPasskeys(user.id);
    const { options, challenge } = await registrationOptions(this.#party(), user, known);
    return { options, ticket: await this.#putChallenge("register", user.id, challenge) };
  }

  async addPasskey(
    user: FactorUser,
    { ticket, name, registration }: {
      readonly ticket: string;
      readonly name: string;
      readonly registration: PasskeyRegistration;
    },
    by: AuditActor,
  ): Promise<FactorAdded> {
    const { factors, clock } = this.#context;
    const { verifyRegistration } = await passkeyLibrary();
    const challenge = await this.#takeChallenge("register", user.id, ticket);
    if (challenge === undefined) {
      throw new AppError(
        "conflict",
        "That took longer than five minutes, or was begun elsewhere: begin again",
      );
    }
    const verified = await verifyRegistration(this.#party(), challenge, registration);
    if ("fault" in verified) {
      throw new AppError("invalid", "The passkey was not made for this server: open it by its own address", {
        reason: "wrong_passkey",
        detail: verified.fault,
      });
    }
    const had = await this.kinds(user.id);
    if ((await factors.listPasskeys(user.id)).length >= MOST_PASSKEYS) {
      throw new AppError("conflict", `There are ${MOST_PASSKEYS} passkeys already: remove one first`);
    }
    await factors.addPasskey({ ...verified.value, user: user.id, name, createdAtMs: clock.now() });
    return await this.#added(user, had, by, { kind: "passkey", name });
  }

  async renamePasskey(user: FactorUser, id: string, name: string): Promise<FactorsView> {
    if (await this.#context.factors.renamePasskey(user.id, id, name)) return await this.list(user.id);
    throw noPasskey();
  }

  async removePasskey(user: FactorUser, id: string, by: AuditActor): Promise<FactorsView> {
    const { factors } = this.#context;
    const passkey = (await factors.listPasskeys(user.id)).find((one) => one.id === id);
    if (passkey === undefined || !await factors.removePasskey(user.id, id)) throw noPasskey();
    return await this.#removed(user, by, { kind: "passkey", name: passkey.name });
  }

  async renewRecoveryCodes(user: FactorUser, by: AuditActor): Promise<readonly string[]> {
    if ((await this.kinds(user.id)).length === 0) {
      throw new AppError("conflict", "Recovery codes stand in for a factor: add an app or a passkey first");
    }
    const codes = await this.#newCodes(user.id);
    await this.#context.audit.record({ action: "factor.codes", actor: by, target: targetOf(user) });
    return codes;
  }

  async checkCode(user: string, text: string): Promise<FactorCheck> {
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
    const secret = await this.#open(user, totp);
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

  async requestPasskey(purpose: Exclude<Purpose, "register">, user: string | null): Promise<PasskeyRequest> {
    const { assertionOptions } = await passkeyLibrary();
    const known = user === null ? [] : await this.#context.factors.listPasskeys(user);
    if (user !== null && known.length === 0) throw noPasskey();
    const { options, challenge } = await assertionOptions(this.#party(), known);
    return { options, ticket: await this.#putChallenge(purpose, user, challenge) };
  }

  async checkPasskey(
    purpose: Exclude<Purpose, "register">,
    user: string | null,
    { ticket, assertion }: { readonly ticket: string; readonly assertion: PasskeyAssertion },
  ): Promise<FactorCheck> {
    const { factors, clock, log } = this.#context;
    const { verifyAssertion } = await passkeyLibrary();
    const challenge = await this.#takeChallenge(purpose, user, ticket);
    if (challenge === undefined) return { kind: "wrong", reason: "gone_challenge" };
    const passkey = await factors.findPasskey(assertion.id);
    if (passkey === undefined || (user !== null && passkey.user !== user)) {
      return { kind: "wrong", reason: "unknown_passkey" };
    }
    const isAlone = user === null;
    const verified = await verifyAssertion(this.#party(), challenge, passkey, { assertion, isAlone });
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

  /** Throws conflict where passkeys cannot be. */
  #party(): RelyingParty {
    const party = this.relyingParty();
    if ("id" in party) return party;
    throw new AppError("conflict", `There are no passkeys here: ${party.unavailable}`);
  }

  async #putChallenge(purpose: Purpose, user: string | null, challenge: string): Promise<string> {
    const ticket = randomText();
    const nowMs = this.#context.clock.now();
    await this.#context.signIns.putChallenge(
      { hash: await hashToken(ticket), challenge, purpose, user, expiresAtMs: nowMs + CHALLENGE_MS },
      nowMs,
    );
    return ticket;
  }

  async #takeChallenge(purpose: Purpose, user: string | null, ticket: string): Promise<string | undefined> {
    const taken = await this.#context.signIns.takeChallenge(
      await hashToken(ticket),
      this.#context.clock.now(),
    );
    return taken?.purpose === purpose && taken.user === user ? taken.challenge : undefined;
  }

  async #pending(user: string): Promise<TotpRecord | undefined> {
    const pending = await this.#context.factors.findTotp(user, "pending");
    const isFresh = pending !== undefined && pending.createdAtMs > this.#context.clock.now() - PENDING_MS;
    return isFresh ? pending : undefined;
  }

  async #open(user: string, { secret }: TotpRecord): Promise<string> {
    try {
      return await this.#context.sealer.open(secret, totpPlace(user));
    } catch (thrown) {
      const { message, reason } = toAppError(thrown);
      this.#context.log("error", "The secret of an authenticator app does not open", {
        user,
        error: message,
      });
      throw new AppError("unavailable", `Codes cannot be checked now: ${message}`, {
        cause: thrown,
        ...(reason === undefined ? {} : { reason }),
      });
    }
  }

  async #enrolment({ name }: FactorUser, secret: string): Promise<TotpEnrolment> {
    const party = this.relyingParty();
    const issuer = "id" in party && party.id !== "localhost" ? `Sluice ${party.id}` : "Sluice";
    return { secret, uri: await totpUri(secret, issuer, name) };
  }

  async #newCodes(user: string): Promise<readonly string[]> {
    const codes = newRecoveryCodes();
    const hashes = await Promise.all(codes.map((code) => hashRecoveryCode(user, code)));
    await this.#context.factors.putRecoveryCodes(user, hashes, this.#context.clock.now());
    return codes;
  }

  async #added(
    user: FactorUser,
    had: readonly FactorKind[],
    by: AuditActor,
    details: Readonly<Record<string, AuditValue>>,
  ): Promise<FactorAdded> {
    await this.#context.audit.record({ action: "factor.add", actor: by, target: targetOf(user), details });
    const codes = had.length === 0 ? await this.#newCodes(user.id) : undefined;
    const factors = await this.list(user.id);
    return codes === undefined ? { factors } : { factors, recovery_codes: [...codes] };
  }

  async #removed(
    user: FactorUser,
    by: AuditActor,
    details: Readonly<Record<string, AuditValue>>,
  ): Promise<FactorsView> {
    await this.#context.audit.record({ action: "factor.remove", actor: by, target: targetOf(user), details });
    const left = await this.kinds(user.id);
    if (left.length === 0) await this.#context.factors.removeRecoveryCodes(user.id);
    return await this.list(user.id);
  }
}

const WRONG_CODE: FactorCheck = { kind: "wrong", reason: "wrong_code" };

const targetOf = ({ name }: FactorUser) => ({ kind: "user", name } as const);

const noPasskey = () => new AppError("not_found", "There is no such passkey");

function times({ createdAtMs, lastUsedAtMs }: Pick<TotpRecord, "createdAtMs" | "lastUsedAtMs">) {
  return {
    created_at: new Date(createdAtMs).toISOString(),
    last_used_at: lastUsedAtMs === null ? null : new Date(lastUsedAtMs).toISOString(),
  };
}
