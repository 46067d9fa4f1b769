import type {
  FactorAdded,
  FactorKind,
  FactorsView,
  PasskeyRegistration,
  TotpEnrolment,
} from "../../../contract/access/factors.ts";
import type { AuditActor, AuditValue } from "../../../contract/audit/entry.ts";
import { AppError } from "../../../contract/errors.ts";
import { totpPlace, type TotpRecord } from "../../store/factors/port.ts";
import { PasskeyChallenges } from "./challenges.ts";
import {
  hashRecoveryCode,
  matchTotp,
  newRecoveryCodes,
  newTotpSecret,
  readTypedCode,
  totpUri,
} from "./codes.ts";
import { FactorChecks } from "./factor_checks.ts";
import { type FactorContext, noPasskey, openTotp, passkeyLibrary, requireParty } from "./factor_context.ts";
import type { AssertionPurpose, FactorCheck, Factors, FactorUser, PasskeyRequest } from "./port.ts";
import type { RelyingPartyOr } from "./relying_party.ts";

/** How long a secret that was shown waits for its first code. */
const PENDING_MS = 15 * 60_000;
const MOST_PASSKEYS = 20;

/** Factors as the control store has them: secrets sealed, recovery codes hashed. */
export class LocalFactors implements Factors {
  readonly #context: FactorContext;
  readonly #challenges: PasskeyChallenges;
  readonly #checks: FactorChecks;

  constructor(context: FactorContext) {
    this.#context = context;
    this.#challenges = new PasskeyChallenges(context);
    this.#checks = new FactorChecks(context, this.#challenges);
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
    return pending && await this.#enrolment(user, await openTotp(this.#context, user.id, pending));
  }

