import { and, asc, eq, gt, isNotNull, sql } from "drizzle-orm";
import type { SQLiteColumn, SQLiteTable } from "drizzle-orm/sqlite-core";
import type { SealedPlaces } from "../../../contract/keys/sealed_places.ts";
import { warehouseKeyPlace } from "../../../contract/keys/warehouse_key.ts";
import { type Database, storing } from "../database.ts";
import { idTokenPlace } from "../ports/sso.ts";
import { ssoSessions } from "../people/sso_tables.ts";
import { secretPlace } from "../ports/secrets.ts";
import { secrets, warehouseKeys } from "../schema.ts";

interface SealedColumn {
  readonly kind: string;
  readonly table: SQLiteTable;
  /** A key of the table's rows, of text. */
  readonly id: SQLiteColumn;
  /** Of text; it may be null. */
  readonly sealed: SQLiteColumn;
  /** What a row's text is sealed for. */
  readonly placeOf: (id: string) => string;
}

/**
 * All columns that hold sealed texts but for those of factors, which tell of their own. A test finds those whose names
 * begin with `sealed` and are not in this list: a rotation would not seal them anew.
 */
export const SEALED_COLUMNS: readonly SealedColumn[] = [
  { kind: "secrets", table: secrets, id: secrets.name, sealed: secrets.sealed, placeOf: secretPlace },
  {
    kind: "keys of warehouses",
    table: warehouseKeys,
    id: warehouseKeys.pipeline,
    sealed: warehouseKeys.sealed,
    placeOf: warehouseKeyPlace,
  },
  {
    kind: "ID tokens",
    table: ssoSessions,
    id: ssoSessions.session,
    sealed: ssoSessions.idToken,
    placeOf: idTokenPlace,
  },
];

export function createSealedPlaces(db: Database): SealedPlaces[] {
  return SEALED_COLUMNS.map((column) => placesOf(db, column));
}

function placesOf(db: Database, { kind, table, id, sealed, placeOf }: SealedColumn): SealedPlaces {
  return {
    kind,
    async list({ after, limit }) {
      const query = db.select({ id: sql<string>`${id}`, sealed: sql<string>`${sealed}` }).from(table)
        .where(and(isNotNull(sealed), after === undefined ? undefined : gt(id, after)))
        .orderBy(asc(id)).limit(limit);
      const rows = await storing(`read the sealed ${kind}`, query);
      return rows.map((row) => ({ ...row, place: placeOf(row.id) }));
    },

    async replace(one, before, after) {
      const query = db.run(
        sql`update ${table} set ${sql.identifier(sealed.name)} = ${after}
          where ${and(eq(id, one), eq(sealed, before))}`,
      );
      return (await storing(`seal ${kind} anew`, query)).rowsAffected > 0;
    },
  };
}
