import type { LoadMode, TransactionalDestination } from "../../../contract/connector/destination.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { checkTableName, LEDGER_TABLE } from "../../destination/ledger.ts";
import { sqlDestination } from "../../destination/sql_load.ts";
import type { NewTable, RelationName, SqlTarget } from "../../destination/system.ts";
import { toMysqlError } from "../errors.ts";
import type { MysqlTarget } from "../options.ts";
import { ServerError } from "../session/server_error.ts";
import type { Session } from "../session/session.ts";
import type { SessionPool } from "../session_pool.ts";
import { parseTableName, quoteTable, showTable, type TableName } from "../table_name.ts";
import { MysqlCatalogue, type MysqlColumn } from "./catalogue.ts";
import { dialectOf } from "./dialect.ts";
import { LoadSession } from "./session.ts";
import { besideNames, recover, Swap, type SwapPlace } from "./swap.ts";

export interface WriteContext {
  /** The connector's name in connectors.yaml. */
  readonly name: string;
  readonly defaultDatabase: string;
}

export function createDestination(
  pool: SessionPool,
  context: WriteContext,
): TransactionalDestination<MysqlTarget> {
  return sqlDestination<MysqlTarget, MysqlColumn>(async (request, signal) => {
    const verb = request.mode === "merge" ? "merge" : "load";
    const action = `Cannot ${verb} into ${request.target.table} of ${context.name}`;
    const table = parseTableName(request.target.table, context.defaultDatabase);
    checkTableName(action, table.table);
    if (/^_sluice_/i.test(table.table)) {
      throw new AppError("invalid", `${action}: the name is kept for Sluice's own tables`);
    }
    const place = await placeOf(table);
    const lease = endingOnce(await pool.lease(signal));
    try {
      const session = await LoadSession.begin(lease.session, action, signal);
      const catalogue = new MysqlCatalogue(session, session.server, action, table);
      await lockTarget(session, place, signal);
      await recover(session, place, (await catalogue.ledgerColumns()).length > 0);
      return targetOf({ pool, lease, session, catalogue, action, table, place, request });
    } catch (error) {
      await lease.session.close();
      await lease[Symbol.asyncDispose]();
      throw error;
    }
  });
}

type Lease = AsyncDisposable & { readonly session: Session };

/** A place in the pool is given back once, however often the lease is disposed. */
function endingOnce(lease: Lease): Lease {
  let ended: Promise<void> | undefined;
  return {
    session: lease.session,
    [Symbol.asyncDispose]: () => ended ??= Promise.resolve(lease[Symbol.asyncDispose]()),
  };
}

interface OpenLoad {
  readonly pool: SessionPool;
  readonly lease: Lease;
  readonly session: LoadSession;
  readonly catalogue: MysqlCatalogue;
  readonly action: string;
  readonly table: TableName;
  readonly place: SwapPlace;
  readonly request: { readonly mode: LoadMode; readonly loadId: string };
}

function targetOf(load: OpenLoad): SqlTarget<MysqlColumn> {
  const { session, catalogue, action, table, place, request } = load;
  const name: RelationName = { quoted: quoteTable(table), shown: place.shown, ledger: place.ledger };
  let swap: Swap | undefined;
  const beside = (hasOld: boolean): Promise<NewTable> => {
    swap = new Swap(place, request.loadId, hasOld);
    session.willSwap(swap);
    // The table takes its place with the commit.
    return Promise.resolve({
      relation: { ...name, quoted: quoteTable(place.beside.next) },
      finish: () => Promise.resolve(),
    });
  };
  return {
    action,
    name,
    dialect: dialectOf(session.server, session.serverSqlMode),
    session,
    catalogue,
    // The target is locked since the load began: what an earlier one left had to be decided first.
    lock: () => Promise.resolve(),
    async makeLedger(create) {
      const [found] = await session.rows(
        `SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ${quoteLiteral(table.database)}`,
      );
      if (found === undefined) await session.run(`CREATE DATABASE ${quoteIdentifier(table.database)}`);
      await session.run(`${create} ENGINE=InnoDB`);
    },
    grantLedger: () => grantLedger(session, place.ledger),
    create: () => beside(false),
    rebuild: () => beside(true),
    explain: (error) => withRights(toMysqlError(action, error), request.mode, table),
    async [Symbol.asyncDispose]() {
      if (swap !== undefined && !session.isCommitted) await cleanUp(load);
      await load.lease.session.close();
      await load.lease[Symbol.asyncDispose]();
    },
  };
}

