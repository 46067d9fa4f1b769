import type {
  FactorAdded,
  FactorKind,
  FactorsView,
  PasskeyAssertion,
  PasskeyRegistration,
  TotpEnrolment,
} from "../../../contract/access/factors.ts";
import type { AuditActor } from "../../../contract/audit/entry.ts";
import type { ChallengePurpose } from "../../store/factors/port.ts";
import type { RelyingPartyOr } from "./relying_party.ts";

/** Whose factors they are. */
export interface FactorUser {
  readonly id: string;
  readonly name: string;
}

/** By what somebody has shown who they are. */
export type UsedFactor = FactorKind | "recovery_code";

/** How the check of a factor came out. */
export type FactorCheck =
  | { readonly kind: "right"; readonly factor: UsedFactor; readonly user: string }
  | { readonly kind: "wrong"; readonly reason: WrongFactor }
  | { readonly kind: "limited"; readonly waitMs: number };

/**
 * used_code: one that has signed in before. unknown_passkey: removed, or another's. cloned_passkey: its counter went
 * back, so there are two of it. gone_challenge: asked for more than five minutes ago, by another browser, or answered.
 */
export type WrongFactor =
  | "wrong_code"
  | "used_code"
  | "wrong_passkey"
  | "unknown_passkey"
  | "cloned_passkey"
  | "gone_challenge";

/** What a passkey that is there already is asked for. */
export type AssertionPurpose = Exclude<ChallengePurpose, "register">;

/** What a browser's script gives to the authenticator, and the text of the cookie that it is bound to. */
export interface PasskeyRequest {
  /** As `PublicKeyCredential.parse…OptionsFromJSON` takes them. */
  readonly options: unknown;
  readonly ticket: string;
}

/**
 * Second factors of users. What is added or removed is in the audit log; whether whoever asks may, the caller knows.
 * Errors are AppErrors: invalid, not_found, conflict, and unavailable where secrets cannot be opened.
 */
export interface Factors {
  /** Whom passkeys are for, or why there can be none. */
  relyingParty(): RelyingPartyOr;
  kinds(user: string): Promise<readonly FactorKind[]>;
  list(user: string): Promise<FactorsView>;

  /** Makes a secret, which is none before `confirmTotp`; one that is there stays until then. */
  startTotp(user: FactorUser): Promise<TotpEnrolment>;
  /** The secret that waits for its first code, to be shown again; undefined where none does. */
  pendingTotp(user: FactorUser): Promise<TotpEnrolment | undefined>;
  /** Throws invalid for another code than the app's. */
  confirmTotp(user: FactorUser, code: string, by: AuditActor): Promise<FactorAdded>;
  removeTotp(user: FactorUser, by: AuditActor): Promise<FactorsView>;

  /** Throws conflict where passkeys cannot be. */
  startPasskey(user: FactorUser): Promise<PasskeyRequest>;
  addPasskey(
    user: FactorUser,
    answer: { readonly ticket: string; readonly name: string; readonly registration: PasskeyRegistration },
    by: AuditActor,
  ): Promise<FactorAdded>;
  renamePasskey(user: FactorUser, id: string, name: string): Promise<FactorsView>;
  removePasskey(user: FactorUser, id: string, by: AuditActor): Promise<FactorsView>;

  /** Those of before are void. Throws conflict for a user without a factor. */
  renewRecoveryCodes(user: FactorUser, by: AuditActor): Promise<readonly string[]>;

  /** A code of the user's app, or a recovery code. Each is right once. */
  checkCode(user: string, code: string): Promise<FactorCheck>;
  /** `user` is null where anybody's passkey will do. */
  requestPasskey(
    purpose: AssertionPurpose,
    user: string | null,
  ): Promise<PasskeyRequest>;
  checkPasskey(
    purpose: AssertionPurpose,
    user: string | null,
    answer: { readonly ticket: string; readonly assertion: PasskeyAssertion },
  ): Promise<FactorCheck>;
}
