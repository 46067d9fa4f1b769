import { and, asc, eq, sql } from "drizzle-orm";
import { AppError } from "../../../contract/errors.ts";
import { type Database, storing } from "../database.ts";
import { grants, groups, people, roles } from "./people_tables.ts";
import type { GrantStore, HolderId, RoleStore } from "../ports/people.ts";
import { scopeColumns, scopeOf } from "./records.ts";

export function createGrantStore(db: Database): GrantStore {
  return {
    async add({ to, scope, ...grant }) {
      const query = db.insert(grants).values({ ...grant, ...to, ...scopeColumns(scope) })
        .onConflictDoNothing();
      await storing("write a grant", query);
    },

    async list() {
      const holder = sql<string>`coalesce(${people.name}, '@' || ${groups.name})`;
      const query = db.select({
        id: grants.id,
        holder,
        role: grants.role,
        scopeKind: grants.scopeKind,
        scopeName: grants.scopeName,
        createdAtMs: grants.createdAtMs,
        createdBy: grants.createdBy,
      }).from(grants)
        .leftJoin(people, eq(people.id, grants.user)).leftJoin(groups, eq(groups.id, grants.group))
        .orderBy(asc(holder), asc(grants.role), asc(grants.scopeKind), asc(grants.scopeName));
      const rows = await storing("read the grants", query);
      return rows.map(({ scopeKind, scopeName, ...grant }) => ({
        ...grant,
        scope: scopeOf({ scopeKind, scopeName }),
      }));
    },

    async remove(from, { role, scope } = {}) {
      const columns = scope && scopeColumns(scope);
      const query = db.delete(grants).where(and(
        isHeldBy(from),
        role === undefined ? undefined : eq(grants.role, role),
        columns === undefined ? undefined : eq(grants.scopeKind, columns.scopeKind),
        columns === undefined ? undefined : eq(grants.scopeName, columns.scopeName),
      )).returning({ id: grants.id });
      return (await storing("remove grants", query)).length;
    },
  };
}

const isHeldBy = (holder: HolderId) =>
  "user" in holder ? eq(grants.user, holder.user) : eq(grants.group, holder.group);

export function createRoleStore(db: Database): RoleStore {
  return {
    async put({ name, description, permissions, createdAtMs, createdBy }) {
      const row = { name, description, permissions: [...permissions], createdAtMs, createdBy };
      const query = db.insert(roles).values(row)
        .onConflictDoUpdate({ target: roles.name, set: { description, permissions: row.permissions } });
      await storing(`write the role "${name}"`, query);
    },

    list: () => storing("read the roles", db.select().from(roles).orderBy(asc(roles.name))),

    async remove(name) {
      const isGranted = sql`exists (select 1 from ${grants} where ${grants.role} = ${roles.name})`;
      const query = db.delete(roles).where(and(eq(roles.name, name), sql`not ${isGranted}`))
        .returning({ name: roles.name });
      if ((await storing(`remove the role "${name}"`, query)).length > 0) return true;
      const left = await storing("look for a role", db.select().from(roles).where(eq(roles.name, name)));
      if (left.length === 0) return false;
      throw new AppError("conflict", `The role "${name}" is granted to somebody: revoke its grants first`);
    },
  };
}