async function grantLedger(session: LoadSession, ledger: string): Promise<string> {
  const [row] = await session.rows("SELECT CURRENT_USER()");
  const user = (row?.[0] ?? "").split("@").map((part) => quoteLiteral(part)).join("@");
  return `GRANT SELECT, INSERT, UPDATE, DELETE ON ${ledger} TO ${user}`;
}

/** Names follow from the target's, without their case: on some systems tables have none. */
async function placeOf(target: TableName): Promise<SwapPlace> {
  const text = new TextEncoder().encode(JSON.stringify([target.database, target.table]).toLowerCase());
  const mark = new Uint8Array(await crypto.subtle.digest("SHA-256", text)).toHex().slice(0, 16);
  return {
    target,
    beside: besideNames(target, mark),
    ledger: quoteTable({ database: target.database, table: LEDGER_TABLE }),
    shown: showTable(target),
    lockName: `sluice:${mark}`,
  };
}

/** One look at the lock; it is asked for again until it is free, or the load is stopped. */
const LOCK_WAIT_S = 5;

/** Keeps other loads of the target away, as long as the session stands. */
async function lockTarget(session: LoadSession, { lockName }: SwapPlace, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const [row] = await session.rows(`SELECT GET_LOCK(${quoteLiteral(lockName)}, ${LOCK_WAIT_S})`);
    if (row?.[0] === "1") return;
  }
}

const CLEAN_UP_MS = 5_000;

/**
 * Takes away the table beside of a load that failed. Where its own session is gone, by another one; where that
 * does not work either, the next load of the target does it.
 */
async function cleanUp({ pool, lease, session, place, action }: OpenLoad): Promise<void> {
  try {
    await session.rollback();
    return await recover(session, place, true);
  } catch {
    await lease.session.close();
  }
  try {
    const signal = AbortSignal.timeout(CLEAN_UP_MS);
    await lease[Symbol.asyncDispose]();
    await using other = await pool.lease(signal);
    const its = await LoadSession.begin(other.session, action, signal);
    await lockTarget(its, place, signal);
    await recover(its, place, true);
    await other.session.close();
  } catch {
    // The next load does it.
  }
}

const RIGHTS: Readonly<Record<LoadMode, string>> = {
  append: "INSERT",
  merge: "SELECT, INSERT, UPDATE",
  replace: "SELECT, INSERT, DELETE",
  delete_insert: "SELECT, INSERT, DELETE",
  scd2: "SELECT, INSERT, UPDATE",
};
const NO_RIGHT_ON_DATABASE = 1044;
const NO_RIGHT_ON_TABLE = 1142;

/** Which rights the load needs, where it has not all of them. */
function withRights(error: AppError, mode: LoadMode, { database }: TableName): AppError {
  const { cause } = error;
  if (!(cause instanceof ServerError)) return error;
  if (cause.errno !== NO_RIGHT_ON_DATABASE && cause.errno !== NO_RIGHT_ON_TABLE) return error;
  const needed =
    `mode: ${mode} needs ${RIGHTS[mode]} on the table, and CREATE TEMPORARY TABLES on ${database}.*; ` +
    `to make and change tables, also CREATE, ALTER, DROP`;
  return new AppError("forbidden", `${error.message}; ${needed}`, {
    cause: error,
    ...(error.detail === undefined ? {} : { detail: error.detail }),
  });
}
