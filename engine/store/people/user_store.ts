import { asc, eq, gt, or, sql } from "drizzle-orm";
import { AppError, toAppError } from "../../../contract/errors.ts";
import { type Database, storing } from "../database.ts";
import { passwordLinks, people } from "./people_tables.ts";
import type { UserStore } from "../ports/people.ts";
import { identityOf } from "./identity.ts";
import { USER } from "./records.ts";

export function createUserStore(db: Database): UserStore {
  return {
    async create({ lastSeenAtMs: _never, ...user }) {
      await orTaken(user, storing(`create the user "${user.name}"`, db.insert(people).values(user)));
    },

    async find(idOrName) {
      const query = db.select(USER).from(people).where(or(eq(people.id, idOrName), eq(people.name, idOrName)))
        // An id is meant before a name that looks like one.
        .orderBy(sql`${people.id} = ${idOrName} desc`).limit(1);
      const [found] = await storing("look for a user", query);
      return found;
    },

    async findByEmail(email) {
      const query = db.select(USER).from(people).where(eq(people.email, email));
      return (await storing("look for a user", query))[0];
    },

    list({ after, limit } = {}) {
      const query = db.select(USER).from(people)
        .where(after === undefined ? undefined : gt(people.name, after)).orderBy(asc(people.name));
      return storing("read the users", limit === undefined ? query : query.limit(limit));
    },

    async change(id, change) {
      if (Object.keys(change).length === 0) return (await this.find(id)) !== undefined;
      const query = db.update(people).set(change).where(eq(people.id, id)).returning({ id: people.id });
      if (change.email === undefined && change.state !== "disabled") {
        return (await orTaken(change, storing("change a user", query))).length > 0;
      }
      // What was mailed to the former address, or to somebody who is let in no more, leads nowhere.
      const links = db.delete(passwordLinks).where(eq(passwordLinks.user, id));
      const [changed] = await orTaken(change, storing("change a user", db.batch([query, links])));
      return changed.length > 0;
    },

    async remove(id) {
      const query = db.delete(people).where(eq(people.id, id)).returning({ id: people.id });
      return (await storing("remove a user", query)).length > 0;
    },

    async identity(id) {
      const [user] = await storing("read a user", db.select(USER).from(people).where(eq(people.id, id)));
      return user && await identityOf(db, user);
    },
  };
}

/** Says which of what must be there once is there already. */
export async function orTaken<T>(
  { name, email }: { readonly name?: string; readonly email?: string | null },
  writing: Promise<T>,
): Promise<T> {
  try {
    return await writing;
  } catch (thrown) {
    const error = toAppError(thrown);
    if (error.code !== "conflict" || error.reason !== undefined) throw error;
    const isEmail = error.detail?.includes("people.email") === true;
    throw new AppError(
      "conflict",
      isEmail
        ? `Another user has the address ${email}: one address is one user's`
        : `There is a user named "${name}" already: choose another name`,
      { cause: thrown },
    );
  }
}
