import type { TokenScopes } from "../../../contract/access/access.ts";
import type { BuiltInRole } from "../../../contract/access/permissions.ts";
import type { Identity, UserKind } from "./people.ts";

/** How users are let in: their tokens and their sessions. */

export interface TokenRecord {
  readonly id: string;
  readonly name: string;
  /** The id of the user whose it is. */
  readonly user: string;
  readonly userName: string;
  readonly userKind: UserKind;
  /** What it leaves of what its user may do. */
  readonly scopes: TokenScopes;
  readonly createdAtMs: number;
  readonly createdBy: string | null;
  /** null: never. */
  readonly expiresAtMs: number | null;
  readonly lastUsedAtMs: number | null;
  /** When it got another text; null for never. */
  readonly rotatedAtMs: number | null;
}

export interface NewToken
  extends Omit<TokenRecord, "userName" | "userKind" | "lastUsedAtMs" | "rotatedAtMs"> {
  readonly hash: string;
  /** The id of the token that it is made with, and whose end is its own. */
  readonly parent?: string | undefined;
}

/** Another text for a token. */
export interface TokenRotation {
  readonly hash: string;
  readonly atMs: number;
  readonly expiresAtMs: number | null;
  /** How long the text until now is good; none at all where it is `atMs`. */
  readonly formerUntilMs: number;
}

/** A token with a service of its name, which has a role over all. */
export interface NewService extends Omit<NewToken, "user"> {
  readonly role: string;
}

/** The same of a service that the server makes for itself. */
export interface ServiceToken {
  readonly id: string;
  readonly name: string;
  readonly role: BuiltInRole;
  readonly hash: string;
  readonly createdAtMs: number;
}

export const SESSION_METHODS = ["token", "password", "passkey", "sso"] as const;
export type SessionMethod = (typeof SESSION_METHODS)[number];

export interface SessionRecord {
  /** What it is ended by; it lets nobody in. */
  readonly id: string;
  readonly user: string;
  /** The id of the token that it was begun with; it ends with that. */
  readonly token: string | null;
  readonly method: SessionMethod;
  readonly createdAtMs: number;
  readonly lastSeenAtMs: number;
  readonly expiresAtMs: number;
  readonly address: string | null;
  /** What the browser calls itself. */
  readonly agent: string | null;
}

/** A token that lives for a short time, issued for another one or for an identity of a provider: it ends with that. */
export interface IssuedToken {
  readonly id: string;
  readonly hash: string;
  readonly user: string;
  /** The id of the token, or of the link, that it was issued for. */
  readonly for: { readonly token: string } | { readonly link: string };
  readonly scopes: TokenScopes;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
}

/** Whoever a token or a session lets in. */
export interface LetIn {
  readonly identity: Identity;
  /** Whether by an issued token; `token` is then the one that it was issued for, with the scopes and the end of this one. */
  readonly isIssued?: boolean;
  /** The token of the request, or of the session. */
  readonly token?: TokenRecord;
  readonly session?: SessionRecord;
}

/**
 * Tokens and page sessions; only SHA-256 hashes are stored. `putToken` and `createSession` count at once also where the
 * store cannot be written now: whoever only looks never depends on a write. Expired ones, and those of users who are
 * not active, are not found.
 */
export interface AccessStore {
  /** Throws conflict where the user has one of that name. */
  createToken(token: NewToken): Promise<void>;
  /** Creates a service with it and the role. Throws conflict for a user's name in use. */
  createService(token: NewService): Promise<void>;
  /** As `createService`, or gives the service of that name this token alone, and this role: for SLUICE_TOKEN. */
  putToken(token: ServiceToken): Promise<void>;
  /** Also one that was issued. */
  findToken(hash: string, nowMs: number): Promise<LetIn | undefined>;
  /** The oldest of a user who has many go. Throws conflict where what it is issued for is gone. */
  issueToken(token: IssuedToken): Promise<void>;
  /** By the user's name and the token's; of one user alone where one is named by its id. */
  listTokens(user?: string): Promise<TokenRecord[]>;
  /**
   * Its sessions end too, and a service whose last it was goes with it. False where there is none of that id.
   */
  revokeToken(id: string): Promise<boolean>;
  /** The sessions that were begun with it, and the tokens that were made with it, end. False where there is none. */
  rotateToken(id: string, rotation: TokenRotation): Promise<boolean>;
  /** Notes when it was last used; that is written later, as well as it goes, and never fails. */
  touchToken(id: string, atMs: number): Promise<void>;
  createSession(session: SessionRecord & { readonly hash: string }): Promise<void>;
  findSession(hash: string, nowMs: number): Promise<LetIn | undefined>;
  /** Those that have not ended by `nowMs`, the last used first; of one user alone where one is named by its id. */
  listSessions(nowMs: number, user?: string): Promise<SessionRecord[]>;
  /** As `touchToken`. */
  touchSession(id: string, atMs: number): Promise<void>;
  /** An active user by id, with a token that is still good where one is named. */
  findUser(id: string, token: string | null, nowMs: number): Promise<LetIn | undefined>;
  endSession(hash: string): Promise<void>;
  /** False where there is none of that id. */
  endSessionById(id: string): Promise<boolean>;
  /** All of a user, but for the one of the id that is to be kept. Returns how many ended. */
  endSessionsOf(user: string, kept?: string): Promise<number>;
}