  async confirmTotp(user: FactorUser, code: string, by: AuditActor): Promise<FactorAdded> {
    const { factors, clock } = this.#context;
    const pending = await this.#pending(user.id);
    if (pending === undefined) {
      throw new AppError("conflict", "The secret was shown too long ago, or is in use by now: begin again");
    }
    const typed = readTypedCode(code);
    const secret = await openTotp(this.#context, user.id, pending);
    const step = typed?.kind === "totp" ? await matchTotp(secret, typed.code, clock.now()) : undefined;
    if (step === undefined) {
      throw new AppError(
        "invalid",
        "That is not the code that the app shows now: type the six digits; the clocks of both must be right",
        { reason: "wrong_code" },
      );
    }
    return await this.#add(user, by, { kind: "totp" }, async () => {
      if (!await factors.activateTotp(user.id, pending.createdAtMs, step, clock.now())) {
        throw new AppError("conflict", "Another secret was made meanwhile: begin again");
      }
      await factors.forgetGuesses(user.id);
    });
  }

  async removeTotp(user: FactorUser, by: AuditActor): Promise<FactorsView> {
    return await this.#remove(user, by, { kind: "totp" }, async () => {
      if (await this.#context.factors.removeTotp(user.id)) return;
      throw new AppError("not_found", "There is no authenticator app");
    });
  }

  async startPasskey(user: FactorUser): Promise<PasskeyRequest> {
    const { registrationOptions } = await passkeyLibrary();
    const known = await this.#context.factors.listPasskeys(user.id);
    const { options, challenge } = await registrationOptions(requireParty(this.#context), user, known);
    return { options, ticket: await this.#challenges.put("register", user.id, challenge) };
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
    const challenge = await this.#challenges.take("register", user.id, ticket);
    if (challenge === undefined) {
      throw new AppError(
        "conflict",
        "That took longer than five minutes, or was begun elsewhere: begin again",
      );
    }
    const verified = await verifyRegistration(requireParty(this.#context), challenge, registration);
    if ("fault" in verified) {
      throw new AppError("invalid", "The passkey was not made for this server: open it by its own address", {
        reason: "wrong_passkey",
        detail: verified.fault,
      });
    }
    if ((await factors.listPasskeys(user.id)).length >= MOST_PASSKEYS) {
      throw new AppError("conflict", `There are ${MOST_PASSKEYS} passkeys already: remove one first`);
    }
    const passkey = { ...verified.value, user: user.id, name, createdAtMs: clock.now() };
    return await this.#add(user, by, { kind: "passkey", name }, () => factors.addPasskey(passkey));
  }

  async renamePasskey(user: FactorUser, id: string, name: string): Promise<FactorsView> {
    if (await this.#context.factors.renamePasskey(user.id, id, name)) return await this.list(user.id);
    throw noPasskey();
  }

  async removePasskey(user: FactorUser, id: string, by: AuditActor): Promise<FactorsView> {
    const { factors } = this.#context;
    const passkey = (await factors.listPasskeys(user.id)).find((one) => one.id === id);
    if (passkey === undefined) throw noPasskey();
    return await this.#remove(user, by, { kind: "passkey", name: passkey.name }, async () => {
      if (!await factors.removePasskey(user.id, id)) throw noPasskey();
    });
  }

  async renewRecoveryCodes(user: FactorUser, by: AuditActor): Promise<readonly string[]> {
    if ((await this.kinds(user.id)).length === 0) {
      throw new AppError("conflict", "Recovery codes stand in for a factor: add an app or a passkey first");
    }
    return await this.#context.audit.around(
      { action: "factor.codes", actor: by, target: targetOf(user) },
      () => this.#newCodes(user.id),
    );
  }

  checkCode(user: string, code: string): Promise<FactorCheck> {
    return this.#checks.code(user, code);
  }

  requestPasskey(purpose: AssertionPurpose, user: string | null): Promise<PasskeyRequest> {
    return this.#checks.requestPasskey(purpose, user);
  }

  checkPasskey(...asked: Parameters<Factors["checkPasskey"]>): Promise<FactorCheck> {
    return this.#checks.passkey(...asked);
  }

  async #pending(user: string): Promise<TotpRecord | undefined> {
    const pending = await this.#context.factors.findTotp(user, "pending");
    const isFresh = pending !== undefined && pending.createdAtMs > this.#context.clock.now() - PENDING_MS;
    return isFresh ? pending : undefined;
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

  /** Adds one, with recovery codes where it is the first. */
  async #add(
    user: FactorUser,
    by: AuditActor,
    details: Readonly<Record<string, AuditValue>>,
    add: () => Promise<void>,
  ): Promise<FactorAdded> {
    const had = await this.kinds(user.id);
    const entry = { action: "factor.add", actor: by, target: targetOf(user), details } as const;
    return await this.#context.audit.around(entry, async () => {
      await add();
      const codes = had.length === 0 ? await this.#newCodes(user.id) : undefined;
      const factors = await this.list(user.id);
      return codes === undefined ? { factors } : { factors, recovery_codes: [...codes] };
    });
  }

  /** Removes one; the recovery codes go with the last. */
  async #remove(
    user: FactorUser,
    by: AuditActor,
    details: Readonly<Record<string, AuditValue>>,
    remove: () => Promise<void>,
  ): Promise<FactorsView> {
    const entry = { action: "factor.remove", actor: by, target: targetOf(user), details } as const;
    return await this.#context.audit.around(entry, async () => {
      await remove();
      const left = await this.kinds(user.id);
      if (left.length === 0) await this.#context.factors.removeRecoveryCodes(user.id);
      return await this.list(user.id);
    });
  }
}

const targetOf = ({ name }: FactorUser) => ({ kind: "user", name } as const);

function times({ createdAtMs, lastUsedAtMs }: Pick<TotpRecord, "createdAtMs" | "lastUsedAtMs">) {
  return {
    created_at: new Date(createdAtMs).toISOString(),
    last_used_at: lastUsedAtMs === null ? null : new Date(lastUsedAtMs).toISOString(),
  };
}
