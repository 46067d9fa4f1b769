import type {
  GrantView,
  GroupView,
  RoleView,
  SessionView,
  TokenView,
  UserView,
} from "../../../contract/access/people.ts";
import type { FactorKind } from "../../../contract/access/factors.ts";
import { BUILT_IN_ROLES, permissionsOf } from "../../../contract/access/permissions.ts";
import type { SessionRecord, TokenRecord } from "../../store/ports/access.ts";
import type { LinkRecord } from "../../store/ports/sso.ts";
import type { GrantRecord, GroupRecord, RoleRecord, UserRecord } from "../../store/ports/people.ts";

const time = (atMs: number) => new Date(atMs).toISOString();
const timeOrNull = (atMs: number | null) => atMs === null ? null : time(atMs);

export function userView(
  user: UserRecord,
  groups: readonly string[],
  grants: readonly GrantRecord[],
  links: readonly LinkRecord[],
  factors: readonly FactorKind[],
): UserView {
  return {
    id: user.id,
    name: user.name,
    kind: user.kind,
    state: user.state,
    email: user.email,
    display_name: user.displayName,
    groups: [...groups],
    grants: heldBy(user.name, grants),
    identities: links.filter((link) => link.user === user.id).map(({ issuer, subject }) => ({
      issuer,
      subject,
    })),
    created_at: time(user.createdAtMs),
    created_by: user.createdBy,
    last_seen_at: timeOrNull(user.lastSeenAtMs),
    factors: [...factors],
  };
}

/** The grants of a user by its name, or of a group by `@` and its name. */
function heldBy(holder: string, grants: readonly GrantRecord[]) {
  return grants.filter((grant) => grant.holder === holder).map(({ role, scope }) => ({ role, scope }));
}

export function grantView({ id, holder, role, scope, createdAtMs, createdBy }: GrantRecord): GrantView {
  return { id, holder, role, scope, created_at: time(createdAtMs), created_by: createdBy };
}

export function tokenView(token: TokenRecord, grants: readonly GrantRecord[]): TokenView {
  const held = grants.filter(({ holder }) => holder === token.userName);
  const [only] = held;
  return {
    id: token.id,
    name: token.name,
    user: token.userName,
    role: held.length === 1 && only?.scope.kind === "all" ? only.role : null,
    scopes: {
      ...(token.scopes.permissions === undefined ? {} : { permissions: [...token.scopes.permissions] }),
      ...(token.scopes.pipelines === undefined ? {} : { pipelines: [...token.scopes.pipelines] }),
    },
    created_at: time(token.createdAtMs),
    created_by: token.createdBy,
    expires_at: timeOrNull(token.expiresAtMs),
    last_used_at: timeOrNull(token.lastUsedAtMs),
    rotated_at: timeOrNull(token.rotatedAtMs),
  };
}

export function sessionView(session: SessionRecord, userName: string): SessionView {
  return {
    id: session.id,
    user: userName,
    method: session.method,
    created_at: time(session.createdAtMs),
    last_seen_at: time(session.lastSeenAtMs),
    expires_at: time(session.expiresAtMs),
    address: session.address,
    agent: session.agent,
    is_current: false,
  };
}

export function roleView({ name, description, permissions }: RoleRecord): RoleView {
  return { name, description, permissions: [...permissions], built_in: false };
}

export const BUILT_IN_VIEWS: readonly RoleView[] = BUILT_IN_ROLES.map((name) => ({
  name,
  description: null,
  permissions: [...permissionsOf(name)],
  built_in: true,
}));

/** The names of the user's groups. */
export const groupsOf = ({ name }: UserRecord, groups: readonly GroupRecord[]): string[] =>
  groups.filter(({ members }) => members.some(({ user }) => user === name)).map((group) => group.name);

export function groupView(group: GroupRecord, grants: readonly GrantRecord[]): GroupView {
  return {
    id: group.id,
    name: group.name,
    description: group.description,
    members: group.members.map(({ user, source }) => ({ user, source })),
    grants: heldBy(`@${group.name}`, grants),
    created_at: time(group.createdAtMs),
    created_by: group.createdBy,
  };
}
