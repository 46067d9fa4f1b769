import type { UserRecord } from "./people.ts";

/** Who users are at identity providers. */

/** A subject of an issuer that is a user of ours. The two together name somebody; no other claim does. */
export interface LinkRecord {
  readonly id: string;
  /** The id of the user whose it is. */
  readonly user: string;
  readonly userName: string;
  readonly issuer: string;
  readonly subject: string;
  /** Whether `subject` is a pattern with `*` in it, for workloads. */
  readonly isPattern: boolean;
  readonly createdAtMs: number;
  readonly createdBy: string | null;
  /** null: never. */
  readonly lastUsedAtMs: number | null;
}

export type NewLink = Omit<LinkRecord, "userName" | "lastUsedAtMs">;

export interface LinkStore {
  /** Throws conflict, reason identity_linked, where it is a user's already. */
  add(link: NewLink): Promise<void>;
  /**
   * Creates the user too, with a role over all where one is named: in one transaction. Throws conflict as `add` (reason
   * identity_linked) and as `UserStore.create` do.
   */
  addWithUser(user: UserRecord, link: NewLink, role?: string): Promise<void>;
  /** Of one user where one is named by its id; by issuer and subject. */
  list(user?: string): Promise<LinkRecord[]>;
  /** The one of exactly that subject. */
  find(issuer: string, subject: string): Promise<LinkRecord | undefined>;
  /** Those of the issuer that are patterns. */
  patterns(issuer: string): Promise<LinkRecord[]>;
  /** The sessions and tokens that it gave end with it. False where there is none of that id. */
  remove(id: string): Promise<boolean>;
  touch(id: string, atMs: number): Promise<void>;
}

/** A session that was begun at an identity provider. */
export interface SsoSession {
  /** The session's id. */
  readonly session: string;
  readonly issuer: string;
  readonly subject: string;
  /** What the provider calls its own session. */
  readonly sid: string | null;
  /** The ID token, sealed: what the provider is shown when somebody signs out. */
  readonly idToken: string | null;
}

/** What the seal of a session's ID token is bound to. */
export const idTokenPlace = (session: string): string => `id_token/${session}`;

export interface SsoSessionStore {
  /** Throws conflict where the session has ended. */
  add(session: SsoSession): Promise<void>;
  /** By the session's id. */
  find(session: string): Promise<SsoSession | undefined>;
  /** The ids of a subject's sessions, or of those of one session of the provider. */
  list(of: {
    readonly issuer: string;
    readonly subject?: string | undefined;
    readonly sid?: string | undefined;
  }): Promise<string[]>;
}

export interface SsoStore {
  readonly links: LinkStore;
  readonly sessions: SsoSessionStore;
}
