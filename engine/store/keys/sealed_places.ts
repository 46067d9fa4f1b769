import { and, asc, eq, gt, isNotNull, sql } from "drizzle-orm";
import type { SQLiteColumn, SQLiteTable } from "drizzle-orm/sqlite-core";
import type { SealedPlaces } from "../../../contract/keys/sealed_places.ts";
import { warehouseKeyPlace } from "../../../contract/keys/warehouse_key.ts";
import { type Database, storing } from "../database.ts";
import { idTokenPlace } from "../ports/sso.ts";
import { ssoSessions } from "../people/sso_tables.ts";
import { notifierPlace } from "../alerts/alert_store.ts";
import { connectorPlace, revisionPlace } from "../ports/definitions.ts";
import { secretPlace } from "../ports/secrets.ts";
import { connectors, notifiers, revisions } from "../schema.ts";
import { secrets, warehouseKeys } from "./key_tables.ts";

interface SealedColumn extends Pick<SealedPlaces, "kind" | "isApplied" | "isHistory"> {
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
    kind: "connectors",
    isApplied: true,
    table: connectors,
    id: connectors.name,
    sealed: connectors.sealed,
    placeOf: connectorPlace,
  },
  {
    kind: "notifiers",
    isApplied: true,
    table: notifiers,
    id: notifiers.name,
    sealed: notifiers.sealed,
    placeOf: notifierPlace,
  },
  {
    kind: "revisions",
    isApplied: true,
    isHistory: true,
    table: revisions,
    id: revisions.id,
    sealed: revisions.sealedConnectors,
    placeOf: revisionPlace,
  },
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

/** Returns how many rows were changed. */
export async function inOneBatch(
  db: Database,
  action: string,
  [first, ...others]: readonly ReturnType<Database["run"]>[],
): Promise<number> {
  if (first === undefined) return 0;
  const results = await storing(action, db.batch([first, ...others]));
  return results.reduce((sum, { rowsAffected }) => sum + rowsAffected, 0);
}

function placesOf(db: Database, column: SealedColumn): SealedPlaces {
  const { kind, isApplied = false, isHistory = false, table, id, sealed, placeOf } = column;
  return {
    kind,
    isApplied,
    isHistory,
    async list({ after, limit }) {
      const query = db.select({ id: sql<string>`${id}`, sealed: sql<string>`${sealed}` }).from(table)
        .where(and(isNotNull(sealed), after === undefined ? undefined : gt(id, after)))
        .orderBy(asc(id)).limit(limit);
      const rows = await storing(`read the sealed ${kind}`, query);
      return rows.map((row) => ({ ...row, place: placeOf(row.id) }));
    },

    async replace(changes) {
      const updates = changes.map((change) =>
        db.run(
          sql`update ${table} set ${sql.identifier(sealed.name)} = ${change.after}
            where ${and(eq(id, change.id), eq(sealed, change.before))}`,
        )
      );
      return await inOneBatch(db, `seal ${kind} anew`, updates);
    },
  };
}
