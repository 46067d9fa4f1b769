/** Who may ask. */

export const ROLES = ["admin", "operator", "viewer"] as const;

/** admin: everything. operator: runs, retries, cancels, pauses. viewer: looks. */
export type Role = (typeof ROLES)[number];

export interface TokenRecord {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly createdAtMs: number;
  readonly lastUsedAtMs: number | null;
}

/**
 * Tokens and page sessions; only SHA-256 hashes are stored. `putToken` and `createSession` count at
 * once also where the store cannot be written now: whoever only looks never depends on a write.
 */
export interface AccessStore {
  createToken(
    token: { id: string; name: string; role: Role; hash: string; createdAtMs: number },
  ): Promise<void>;
  /** Creates it, or gives the token of that name this hash: for SLUICE_TOKEN. */
  putToken(token: { id: string; name: string; role: Role; hash: string; createdAtMs: number }): Promise<void>;
  findToken(hash: string): Promise<TokenRecord | undefined>;
  listTokens(): Promise<TokenRecord[]>;
  /** Its sessions end too. False where there is none of that id. */
  revokeToken(id: string): Promise<boolean>;
  /** Notes when it was last used; that is written later, as well as it goes, and never fails. */
  touchToken(id: string, atMs: number): Promise<void>;
  createSession(session: { hash: string; tokenId: string; expiresAtMs: number }): Promise<void>;
  findSession(hash: string, nowMs: number): Promise<TokenRecord | undefined>;
  endSession(hash: string): Promise<void>;
}
