import type { TransactionalDestination } from "../../../contract/connector/destination.ts";
import { toAppError } from "../../../contract/errors.ts";
import { quoteIdentifier } from "../../../contract/sql.ts";
import { LEDGER_TABLE } from "../../destination/ledger.ts";
import { sqlDestination } from "../../destination/sql_load.ts";
import type { RelationName, SqlTarget, Stage, TargetColumn } from "../../destination/system.ts";
import type { SqliteDatabase } from "../driver.ts";
import type { SqliteTarget } from "../options.ts";
import { SqliteCatalogue } from "./catalogue.ts";
import { dropMergeKey, makeAgain, nameLoad, sqliteDialect } from "./dialect.ts";
import { LoadSession } from "./session.ts";

const STAGE = `"_sluice_stage"`;
const GONE = `"_sluice_gone"`;
const temporary = (name: string): Omit<Stage, "place"> => ({
  relation: `temp.${name}`,
  create: (definitions) => `CREATE TEMPORARY TABLE ${name} (${definitions})`,
  drop: `DROP TABLE temp.${name}`,
});
const dialect = sqliteDialect(temporary(STAGE), temporary(GONE));

/** `openFile` opens the database file to write, and makes it where there is none; `subject` heads its errors. */
export function createDestination(
  shownFile: string,
  openFile: (subject: string) => Promise<SqliteDatabase>,
): TransactionalDestination<SqliteTarget> {
  return sqlDestination<SqliteTarget, TargetColumn>(
    async (request, signal) => {
      const { table, subject, action } = nameLoad(request, shownFile);
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
      // BEGIN IMMEDIATE keeps all others waiting.
      if (isReplace) await session.run(dropMergeKey(table));
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
