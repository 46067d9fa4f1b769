import type {
  GrantView,
  GroupView,
  InvitationView,
  NewGrant,
  NewGroup,
  NewInvitation,
  NewTokenRequest,
  NewUser,
  RolePut,
  RoleView,
  SessionView,
  TokenRotationRequest,
  TokenView,
  UserChange,
  UserView,
} from "../../../contract/access/people.ts";
import type { FactorsReset, UserFactorsView } from "../../../contract/access/factors.ts";
import type { LinkView, NewLinkRequest } from "../../../contract/access/links.ts";
import type { PasswordPut, PasswordSet } from "../../../contract/access/passwords.ts";
import type { Scope } from "../../../contract/access/scope.ts";

/**
 * Who there is and what is granted to whom. Users, groups and roles are named by their name or id; `by` is the name of
 * whoever asks. Every failure is an AppError: not_found for what is not there, invalid for what does not fit, conflict
 * for a name in use and for what would leave nobody who may manage people.
 */
export interface People {
  readonly users: Users;
  readonly passwords: Passwords;
  readonly factors: UserFactors;
  readonly invitations: Invitations;
  readonly groups: Groups;
  readonly roles: Roles;
  readonly grants: Grants;
  readonly tokens: Tokens;
  readonly sessions: Sessions;
  readonly links: Links;
}

export interface Users {
  /** By name, after `after`; all by default. */
  list(range: { readonly after?: string; readonly limit?: number }): Promise<UserView[]>;
  get(user: string): Promise<UserView>;
  create(request: NewUser, by: string): Promise<UserView>;
  /** A user that is disabled is let in no more, by session or token. */
  change(user: string, change: UserChange): Promise<UserView>;
  /** Its tokens, sessions and grants go with it. */
  remove(user: string): Promise<void>;
}

/** Second factors of others. */
export interface UserFactors {
  get(user: string): Promise<UserFactorsView>;
  /**
   * Takes all away, with the recovery codes, and ends the user's sessions, also those that are half open; a mail tells the
   * user. Returns which there were.
   */
  reset(user: string, by: string): Promise<FactorsReset>;
}

/** Every password is looked at for its strength: invalid, reason weak_password. */
export interface Passwords {
  /**
   * Ends the user's sessions, and its tokens unless they are to stay; a mail tells the user. Throws conflict for a service,
   * which has tokens alone.
   */
  set(user: string, request: PasswordPut, by: string): Promise<PasswordSet>;
}

export interface Invitations {
  /**
   * Makes a user, or takes one without a password, and sends a link to choose one by; where that cannot be mailed, the
   * link is in the answer. Throws conflict for a user who has a password, is a service, or is disabled.
   */
  invite(request: NewInvitation, by: string): Promise<InvitationView>;
}

export interface Groups {
  list(): Promise<GroupView[]>;
  create(request: NewGroup, by: string): Promise<GroupView>;
  remove(group: string): Promise<void>;
  addMember(group: string, user: string): Promise<GroupView>;
  removeMember(group: string, user: string): Promise<GroupView>;
}

export interface Roles {
  /** Those that are always there first. */
  list(): Promise<RoleView[]>;
  /** Makes it, or gives it these permissions. */
  put(name: string, role: RolePut, by: string): Promise<RoleView>;
  /** Throws conflict while it is granted. */
  remove(name: string): Promise<void>;
}

export interface Grants {
  list(): Promise<GrantView[]>;
  /** Does nothing where it is there already. */
  add(request: NewGrant, by: string): Promise<GrantView>;
  /** Those of a holder, of a role or over something where that is said. Returns those that are gone. */
  remove(holder: string, what: { readonly role?: string; readonly scope?: Scope }): Promise<GrantView[]>;
}

export interface Tokens {
  /** Of one user where one is named. */
  list(user?: string): Promise<TokenView[]>;
  /** The token's text is in the answer and nowhere else. */
  create(request: NewTokenRequest, by: string): Promise<TokenView & { readonly token: string }>;
  /** By id. */
  revoke(id: string): Promise<void>;
  /**
   * Another text for the same token, for as long as it had; the one until now ends, or after `overlap`. Ends the sessions
   * and tokens that were made with it. Throws conflict for the server's own.
   */
  rotate(id: string, request: TokenRotationRequest): Promise<TokenView & { readonly token: string }>;
}

export interface Sessions {
  /** Of one user where one is named. */
  list(user?: string): Promise<SessionView[]>;
  /** By id. */
  end(id: string): Promise<void>;
}

export interface Links {
  /** Of a user. */
  list(user: string): Promise<LinkView[]>;
  /** Throws conflict where the identity is a user's already, invalid for a pattern that would let in others. */
  add(user: string, request: NewLinkRequest, by: string): Promise<LinkView>;
  /** One of the user's, by id. The sessions and tokens that it gave end. */
  remove(user: string, id: string): Promise<void>;
}
