import type { Access } from "../../../contract/access/access.ts";
import type {
  FactorAdded,
  FactorsView,
  PasskeyRegistration,
  TotpEnrolment,
} from "../../../contract/access/factors.ts";
import { actorOf } from "../../../contract/audit/actor.ts";
import { AppError } from "../../../contract/errors.ts";
import type { Factors, PasskeyRequest } from "../../../engine/control/factors/port.ts";
import { requireWhole } from "../auth.ts";
import type { Proofs } from "./proof.ts";
import { type FactorRequirement, isFactorRequired } from "./requirement.ts";

export interface OwnFactorsOptions {
  readonly factors: Factors;
  readonly proofs: Proofs;
  readonly requirement: FactorRequirement;
}

/**
 * The factors of whoever asks: changed by persons, in a session, who have shown who they are a moment ago. Throws
 * conflict (reason proof_needed) for others, and for a service, which has no factors.
 */
export class OwnFactors {
  readonly #factors: Factors;
  readonly #proofs: Proofs;
  readonly #requirement: FactorRequirement;

  constructor({ factors, proofs, requirement }: OwnFactorsOptions) {
    this.#factors = factors;
    this.#proofs = proofs;
    this.#requirement = requirement;
  }

  list({ principal }: Access): Promise<FactorsView> {
    return this.#factors.list(principal.id);
  }

  async startTotp(access: Access): Promise<TotpEnrolment> {
    await this.#require(access);
    return await this.#factors.startTotp(access.principal);
  }

  /** The secret that waits for its first code; undefined where none does. */
  async pendingTotp(access: Access): Promise<TotpEnrolment | undefined> {
    await this.#require(access);
    return await this.#factors.pendingTotp(access.principal);
  }

  async confirmTotp(access: Access, code: string): Promise<FactorAdded> {
    await this.#require(access);
    return await this.#factors.confirmTotp(access.principal, code, actorOf(access.principal));
  }

  async removeTotp(access: Access): Promise<FactorsView> {
    await this.#require(access);
    await this.#requireAnother(access, ({ totp, passkeys }) => totp !== null && passkeys.length === 0);
    return await this.#factors.removeTotp(access.principal, actorOf(access.principal));
  }

  async startPasskey(access: Access): Promise<PasskeyRequest> {
    await this.#require(access);
    return await this.#factors.startPasskey(access.principal);
  }

  async addPasskey(
    access: Access,
    answer: { readonly ticket: string; readonly name: string; readonly registration: PasskeyRegistration },
  ): Promise<FactorAdded> {
    await this.#require(access);
    return await this.#factors.addPasskey(access.principal, answer, actorOf(access.principal));
  }

  async renamePasskey(access: Access, id: string, name: string): Promise<FactorsView> {
    await this.#require(access);
    return await this.#factors.renamePasskey(access.principal, id, name);
  }

  async removePasskey(access: Access, id: string): Promise<FactorsView> {
    await this.#require(access);
    await this.#requireAnother(
      access,
      ({ totp, passkeys }) => totp === null && passkeys.length === 1 && passkeys[0]?.id === id,
    );
    return await this.#factors.removePasskey(access.principal, id, actorOf(access.principal));
  }

  async renewRecoveryCodes(access: Access): Promise<readonly string[]> {
    await this.#require(access);
    return await this.#factors.renewRecoveryCodes(access.principal, actorOf(access.principal));
  }

  async #require(access: Access): Promise<void> {
    const { principal } = requireWhole(access);
    if (principal.kind !== "person") {
      throw new AppError("conflict", "A service has tokens alone: factors are of people, who sign in");
    }
    await this.#proofs.require(principal);
  }

  async #requireAnother(access: Access, isLast: (factors: FactorsView) => boolean): Promise<void> {
    if (!isFactorRequired(this.#requirement, (permission) => access.mayAnywhere(permission))) return;
    if (!isLast(await this.list(access))) return;
    throw new AppError("conflict", "This server wants a second factor of you: add another one first");
  }
}

/** What the routes of the API need of it. */
export type ChangesOwnFactors = Pick<OwnFactors, keyof OwnFactors>;
