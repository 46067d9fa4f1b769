import { and, asc, desc, eq, sql } from "drizzle-orm";
import type { DataKeyRecord, DataKeyStore } from "../../../contract/keys/data_keys.ts";
import { type Database, storing } from "../database.ts";
import { dataKeys } from "./key_tables.ts";

export function createDataKeyStore(db: Database): DataKeyStore {
  return {
    list() {
      const query = db.select().from(dataKeys).orderBy(desc(dataKeys.isCurrent), asc(dataKeys.createdAtMs));
      return storing("read the data keys", query);
    },

    async begin({ id, wrapped }, before, nowMs) {
      const retire = db.update(dataKeys).set({ isCurrent: false, retiredAtMs: nowMs })
        .where(and(eq(dataKeys.isCurrent, true), eq(dataKeys.id, before ?? "")));
      const put = db.insert(dataKeys).select(
        sql`select ${id}, ${wrapped}, true, ${nowMs}, null
          where not exists (select 1 from ${dataKeys} where is_current)`,
      ).returning({ id: dataKeys.id });
      const [, made] = await storing("keep a data key", db.batch([retire, put]));
      return made.length > 0;
    },

    async rewrap(known, changes) {
      const { rowsAffected } = await storing("wrap the data keys", db.run(rewrapping(known, changes)));
      return rowsAffected > 0;
    },
  };
}

/** One statement: a server that dies in it has changed nothing. */
function rewrapping(
  known: readonly DataKeyRecord[],
  changes: readonly Pick<DataKeyRecord, "id" | "wrapped">[],
) {
  const cases = sql.join(changes.map(({ id, wrapped }) => sql`when ${id} then ${wrapped}`), sql` `);
  const same = sql.join(
    known.map(({ id, wrapped }) => sql`(id = ${id} and wrapped = ${wrapped})`),
    sql` or `,
  );
  const ids = sql.join(changes.map(({ id }) => sql`${id}`), sql`, `);
  return sql`update ${dataKeys} set wrapped = case id ${cases} else wrapped end
    where id in (${ids})
      and (select count(*) from ${dataKeys} where ${same}) = ${known.length}
      and (select count(*) from ${dataKeys}) = ${known.length}`;
}
