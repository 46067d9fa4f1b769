import type { TransactionalDestination } from "../../../contract/connector/destination.ts";
import { AppError, toAppError } from "../../../contract/errors.ts";
import { quoteIdentifier } from "../../../contract/sql.ts";
import { checkTableName, LEDGER_TABLE } from "../../destination/ledger.ts";
import { sqlDestination } from "../../destination/sql_load.ts";
import type { Dialect, RelationName, SqlTarget, TargetColumn } from "../../destination/system.ts";
import type { SqliteDatabase } from "../driver.ts";
import type { SqliteTarget } from "../options.ts";
import { SqliteCatalogue } from "./catalogue.ts";
import { LoadSession } from "./session.ts";
import { declaredTypeOf } from "./types.ts";

const STAGE = `"_sluice_stage"`;

const dialect: Dialect<TargetColumn> = {
  ignoresCase: true,
  checkName: () => {},
  typeOf: declaredTypeOf,
  // Values are checked and made to fit as they are sent, so nothing is left to cast: see fit.ts.
  sentAs: (_field, column) => column.sql,
  cast: ({ name }) => quoteIdentifier(name),
  isChanged: () => "false",
  textOf: (expression) => `CAST(${expression} AS TEXT)`,
  stage: {
    relation: `temp.${STAGE}`,
    place: "rowid",
    create: (definitions) => `CREATE TEMPORARY TABLE ${STAGE} (${definitions})`,
    drop: `DROP TABLE temp.${STAGE}`,
  },
  insertInto: "INSERT OR ABORT INTO",
  overriding: "",
  sendsDefaults: true,
  addsColumnsLate: false,
  addKey: ({ shown, quoted }, key, { mode }) => mode === "merge" ? uniqueIndex(shown, quoted, key) : [],
  dropKey: ({ shown }) => `DROP INDEX ${keyIndex(shown)}`,
  ledger: {
    text: "TEXT",
    integer: "INTEGER",
    time: "TEXT",
    now: "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
    daysAgo: (days) => `strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-${days} days')`,
  },
};

const keyIndex = (table: string): string => quoteIdentifier(`_sluice_key_${table}`);

/** ON CONFLICT needs one. */
function uniqueIndex(table: string, quoted: string, key: readonly string[]): string[] {
  return [
    `DROP INDEX IF EXISTS ${keyIndex(table)}`,
    `CREATE UNIQUE INDEX ${keyIndex(table)} ON ${quoted} (${key.map(quoteIdentifier).join(", ")})`,
  ];
}

/** `openFile` opens the database file to write, and makes it where there is none; `subject` heads its errors. */
export function createDestination(
  shownFile: string,
  openFile: (subject: string) => Promise<SqliteDatabase>,
): TransactionalDestination<SqliteTarget> {
  return sqlDestination<SqliteTarget, TargetColumn>(
    async (request, signal) => {
      const table = request.target.table.replace(/^main\./i, "");
      const subject = `${request.mode === "merge" ? "merge" : "load"} into ${table} of ${shownFile}`;
      const action = `Cannot ${subject}`;
      checkTableName(action, table);
      if (/^(?:sqlite_|_sluice_)/i.test(table)) {
        throw new AppError("invalid", `${action}: the name is kept for SQLite's or Sluice's own tables`);
      }
      const database = await openFile(subject);
      const session = new LoadSession(database, action, signal);
      return targetOf(database, session, action, table, request.mode === "replace");
    },
  );
}

function targetOf(
  database: SqliteDatabase,
  session: LoadSession,
  action: string,
  table: string,
  isReplace: boolean,
): SqlTarget<TargetColumn> {
  const catalogue = new SqliteCatalogue(session, action, table);
  const name: RelationName = {
    quoted: quoteIdentifier(table),
    shown: table,
    ledger: quoteIdentifier(LEDGER_TABLE),
  };
  return {
    action,
    name,
    dialect,
    session,
    catalogue,
    async lock() {
      // BEGIN IMMEDIATE keeps all others waiting. The key of earlier merges is none of a replace.
      if (isReplace) await session.run(`DROP INDEX IF EXISTS ${keyIndex(table)}`);
    },
    makeLedger: async (create) => void await session.run(`${create} WITHOUT ROWID`),
    async rebuild() {
      const carried = await catalogue.carried();
      await session.run(`DROP TABLE ${name.quoted}`);
      return { relation: name, finish: () => makeAgain(session, action, carried) };
    },
    explain: toAppError,
    // What was not committed is rolled back with the connection.
    [Symbol.asyncDispose]: () => Promise.resolve(database[Symbol.dispose]()),
  };
}

async function makeAgain(
  session: LoadSession,
  action: string,
  carried: readonly { readonly type: string; readonly name: string; readonly sql: string }[],
): Promise<void> {
  for (const { type, name, sql } of carried) {
    try {
      await session.run(sql);
    } catch (error) {
      throw new AppError(
        "conflict",
        `${action}: its ${type} "${name}" does not fit the new columns; drop it first`,
        { cause: error },
      );
    }
  }
}
