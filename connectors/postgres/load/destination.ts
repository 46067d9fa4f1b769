import type { TransactionalDestination } from "../../../contract/connector.ts";
import { wholeLoad, type WholeRequest, type WholeResult } from "../../destination/whole_load.ts";
import { AppError } from "../../../contract/errors.ts";
import { BatchEncoder, UnfitRowError } from "./encode/batch_encoder.ts";
import { toPostgresError } from "../errors.ts";
import { claimLoad, ensureLedger, LEDGER_TABLE, lockName, noteMadeTable } from "./load_ledger.ts";
import { columnDefinitions, columnList, hasSameShape, type LoadPlan, planLoad } from "./load_plan.ts";
import { besideName, mayRebuild, swapTables } from "./rebuild.ts";
import type { SessionPool } from "../session_pool.ts";
import { addColumns, checkCasts, createStage, insertStaged, mergeStaged, STAGE } from "./stage.ts";
import { parseTableName, quoteTable, type TableName } from "../table_name.ts";
import { inspectTable } from "./target_table.ts";
import { ConnectionLostError, ServerError } from "../session/server_error.ts";
import type { Session } from "../session/session.ts";
import type { PostgresTarget } from "../options.ts";

export interface WriteContext {
  /** The connector's name in connectors.yaml. */
  readonly name: string;
  readonly defaultSchema: string;
}

/** Casts that do not depend on the server's settings; row security may fail us but not hide rows from us. */
const BEGIN_LOAD = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; " +
  "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres'; " +
  "SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; " +
  "SET LOCAL standard_conforming_strings = on; SET LOCAL row_security = off";

interface Load {
  readonly action: string;
  readonly target: TableName;
  readonly request: WholeRequest<PostgresTarget>;
}

export function createDestination(
  pool: SessionPool,
  context: WriteContext,
): TransactionalDestination<PostgresTarget> {
  const load = (request: WholeRequest<PostgresTarget>, signal: AbortSignal): Promise<WholeResult> => {
    const action = `Cannot ${
      request.mode === "merge" ? "merge" : "load"
    } into ${request.target.table} of ${context.name}`;
    return pool.use(action, signal, async (session) => {
      const target = parseTableName(request.target.table, context.defaultSchema);
      if (target.table === LEDGER_TABLE) {
        throw new AppError("invalid", `${action}: Sluice keeps its own notes there`);
      }
      const load = { action, target, request };
      try {
        return await loadRows(session, load);
      } catch (error) {
        throw explainLoadError(load, error);
      }
    });
  };
  return {
    kind: "transactional",
    begin: (request, signal) => Promise.resolve(wholeLoad(request, (whole) => load(whole, signal))),
  };
}

async function loadRows(session: Session, load: Load): Promise<WholeResult> {
  const { action, target, request } = load;
  const { mode, input } = request;
  await ensureLedger(session, target.schema);
  await session.query(BEGIN_LOAD);
  const repeatedRows = await claimLoad(session, target, { loadId: request.loadId, mode, rows: input.rows });
  if (repeatedRows !== undefined) {
    await session.query("ROLLBACK");
    return { rows: repeatedRows, sizeBytes: 0, repeated: true };
  }
  // Two loads of one table, one after the other: the second sees what the first left.
  await lockName(session, quoteTable(target));
  const sizeBytes = await loadTable(session, load);
  await commit(session, action);
  return { rows: input.rows, sizeBytes, repeated: false };
}

async function loadTable(session: Session, load: Load): Promise<number> {
  const { action, target, request: { mode, input, primaryKey } } = load;
  const table = await inspectTable(session, target);
  if (table === undefined) return await loadNew(session, load, target);
  if (mode === "replace" && !hasSameShape(input.schema, table) && await mayRebuild(session, target)) {
    const beside = besideName(target);
    const sizeBytes = await loadNew(session, load, beside);
    await swapTables(session, target, beside);
    return sizeBytes;
  }
  const plan = planLoad(action, input.schema, table, primaryKey);
  if (mode === "merge" || needsStage(plan)) return await loadStaged(session, load, plan);
  if (mode === "replace") await deleteRows(session, target);
  return await copyRows(session, load, plan, quoteTable(target));
}

