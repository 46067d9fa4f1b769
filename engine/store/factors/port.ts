import type { SealedPlaces } from "../../../contract/keys/sealed_places.ts";
import type { FactorKind } from "../../../contract/access/factors.ts";

/** pending: shown to its user, who has not sent a code of it yet. */
export const TOTP_STATES = ["pending", "active"] as const;
export type TotpState = (typeof TOTP_STATES)[number];

export interface TotpRecord {
  /** Sealed. */
  readonly secret: string;
  readonly createdAtMs: number;
  readonly lastUsedAtMs: number | null;
}

export interface PasskeyRecord {
  /** The credential's id, in base64url. */
  readonly id: string;
  /** The user's id. */
  readonly user: string;
  readonly name: string;
  /** COSE. */
  readonly publicKey: Uint8Array;
  /** How often it was used, as it says itself; 0 for ever where it does not count. */
  readonly counter: number;
  /** How browsers reach it, as `internal`, `usb`. */
  readonly transports: readonly string[];
  /** Whether it is kept on several devices. */
  readonly isSynced: boolean;
  readonly createdAtMs: number;
  readonly lastUsedAtMs: number | null;
}

/** What the secret of a user's app is bound to. */
export const totpPlace = (user: string): string => `totp/${user}`;

/** Second factors of users, by the users' ids. What must happen once is one guarded statement each. */
export interface FactorStore {
  /** Which ones each user has who has some; of one user alone where one is named. */
  kinds(user?: string): Promise<ReadonlyMap<string, readonly FactorKind[]>>;
  /** All, with the recovery codes. Returns which there were. */
  removeAll(user: string): Promise<readonly FactorKind[]>;

  /** The secrets, for whoever changes the key. */
  readonly sealed: SealedPlaces;
  /** In place of the pending one. */
  putPendingTotp(user: string, secret: string, atMs: number): Promise<void>;
  findTotp(user: string, state: TotpState): Promise<TotpRecord | undefined>;
  /** The pending one that was made then is the active one from now on; false where it is gone. */
  activateTotp(user: string, createdAtMs: number, step: number, atMs: number): Promise<boolean>;
  /** False where a code of that step or a later one was used, or the secret is another one by now. */
  useTotpStep(user: string, createdAtMs: number, step: number, atMs: number): Promise<boolean>;
  removeTotp(user: string): Promise<boolean>;

  /**
   * Counts a guess before it is looked at, so that parallel ones cannot pass together. Returns how long to wait where it
   * may not be looked at; 0 where it may.
   */
  takeGuess(user: string, nowMs: number): Promise<number>;
  /** After a right one. */
  forgetGuesses(user: string): Promise<void>;

  /** In place of those that there are; at least one. */
  putRecoveryCodes(user: string, hashes: readonly string[], atMs: number): Promise<void>;
  removeRecoveryCodes(user: string): Promise<void>;
  /** How many were not used. */
  countRecoveryCodes(user: string): Promise<number>;
  /** False where there is none of that hash, or it was used. */
  useRecoveryCode(user: string, hash: string, atMs: number): Promise<boolean>;

  /** Throws conflict where it is there, as another's too. */
  addPasskey(passkey: Omit<PasskeyRecord, "lastUsedAtMs">): Promise<void>;
  /** The oldest first. */
  listPasskeys(user: string): Promise<PasskeyRecord[]>;
  findPasskey(id: string): Promise<PasskeyRecord | undefined>;
  /** False where the user has none of that id; so it is of `removePasskey`. */
  renamePasskey(user: string, id: string, name: string): Promise<boolean>;
  removePasskey(user: string, id: string): Promise<boolean>;
  /** False where its counter is as far by now, or it is gone. */
  usePasskey(
    id: string,
    use: { readonly counter: number; readonly isSynced: boolean; readonly atMs: number },
  ): Promise<boolean>;
}

/** check: has to show a factor. enrol: has none and must have one. */
export const HALF_OPEN_PURPOSES = ["check", "enrol"] as const;
export type HalfOpenPurpose = (typeof HALF_OPEN_PURPOSES)[number];

/** Somebody who has shown a password and not yet a factor. */
export interface HalfOpenSignIn {
  /** The id of the user. */
  readonly user: string;
  readonly purpose: HalfOpenPurpose;
  readonly expiresAtMs: number;
}

/** sign_in: alone, whoever it is. check: after a password. prove: in a session, before a change. */
export const CHALLENGE_PURPOSES = ["register", "sign_in", "check", "prove"] as const;
export type ChallengePurpose = (typeof CHALLENGE_PURPOSES)[number];

export interface PasskeyChallenge {
  readonly challenge: string;
  readonly purpose: ChallengePurpose;
  /** Whose passkey is to answer it; null for anybody's. */
  readonly user: string | null;
  readonly expiresAtMs: number;
}

/** What lasts for minutes: sign-ins on the way, challenges and proofs. Found by hashes; what has expired is not found. */
export interface SignInStore {
  openHalf(signIn: HalfOpenSignIn & { readonly hash: string }, nowMs: number): Promise<void>;
  findHalf(hash: string, nowMs: number): Promise<HalfOpenSignIn | undefined>;
  /** Counts an attempt; undefined where `most` were made. */
  attemptHalf(hash: string, most: number, nowMs: number): Promise<HalfOpenSignIn | undefined>;
  /** False where it is closed: of parallel ones one alone gets true. */
  closeHalf(hash: string): Promise<boolean>;
  /** All of a user. */
  closeHalvesOf(user: string): Promise<void>;

  putChallenge(challenge: PasskeyChallenge & { readonly hash: string }, nowMs: number): Promise<void>;
  /** Takes it away: it is answered once. */
  takeChallenge(hash: string, nowMs: number): Promise<PasskeyChallenge | undefined>;

  /** That whoever has the session has shown who they are, at `atMs`; those of before `keepFromMs` are forgotten. */
  putProof(session: string, user: string, atMs: number, keepFromMs: number): Promise<void>;
  hasProof(session: string, user: string, sinceMs: number): Promise<boolean>;
}
