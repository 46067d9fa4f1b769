import type { LoadMode, TransactionalDestination } from "../../../contract/connector/destination.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { checkTableName, LEDGER_TABLE } from "../../destination/ledger.ts";
import { sqlDestination } from "../../destination/sql_load.ts";
import type { RelationName, SqlTarget } from "../../destination/system.ts";
import { toPostgresError } from "../errors.ts";
import { ServerError } from "../session/server_error.ts";
import type { PostgresTarget } from "../options.ts";
import type { SessionPool } from "../session_pool.ts";
import { parseTableName, quoteTable, showTable, type TableName } from "../table_name.ts";
import { PostgresCatalogue, type PostgresColumn } from "./catalogue.ts";
import { dialect } from "./dialect.ts";
import { besideName, swapTables } from "./rebuild.ts";
import { moveSequences } from "./sequences.ts";
import { LoadSession } from "./session.ts";

export interface WriteContext {
  /** The connector's name in connectors.yaml. */
  readonly name: string;
  readonly defaultSchema: string;
  /** Into the run's log. */
  warn(message: string): void;
  /** What the connection waits for before it ends; it never fails. */
  untilEnd(work: Promise<void>): void;
}

export function createDestination(
  pool: SessionPool,
  context: WriteContext,
): TransactionalDestination<PostgresTarget> {
  return sqlDestination<PostgresTarget, PostgresColumn>(
    async (request, signal) => {
      const verb = request.mode === "merge" ? "merge" : "load";
      const action = `Cannot ${verb} into ${request.target.table} of ${context.name}`;
      const table = parseTableName(request.target.table, context.defaultSchema);
      checkTableName(action, table.table);
      const lease = await pool.lease(signal);
      return targetOf(lease, new LoadSession(lease.session, action), action, table, request.mode, context);
    },
  );
}

function targetOf(
  lease: AsyncDisposable,
  session: LoadSession,
  action: string,
  table: TableName,
  mode: LoadMode,
  context: WriteContext,
): SqlTarget<PostgresColumn> {
  const name = relationOf(table);
  return {
    action,
    name,
    dialect,
    session,
    catalogue: new PostgresCatalogue(session, name),
    lock: () => lockName(session, name.quoted),
    async makeLedger(create) {
      // IF NOT EXISTS is no protection against another session that makes it at the same time.
      await lockName(session, name.ledger);
      // CREATE SCHEMA IF NOT EXISTS wants the right to make schemas, also where there is one.
      const found = await session.rows(
        `SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = ${quoteLiteral(table.schema)}`,
      );
      if (found.length === 0) await session.run(`CREATE SCHEMA ${quoteIdentifier(table.schema)}`);
      await session.run(create);
    },
    async grantLedger() {
      const [row] = await session.rows("SELECT quote_ident(current_user)");
      return `GRANT SELECT, INSERT, UPDATE, DELETE ON ${name.ledger} TO ${row?.[0] ?? ""}`;
    },
    moveSequences: (columns) =>
      moveSequences(
        session,
        name,
        columns,
        (message) => context.warn(`Loading into ${table.table} of ${context.name}: ${message}`),
      ),
    rebuild() {
      const beside = besideName(table);
      return Promise.resolve({
        relation: relationOf(beside),
        finish: () => swapTables(session, table, beside),
      });
    },
    explain: (error) => withRights(toPostgresError(action, error), mode),
    afterwards: (work) => context.untilEnd(work().finally(() => lease[Symbol.asyncDispose]())),
    // A session with an open transaction is closed when it is given back, and the server rolls back.
    [Symbol.asyncDispose]: () => lease[Symbol.asyncDispose](),
  };
}

const RIGHTS: Readonly<Record<LoadMode, string>> = {
  append: "INSERT",
  merge: "SELECT, INSERT and UPDATE",
  replace: "SELECT, INSERT and DELETE",
  delete_insert: "SELECT, INSERT and DELETE",
  scd2: "SELECT, INSERT and UPDATE",
};

/** Which rights the load needs, where it has not all of them. */
function withRights(error: AppError, mode: LoadMode): AppError {
  if (!(error.cause instanceof ServerError) || error.cause.fields.code !== "42501") return error;
  if (!/^permission denied for (?:table|relation)/.test(error.cause.fields.message)) return error;
  return new AppError("forbidden", `${error.message}; mode: ${mode} needs ${RIGHTS[mode]} on it`, {
    cause: error,
    ...(error.detail === undefined ? {} : { detail: error.detail }),
  });
}

const relationOf = (table: TableName): RelationName => ({
  quoted: quoteTable(table),
  shown: showTable(table),
  ledger: quoteTable({ schema: table.schema, table: LEDGER_TABLE }),
});

/** Holds off every other session that locks the same name, until the transaction ends. */
async function lockName(session: LoadSession, name: string): Promise<void> {
  await session.run(`SELECT pg_advisory_xact_lock(hashtextextended(${quoteLiteral(`sluice:${name}`)}, 0))`);
}
