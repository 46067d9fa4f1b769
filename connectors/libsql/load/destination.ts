import type { TransactionalDestination } from "../../../contract/connector/destination.ts";
import { AppError, toAppError } from "../../../contract/errors.ts";
import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { LEDGER_TABLE } from "../../destination/ledger.ts";
import { sqlDestination } from "../../destination/sql_load.ts";
import type { NewTable, RelationName, SqlTarget, Stage, TargetColumn } from "../../destination/system.ts";
import { SqliteCatalogue } from "../../sqlite/load/catalogue.ts";
import { dropMergeKey, keyIndexName, makeAgain, nameLoad, sqliteDialect } from "../../sqlite/load/dialect.ts";
import type { SqliteTarget } from "../../sqlite/options.ts";
import type { HranaServer } from "../hrana/client.ts";
import { LibsqlSession } from "./session.ts";
import { dropAbandoned, newStageName } from "./stage.ts";

/**
 * Loads into a libSQL server, as connectors/sqlite/load does into a file, but for where rows wait: the server may
 * roll back a transaction after 5 seconds, and knows no temporary tables. So they are sent into a table beside, in
 * requests of their own, and one short transaction then moves them and notes the load.
 */
export function createDestination(
  server: HranaServer,
  shownDatabase: string,
): TransactionalDestination<SqliteTarget> {
  return sqlDestination<SqliteTarget, TargetColumn>(
    async (request, signal) => {
      const { loadId, mode } = request;
      const { table, subject, action } = nameLoad(request, shownDatabase);
      const committed = `SELECT 1 FROM ${quoteIdentifier(LEDGER_TABLE)} WHERE load_id = ${
        quoteLiteral(loadId)
      }`;
      const session = new LibsqlSession(server, { subject, signal, committed });
      const stage = await newStageName(loadId, server.clock.now());
      await dropAbandoned(session, loadId, server.clock.now());
      return targetOf(session, {
        action,
        table,
        stage: quoteIdentifier(stage),
        gone: quoteIdentifier(`${stage}_gone`),
        isReplace: mode === "replace",
        hasTriggers: mode === "replace" && await hasTriggers(session, table),
      });
    },
  );
}

interface TargetNames {
  readonly action: string;
  readonly table: string;
  /** Quoted. */
  readonly stage: string;
  /** Quoted. */
  readonly gone: string;
  readonly isReplace: boolean;
  readonly hasTriggers: boolean;
}

async function hasTriggers(session: LibsqlSession, table: string): Promise<boolean> {
  const found = await session.rows(
    `SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ${
      quoteLiteral(table)
    } COLLATE NOCASE LIMIT 1`,
  );
  return found.length > 0;
}

function targetOf(session: LibsqlSession, names: TargetNames): SqlTarget<TargetColumn> {
  const { action, table, stage, gone, isReplace, hasTriggers } = names;
  let hasGone = false;
  const goingIndex = isReplace ? keyIndexName(table) : "";
  const catalogue = new SqliteCatalogue(session, action, table, goingIndex);
  const name: RelationName = {
    quoted: quoteIdentifier(table),
    shown: table,
    ledger: quoteIdentifier(LEDGER_TABLE),
  };
  const own = (table: string): Omit<Stage, "place"> => ({
    relation: table,
    create(definitions) {
      hasGone ||= table === gone;
      return `CREATE TABLE ${table} (${definitions})`;
    },
    drop: `DROP TABLE ${table}`,
  });
  const dialect = sqliteDialect(own(stage), own(gone));
  const beside = (finish: () => Promise<void>): NewTable => ({
    relation: { ...name, quoted: stage },
    finish,
  });
  return {
    action,
    name,
    dialect: {
      ...dialect,
      stagesApart: true,
      // To take its place costs nothing, however many rows there are; but no trigger would see them.
      replacesByNewTable: !hasTriggers,
      ledger: { ...dialect.ledger, claimsLate: true },
    },
    session,
    catalogue,
    async lock() {
      if (isReplace) await session.run(dropMergeKey(table));
    },
    makeLedger: async (create) => void await session.run(`${create} WITHOUT ROWID`),
    create: () => Promise.resolve(beside(() => takeName(session, stage, name.quoted))),
    rebuild: () =>
      Promise.resolve(beside(async () => {
        const carried = await catalogue.carried();
        await session.run(`DROP TABLE ${name.quoted}`);
        await takeName(session, stage, name.quoted);
        await makeAgain(session, action, carried);
      })),
    explain: toAppError,
    async [Symbol.asyncDispose]() {
      await session.rollback();
      await session.drop(hasGone ? [stage, gone] : [stage]);
    },
  };
}

/**
 * The staged table becomes the target. SQLite renames nothing where a view is broken, which may be one that waits
 * for just this table: then the rows are copied.
 */
async function takeName(session: LibsqlSession, stage: string, table: string): Promise<void> {
  try {
    await session.run(`ALTER TABLE ${stage} RENAME TO ${table}`);
    return;
  } catch (error) {
    if (!(error instanceof AppError) || !["invalid", "not_found"].includes(error.code)) throw error;
  }
  const own = quoteLiteral(stage.slice(1, -1));
  const made = await session.rows(
    `SELECT type, name, sql FROM sqlite_master WHERE tbl_name = ${own} ORDER BY type DESC`,
  );
  const renamed = (sql: string | null | undefined) => sql?.replace(stage, () => table) ?? "";
  const [[, , create] = [], ...indexes] = made;
  await session.run(renamed(create));
  await session.run(`INSERT INTO ${table} SELECT * FROM ${stage}`);
  await session.run(`DROP TABLE ${stage}`);
  for (const [, , sql] of indexes) await session.run(renamed(sql));
}
