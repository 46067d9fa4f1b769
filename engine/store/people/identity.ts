import { eq, inArray, or, type SQL } from "drizzle-orm";
import type { HeldRole } from "../../../contract/access/access.ts";
import { isBuiltInRole, permissionsOf } from "../../../contract/access/permissions.ts";
import { type Database, storing } from "../database.ts";
import { grants, groupMembers, groups, roles } from "./people_tables.ts";
import type { Identity, UserRecord } from "../ports/people.ts";
import { scopeOf } from "./records.ts";

/** What the user is allowed, by grants to it and to its groups. */
export async function identityOf(db: Database, user: UserRecord): Promise<Identity> {
  const mine = db.select({ id: groupMembers.group }).from(groupMembers).where(eq(groupMembers.user, user.id));
  const [memberships, held] = await storing(
    "read what a user may do",
    db.batch([
      db.select({ name: groups.name }).from(groups).where(inArray(groups.id, mine)).orderBy(groups.name),
      db.select({
        role: grants.role,
        scopeKind: grants.scopeKind,
        scopeName: grants.scopeName,
        permissions: roles.permissions,
      }).from(grants).leftJoin(roles, sameRole()).where(
        or(eq(grants.user, user.id), inArray(grants.group, mine)),
      ),
    ]),
  );
  return {
    user,
    groups: memberships.map(({ name }) => name),
    roles: held.flatMap(({ role, permissions, ...scope }): HeldRole[] => {
      if (isBuiltInRole(role)) return [{ role, permissions: permissionsOf(role), scope: scopeOf(scope) }];
      return permissions === null ? [] : [{ role, permissions: new Set(permissions), scope: scopeOf(scope) }];
    }),
  };
}

function sameRole(): SQL {
  return eq(roles.name, grants.role);
}
