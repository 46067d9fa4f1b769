import type { UserRecord } from "./people.ts";

/** Passwords, the links by which people choose one, and the browsers that they have signed in from. */

export interface PasswordRecord {
  /** A PHC string, as `$argon2id$v=19$m=…`. */
  readonly hash: string;
  /** Whether it lets in only to choose another one. */
  readonly mustChange: boolean;
  readonly changedAtMs: number;
}

/** Who somebody says to be, and what would prove it. */
export interface Claimant {
  readonly user: UserRecord;
  /** Undefined for a user who has none. */
  readonly password: PasswordRecord | undefined;
}

/** invitation: of a user who has not signed in yet. reset: by mail. change: of a password that must be changed. */
export const LINK_KINDS = ["invitation", "reset", "change"] as const;
export type LinkKind = (typeof LINK_KINDS)[number];

export interface LinkRecord {
  /** The id of the user who may choose a password by it. */
  readonly user: string;
  readonly kind: LinkKind;
  readonly createdAtMs: number;
  /** Who made it; null for whoever asked for a reset. */
  readonly createdBy: string | null;
  readonly expiresAtMs: number;
}

/** What ends with a password, and what does not. */
export interface Ending {
  /** The id of the session that stays. */
  readonly keptSession?: string | undefined;
  /** Whether the user's tokens end, and those that were issued to it: no by default. */
  readonly endsTokens?: boolean | undefined;
}

/** Of links and browsers SHA-256 hashes alone are stored. */
export interface PasswordStore {
  /** By a user's name in whatever case, else by the address of mail; of people alone. */
  findClaimant(nameOrEmail: string): Promise<Claimant | undefined>;
  get(user: string): Promise<PasswordRecord | undefined>;
  /** The ids of those who have one. */
  holders(): Promise<ReadonlySet<string>>;
  isAny(): Promise<boolean>;
  /**
   * What is in force from now on. The user's links, known browsers and sessions end, but for the session that is to be
   * kept; whoever was invited is active. Returns how many tokens have ended too.
   */
  put(user: string, password: PasswordRecord, ending?: Ending): Promise<number>;
  /** The same password under other parameters; nothing where it has been changed meanwhile. */
  rehash(user: string, from: string, to: string): Promise<void>;

  createLink(link: LinkRecord & { readonly hash: string }): Promise<void>;
  /** One that has not expired, of a user who is not disabled. */
  findLink(hash: string, nowMs: number): Promise<LinkRecord | undefined>;
  /**
   * Uses the link up and puts the password, as `put` does: both or neither. Returns what it was, and how many tokens have
   * ended; undefined where it has been used, has expired, or its user was disabled.
   */
  useLink(
    hash: string,
    password: PasswordRecord,
    ending?: Pick<Ending, "endsTokens">,
  ): Promise<{ readonly link: LinkRecord; readonly tokensEnded: number } | undefined>;

  /** Keeps the newest few of a user. */
  rememberBrowser(
    browser: { readonly hash: string; readonly user: string; readonly atMs: number },
  ): Promise<void>;
  /** Whether the user has signed in from it since `sinceMs`. */
  isKnownBrowser(hash: string, user: string, sinceMs: number): Promise<boolean>;
}
