import type { RecordBatch } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import { unfitValue, UnfitValueError } from "../../unfit_value.ts";
import { toMysqlError } from "../errors.ts";
import { planRead, type ReadContext, selectList } from "../read/plan.ts";
import { readBatches } from "../read/batches.ts";
import { checkWarnings } from "../read/warnings.ts";
import type { SessionPool } from "../session_pool.ts";
import { ServerError } from "../session/server_error.ts";
import type { Session } from "../session/session.ts";
import { quoteName, quoteTable } from "../table_name.ts";
import { type FollowedTable, inspectTable } from "./followed_table.ts";
import type { Place } from "./log/place.ts";
import { type LogStatus, logStatus } from "./log/server.ts";

/** A table's rows as they are at one place in the log. */
export interface Snapshot {
  /** What was committed before is in the rows, and nothing that came after. */
  readonly place: Place;
  /** What MySQL had committed up to there. */
  readonly gtids: string | undefined;
  /** As it was then. */
  readonly table: FollowedTable;
  /** Where the log was when the table had been looked at. */
  readonly seen: Place;
  /** To be read to the end; what the server warned of is returned. */
  rows(): AsyncGenerator<RecordBatch, string | undefined, undefined>;
}

/**
 * Begins to read a table. MariaDB says where its log is for a transaction's own view; of MySQL the place and
 * the view are taken while the table is locked, for no longer than that takes. Of tables without transactions
 * the place comes before the rows, so that changes made while they are read come once more.
 */
export async function takeSnapshot(
  pool: SessionPool,
  session: Session,
  known: FollowedTable,
  context: ReadContext,
  signal: AbortSignal,
  way: "view" | "lock" = session.server.isMariadb ? "view" : "lock",
): Promise<Snapshot> {
  const { action, request } = known;
  try {
    await using fence = way === "view" ? undefined : await lockTable(pool, known, signal);
    const before = await logStatus(session, action);
    const plan = await planRead(session, { ...request, columns: { only: known.facts.read } }, context);
    const ofView = way === "view" && known.isTransactional ? await placeOfView(session) : undefined;
    const { end: place, gtids } = ofView ?? await fence?.status() ?? before;
    // The table stays as it is now until the transaction ends.
    const table = await inspectTable(session, request, context);
    if (table.facts.read.join() !== known.facts.read.join()) {
      throw new AppError("unavailable", `${action}: its columns have changed while it was looked at`);
    }
    const seen = (await logStatus(session, action)).end;
    const select = `SELECT ${selectList(plan)} FROM ${plan.relation}`;
    return { place, gtids, table, seen, rows: () => readSnapshot(session, plan, select, action) };
  } catch (error) {
    throw toMysqlError(action, error);
  }
}

async function* readSnapshot(
  session: Session,
  plan: Parameters<typeof readBatches>[1],
  select: string,
  action: string,
): AsyncGenerator<RecordBatch, string | undefined, undefined> {
  try {
    const warnings = yield* readBatches(session, plan, select);
    const said = warnings === 0 ? undefined : await checkWarnings(session, action);
    await session.query("COMMIT");
    return said;
  } catch (error) {
    if (error instanceof UnfitValueError) throw unfitValue(action, error);
    throw toMysqlError(action, error);
  }
}

/** Of MariaDB, for the transaction that is open. */
async function placeOfView(session: Session): Promise<Pick<LogStatus, "end" | "gtids"> | undefined> {
  const { rows } = await session.query("SHOW SESSION STATUS LIKE 'binlog_snapshot_%'");
  const values = new Map(rows.map(([name, value]) => [name?.toLowerCase(), value ?? ""]));
  const file = values.get("binlog_snapshot_file") ?? "";
  const offset = Number(values.get("binlog_snapshot_position"));
  return file === "" ? undefined : { end: { file, offset }, gtids: undefined };
}

const NO_LOCK = [1044, 1142];

/** Keeps writers from the table until it is disposed of, after those that were at it. */
async function lockTable(
  pool: SessionPool,
  { action, table }: FollowedTable,
  signal: AbortSignal,
): Promise<AsyncDisposable & { status(): Promise<LogStatus> }> {
  const session = await pool.replication(signal);
  const cancelling = session.cancelOn(signal);
  const end = async () => {
    cancelling[Symbol.dispose]();
    await session.close();
  };
  try {
    await session.query(`LOCK TABLES ${quoteTable(table)} READ`);
  } catch (error) {
    await end();
    if (!(error instanceof ServerError) || !NO_LOCK.includes(error.errno)) throw error;
    throw new AppError(
      "forbidden",
      `${action}: its user may not lock the table for the moment in which its rows and the log are looked at ` +
        `together; run GRANT LOCK TABLES ON ${quoteName(table.database)}.* TO the user`,
      { cause: error },
    );
  }
  return { status: () => logStatus(session, action), [Symbol.asyncDispose]: end };
}
