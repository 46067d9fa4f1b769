import { Schema } from "apache-arrow";
import type { TransactionalDestination } from "../../../contract/connector/destination.ts";
import type { DuckdbSession } from "../../../contract/duckdb.ts";
import { AppError, toAppError } from "../../../contract/errors.ts";
import { quoteIdentifier } from "../../../contract/sql.ts";
import { checkTableName, LEDGER_TABLE } from "../../destination/ledger.ts";
import { sqlDestination } from "../../destination/sql_load.ts";
import type { Dialect, RelationName, SqlTarget, Stage, TargetColumn } from "../../destination/system.ts";
import type { DuckdbFile, Lease } from "../file.ts";
import type { DuckdbTarget } from "../options.ts";
import { parseTableName, quoteTable, showTable, type TableName } from "../table_name.ts";
import { DuckdbCatalogue } from "./catalogue.ts";
import { castTo, isChangedByCast } from "./exact_casts.ts";
import { moveSequences } from "./sequences.ts";
import { GONE, LoadSession, relationOf, STAGE } from "./session.ts";

/** `connector` is its name in connectors.yaml; `warn` writes into the run's log. */
export function createDestination(
  file: DuckdbFile,
  connector: string,
  warn: (message: string) => void,
): TransactionalDestination<DuckdbTarget> {
  return sqlDestination<DuckdbTarget, TargetColumn>(async (request, signal) => {
    const verb = request.mode === "merge" ? "merge" : "load";
    const action = `Cannot ${verb} into ${request.target.table} of ${connector}`;
    const table = parseTableName(request.target.table);
    checkTableName(action, table.table);
    const lease = await file.toWrite(signal);
    const { table: shown } = request.target;
    return targetOf(
      lease,
      action,
      table,
      (message) => warn(`Loading into ${shown} of ${connector}: ${message}`),
    );
  });
}

function targetOf(
  lease: Lease,
  action: string,
  table: TableName,
  warn: (message: string) => void,
): SqlTarget<TargetColumn> {
  const session = new LoadSession(lease.session, table);
  const name: RelationName = {
    quoted: quoteTable(table),
    shown: showTable(table),
    ledger: quoteTable({ schema: table.schema, table: LEDGER_TABLE }),
  };
  return {
    action,
    name,
    session,
    dialect: dialectOf(lease.session),
    catalogue: new DuckdbCatalogue(session, action, table),
    // The file gives itself to one load at a time.
    lock: () => Promise.resolve(),
    async makeLedger(create) {
      await session.run(`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(table.schema)}`);
      await session.run(create);
    },
    async rebuild() {
      // Until the commit other sessions see the table as it was.
      await session.run(`DROP TABLE ${name.quoted}`);
      return { relation: name, finish: () => Promise.resolve() };
    },
    moveSequences: (columns) => moveSequences(lease.session, table, columns, warn),
    explain: (error) => explain(action, error),
    // What was not committed is rolled back with the session.
    [Symbol.asyncDispose]: () => lease[Symbol.asyncDispose](),
  };
}

function dialectOf(session: DuckdbSession): Dialect<TargetColumn> {
  const typeOf: Dialect<TargetColumn>["typeOf"] = (field) =>
    session.columnsOf(new Schema([field]))[0]?.type ?? "VARCHAR";
  return {
    ignoresCase: true,
    checkName(name) {
      if (name === "") {
        throw new AppError("invalid", "A column has an empty name, which DuckDB does not allow");
      }
    },
    typeOf,
    sentAs: typeOf,
    cast: ({ name, sentSql, targetSql }) => castTo(quoteIdentifier(name), sentSql, targetSql),
    isChanged: ({ name, sentSql, targetSql }) => isChangedByCast(quoteIdentifier(name), sentSql, targetSql),
    // A collation of the column may take two texts for one.
    isDistinct: ({ targetSql }, one, other) =>
      targetSql === "VARCHAR"
        ? `encode(${one}) IS DISTINCT FROM encode(${other})`
        : `${one} IS DISTINCT FROM ${other}`,
    textOf: (expression) => `CAST(${expression} AS VARCHAR)`,
    stage: temporary(STAGE),
    gone: temporary(GONE),
    insertInto: "INSERT INTO",
    overriding: "",
    sendsDefaults: false,
    addsColumnsLate: false,
    // Tables that loads make have no key: DuckDB merges without, and an index would cost memory.
    addKey: () => [],
    sqlRules: { dollarQuotes: true, backslashes: "escape strings", nestedComments: true },
    ledger: {
      text: "VARCHAR",
      integer: "BIGINT",
      time: "TIMESTAMPTZ",
      now: "now()",
      daysAgo: (days) => `now() - INTERVAL ${days} DAY`,
    },
  };
}

const temporary = (name: string): Stage => ({
  relation: relationOf(name),
  place: "rowid",
  create: (definitions) => `CREATE TEMPORARY TABLE "${name}" (${definitions})`,
  drop: `DROP TABLE temp."${name}"`,
});

function explain(action: string, error: unknown): AppError {
  const failure = toAppError(error);
  if (failure.message.startsWith(action)) return failure;
  return new AppError(failure.code, `${action}: ${failure.message}`, {
    ...(failure.detail === undefined ? {} : { detail: failure.detail }),
    cause: failure,
  });
}
