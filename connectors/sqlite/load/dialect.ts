import type { LoadRequest } from "../../../contract/connector/destination.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { checkTableName } from "../../destination/ledger.ts";
import type { Dialect, SqlSession, Stage, TargetColumn } from "../../destination/system.ts";
import { formatTimestamp } from "../iso_time.ts";
import type { SqliteTarget } from "../options.ts";
import { declaredTypeOf } from "./types.ts";

/** SQLite's own way of each step of a load. `stage` is where rows wait, `gone` where keys do. */
export function sqliteDialect(
  stage: Omit<Stage, "place">,
  gone: Omit<Stage, "place">,
): Dialect<TargetColumn> {
  return {
    ignoresCase: true,
    checkName: () => {},
    typeOf: declaredTypeOf,
    // Values are checked and made to fit as they are sent, so nothing is left to cast: see fit.ts.
    sentAs: (_field, column) => column.sql,
    cast: ({ name }) => quoteIdentifier(name),
    isChanged: () => "false",
    textOf: (expression) => `CAST(${expression} AS TEXT)`,
    stage: { ...stage, place: "rowid" },
    gone: { ...gone, place: "rowid" },
    // The column's own collation might take two texts for one.
    isDistinct: (_column, one, other) => `${one} COLLATE BINARY IS NOT ${other}`,
    momentOf: (iso) => quoteLiteral(`${formatTimestamp(BigInt(Date.parse(iso)) * 1_000n)}+00:00`),
    insertInto: "INSERT OR ABORT INTO",
    overriding: "",
    sendsDefaults: true,
    addsColumnsLate: false,
    addKey: ({ shown, quoted }, key, { mode }) => mode === "merge" ? uniqueIndex(shown, quoted, key) : [],
    dropKey: ({ shown }) => `DROP INDEX ${keyIndex(shown)}`,
    sqlRules: { brackets: true, bodies: "sqlite" },
    // Some hundred rows of each index are looked at, of tables where SQLite finds that it helps.
    analyze: () => ["PRAGMA analysis_limit = 400", "PRAGMA optimize = 0x10002"],
    ledger: {
      text: "TEXT",
      integer: "INTEGER",
      time: "TEXT",
      now: "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
      daysAgo: (days) => `strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-${days} days')`,
    },
  };
}

/** The name of the unique index that merges put on their key. */
export const keyIndexName = (table: string): string => `_sluice_key_${table}`;

const keyIndex = (table: string): string => quoteIdentifier(keyIndexName(table));

/** ON CONFLICT needs one. */
function uniqueIndex(table: string, quoted: string, key: readonly string[]): string[] {
  return [
    `DROP INDEX IF EXISTS ${keyIndex(table)}`,
    `CREATE UNIQUE INDEX ${keyIndex(table)} ON ${quoted} (${key.map(quoteIdentifier).join(", ")})`,
  ];
}

/** The key of earlier merges is none of a replace. */
export const dropMergeKey = (table: string): string => `DROP INDEX IF EXISTS ${keyIndex(table)}`;

/**
 * The load's table, and how messages begin: `subject` as `merge into orders of shop`, `action` with `Cannot` before it.
 * Throws `invalid` for the name of a table that cannot be loaded into.
 */
export function nameLoad(
  { mode, target }: LoadRequest<SqliteTarget>,
  shownDatabase: string,
): { readonly table: string; readonly subject: string; readonly action: string } {
  const table = target.table.replace(/^main\./i, "");
  const subject = `${mode === "merge" ? "merge" : "load"} into ${table} of ${shownDatabase}`;
  const action = `Cannot ${subject}`;
  checkTableName(action, table);
  if (/^(?:sqlite_|_sluice_)/i.test(table)) {
    throw new AppError("invalid", `${action}: the name is kept for SQLite's or Sluice's own tables`);
  }
  return { table, subject, action };
}

/** Puts the indexes and triggers of a table on the one that took its place; `carried` as its catalogue gave them. */
export async function makeAgain(
  session: Pick<SqlSession<TargetColumn>, "run">,
  action: string,
  carried: readonly { readonly type: string; readonly name: string; readonly sql: string }[],
): Promise<void> {
  for (const { type, name, sql } of carried) {
    try {
      await session.run(sql);
    } catch (error) {
      if (error instanceof AppError && error.code === "unavailable") throw error;
      throw new AppError(
        "conflict",
        `${action}: its ${type} "${name}" does not fit the new columns; drop it first`,
        { cause: error },
      );
    }
  }
}