/** Makes a table of that name in types that hold the rows whole, and copies them there. */
async function loadNew(session: Session, load: Load, name: TableName): Promise<number> {
  const { action, request: { loadId, mode, input, primaryKey } } = load;
  const plan = planLoad(action, input.schema, undefined, primaryKey);
  // Appended rows may well tell of one thing again and again.
  const key = mode === "append" ? [] : primaryKey;
  await session.query(`CREATE TABLE ${quoteTable(name)} (${columnDefinitions(plan.columns, key)})`);
  await noteMadeTable(session, name, loadId);
  return await copyRows(session, load, plan, quoteTable(name));
}

const needsStage = (plan: LoadPlan): boolean =>
  plan.columns.some((column) => column.isNew || column.copySql !== column.targetSql);

async function loadStaged(session: Session, load: Load, plan: LoadPlan): Promise<number> {
  const { action, target, request } = load;
  await createStage(session, plan.columns);
  const sizeBytes = await copyRows(session, load, plan, STAGE);
  await checkCasts(session, action, plan.columns);
  await addColumns(session, target, plan.columns);
  if (request.mode === "replace") await deleteRows(session, target);
  if (request.mode === "merge") await mergeStaged(session, action, target, plan, request.primaryKey);
  else await insertStaged(session, target, plan.columns);
  return sizeBytes;
}

/**
 * A replace (but for a change of shape, see rebuild.ts) deletes the old rows and copies the new ones in one transaction, into the same table:
 *
 * - Readers are never blocked and see all the old rows until the commit, in every isolation level.
 *   After TRUNCATE, and after a swap with a table built beside it, a transaction with an older
 *   snapshot (a dump, a long report) finds the table empty; and TRUNCATE blocks readers meanwhile.
 * - The table stays the same table, with its grants, indexes, comments, row security, publications,
 *   and the views and foreign keys that name it; a dropped and renamed one would lose or break them.
 *
 * The price is that the old rows take room until the next vacuum, which makes it free for the next
 * replace. Other writers wait, so that the table holds just these rows.
 */
async function deleteRows(session: Session, target: TableName): Promise<void> {
  const table = quoteTable(target);
  await session.query(`LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`);
  await session.query(`DELETE FROM ${table}`);
}

/** Copies all the rows and answers their bytes. Throws where the server did not get every one. */
async function copyRows(
  session: Session,
  { action, request }: Load,
  plan: LoadPlan,
  relation: string,
): Promise<number> {
  const encoder = new BatchEncoder(plan.columns.map(({ encoder }) => encoder));
  const copied = await session.copyIn(
    `COPY ${relation} (${columnList(plan.columns)}) FROM STDIN (FORMAT binary)`,
    encoder.encode(request.input.batches()),
  );
  const { rows, sizeBytes } = encoder.totals;
  if (copied !== rows || rows !== request.input.rows) {
    throw new AppError(
      "internal",
      `${action}: ${request.input.rows} rows were announced, ${rows} sent and ${copied} taken; nothing is changed`,
    );
  }
  return sizeBytes;
}

async function commit(session: Session, action: string): Promise<void> {
  try {
    const { tag } = await session.query("COMMIT");
    if (tag !== "COMMIT") throw new AppError("internal", `${action}: the server answered COMMIT with ${tag}`);
  } catch (error) {
    if (!(error instanceof ConnectionLostError)) throw error;
    throw new AppError(
      "unavailable",
      `${action}: the connection ended before the server answered COMMIT (${error.message}); ` +
        `whether it took effect is found by the load id when the load is tried again`,
      { cause: error },
    );
  }
}

/** `COPY orders, line 3, column amount`: the line is the row, the header does not count. */
const COPY_PLACE = /^COPY .*, line (\d+)(?:, column (.*?))?(?::|$)/m;

function explainLoadError({ action, request }: Load, error: unknown): unknown {
  if (error instanceof UnfitRowError) {
    const name = JSON.stringify(request.input.schema.fields[error.column]?.name ?? "");
    return new AppError("invalid", `${action} row ${error.row}: column ${name} ${error.message}`, {
      cause: error,
    });
  }
  if (!(error instanceof ServerError)) return error;
  const [, row, column] = COPY_PLACE.exec(error.fields.where ?? "") ?? [];
  if (row === undefined) return error;
  const place = column === undefined
    ? `${action} row ${row}`
    : `${action} row ${row}, column ${JSON.stringify(column)}`;
  return toPostgresError(place, error);
}
