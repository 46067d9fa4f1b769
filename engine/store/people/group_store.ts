import { and, asc, eq, inArray, notInArray, or, sql } from "drizzle-orm";
import { AppError, toAppError } from "../../../contract/errors.ts";
import { type Database, storing } from "../database.ts";
import { groupMembers, groups, people } from "./people_tables.ts";
import type { GroupRecord, GroupStore } from "../ports/people.ts";

type GroupRow = typeof groups.$inferSelect;

export function createGroupStore(db: Database): GroupStore {
  const withMembers = async (rows: readonly GroupRow[]): Promise<GroupRecord[]> => {
    const query = db.select({ group: groupMembers.group, user: people.name, source: groupMembers.source })
      .from(groupMembers).innerJoin(people, eq(people.id, groupMembers.user))
      .where(inArray(groupMembers.group, rows.map(({ id }) => id))).orderBy(asc(people.name));
    const members = Map.groupBy(await storing("read the groups' members", query), ({ group }) => group);
    return rows.map((row) => ({
      ...row,
      members: (members.get(row.id) ?? []).map(({ user, source }) => ({ user, source })),
    }));
  };
  return {
    async create(group) {
      try {
        await storing(`create the group "${group.name}"`, db.insert(groups).values(group));
      } catch (thrown) {
        if (toAppError(thrown).code !== "conflict") throw thrown;
        const message = `There is a group named "${group.name}" already: choose another name`;
        throw new AppError("conflict", message, { cause: thrown });
      }
    },

    async find(idOrName) {
      const query = db.select().from(groups).where(or(eq(groups.id, idOrName), eq(groups.name, idOrName)))
        .orderBy(sql`${groups.id} = ${idOrName} desc`).limit(1);
      return (await withMembers(await storing("look for a group", query)))[0];
    },

    async list() {
      return await withMembers(
        await storing("read the groups", db.select().from(groups).orderBy(asc(groups.name))),
      );
    },

    async remove(id) {
      const query = db.delete(groups).where(eq(groups.id, id)).returning({ id: groups.id });
      return (await storing("remove a group", query)).length > 0;
    },

    async addMember(group, user, source) {
      const insert = db.insert(groupMembers).values({ group, user, source });
      const query = source === "local"
        ? insert.onConflictDoUpdate({ target: [groupMembers.group, groupMembers.user], set: { source } })
        : insert.onConflictDoNothing();
      await storing("put a user into a group", query);
    },

    async setSsoMember(user, wanted) {
      const isSso = and(eq(groupMembers.user, user), eq(groupMembers.source, "sso"));
      const removing = db.delete(groupMembers).where(
        and(isSso, wanted.length === 0 ? undefined : notInArray(groupMembers.group, [...wanted])),
      ).returning({ group: groupMembers.group });
      const adding = db.insert(groupMembers)
        // A group that was removed meanwhile is left out.
        .select(
          db.select({
            group: groups.id,
            user: sql<string>`${user}`.as("user"),
            source: sql<"sso">`'sso'`.as("source"),
          })
            .from(groups).where(inArray(groups.id, [...wanted])),
        ).onConflictDoNothing().returning({ group: groupMembers.group });
      const action = "write the groups of a user";
      const [removed, added] = wanted.length === 0
        ? [await storing(action, removing), []]
        : await storing(action, db.batch([removing, adding]));
      return { added: added.map(({ group }) => group), removed: removed.map(({ group }) => group) };
    },

    async removeMember(group, user) {
      const query = db.delete(groupMembers).where(
        and(eq(groupMembers.group, group), eq(groupMembers.user, user)),
      ).returning({ user: groupMembers.user });
      return (await storing("take a user out of a group", query)).length > 0;
    },
  };
}
