import type { HeldRole } from "../../../contract/access/access.ts";
import type { Permission } from "../../../contract/access/permissions.ts";
import type { PrincipalKind } from "../../../contract/access/principal.ts";
import type { Scope } from "../../../contract/access/scope.ts";

/** People and services, the groups that they are in, and what is granted to either. */

export const USER_KINDS = ["person", "service"] as const satisfies readonly PrincipalKind[];
export type UserKind = (typeof USER_KINDS)[number];

/** invited: has not signed in yet. disabled: is let in no more, by token or session. */
export const USER_STATES = ["active", "invited", "disabled"] as const;
export type UserState = (typeof USER_STATES)[number];

export interface UserRecord {
  readonly id: string;
  /** As commands and grants name it; case does not count. */
  readonly name: string;
  readonly kind: UserKind;
  readonly state: UserState;
  readonly email: string | null;
  readonly displayName: string | null;
  readonly createdAtMs: number;
  /** Who made it; null for the server itself. */
  readonly createdBy: string | null;
  /** When it last signed in, or its token was last used, about. */
  readonly lastSeenAtMs: number | null;
}

/** A user with all that decides what it may do. */
export interface Identity {
  readonly user: UserRecord;
  /** The names of its groups. */
  readonly groups: readonly string[];
  /** By grants to it and to its groups; those of roles that are gone are left out. */
  readonly roles: readonly HeldRole[];
}

/** local: put in by hand. sso: by the claims of an identity provider. */
export const MEMBER_SOURCES = ["local", "sso"] as const;
export type MemberSource = (typeof MEMBER_SOURCES)[number];

export interface GroupRecord {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly createdAtMs: number;
  readonly createdBy: string | null;
  readonly members: readonly { readonly user: string; readonly source: MemberSource }[];
}

/** A role of the operator's own. */
export interface RoleRecord {
  readonly name: string;
  readonly description: string | null;
  readonly permissions: readonly Permission[];
  readonly createdAtMs: number;
  readonly createdBy: string | null;
}

export interface GrantRecord {
  readonly id: string;
  /** A user's name, or `@` and a group's. */
  readonly holder: string;
  readonly role: string;
  readonly scope: Scope;
  readonly createdAtMs: number;
  readonly createdBy: string | null;
}

/** Who something is granted to, by id. */
export type HolderId = { readonly user: string } | { readonly group: string };

export interface UserStore {
  /** Throws conflict for a name or an address of mail in use. */
  create(user: UserRecord): Promise<void>;
  /** By id, or by name in whatever case. */
  find(idOrName: string): Promise<UserRecord | undefined>;
  /** By address of mail, in whatever case. */
  findByEmail(email: string): Promise<UserRecord | undefined>;
  /** By name, after `after`; all by default. */
  list(range?: { readonly after?: string; readonly limit?: number }): Promise<UserRecord[]>;
  /** False where there is none of that id. Throws conflict as `create` does. */
  change(
    id: string,
    change: Partial<Pick<UserRecord, "name" | "email" | "displayName" | "state">>,
  ): Promise<boolean>;
  /** Its tokens, sessions and grants go too. False where there is none of that id. */
  remove(id: string): Promise<boolean>;
  identity(id: string): Promise<Identity | undefined>;
}

export interface GroupStore {
  /** Throws conflict for a name in use. */
  create(group: Omit<GroupRecord, "members">): Promise<void>;
  /** By id, or by name in whatever case. */
  find(idOrName: string): Promise<GroupRecord | undefined>;
  list(): Promise<GroupRecord[]>;
  remove(id: string): Promise<boolean>;
  /** One that is put in by hand stays in, whatever a provider says. */
  addMember(group: string, user: string, source: MemberSource): Promise<void>;
  /** Replaces the groups, by id, that the user is in because of an identity provider. Returns what changed, by id. */
  setSsoMember(
    user: string,
    groups: readonly string[],
  ): Promise<{ readonly added: readonly string[]; readonly removed: readonly string[] }>;
  /** False where the user was no member. */
  removeMember(group: string, user: string): Promise<boolean>;
}

export interface RoleStore {
  /** Makes it, or gives the one of that name these permissions. */
  put(role: RoleRecord): Promise<void>;
  list(): Promise<RoleRecord[]>;
  /** False where there is none. Throws conflict where something is granted as it. */
  remove(name: string): Promise<boolean>;
}

export interface GrantStore {
  /** Does nothing where it is there already. */
  add(grant: Omit<GrantRecord, "holder"> & { readonly to: HolderId }): Promise<void>;
  list(): Promise<GrantRecord[]>;
  /** Of one holder: all of that role and scope, or all where neither is named. Returns how many went. */
  remove(from: HolderId, what?: { readonly role?: string; readonly scope?: Scope }): Promise<number>;
}

export interface PeopleStore {
  readonly users: UserStore;
  readonly groups: GroupStore;
  readonly roles: RoleStore;
  readonly grants: GrantStore;
}
