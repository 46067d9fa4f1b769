import type {
  ReadMessage,
  ReadRequest,
  Source,
  StreamDescription,
} from "../../../contract/connector/source.ts";
import { toAppError } from "../../../contract/errors.ts";
import { onlyStream } from "../../one_stream.ts";
import { toMysqlError } from "../errors.ts";
import type { MysqlStream } from "../options.ts";
import type { SessionPool } from "../session_pool.ts";
import type { Session } from "../session/session.ts";
import { follow, lookBehind } from "../changes/follow.ts";
import { followedColumns } from "../changes/prepare.ts";
import { readBatches } from "./batches.ts";
import { cursorFilter, greatestOf, partFilter } from "./bounds.ts";
import { unfitValue, UnfitValueError } from "../../unfit_value.ts";
import { discoverStreams } from "./discover.ts";
import { partitionStream } from "./partition.ts";
import {
  actionOf,
  type MysqlRequest,
  planRead,
  type ReadContext,
  type ReadPlan,
  selectList,
  whereClause,
} from "./plan.ts";
import { estimateRows, primaryKeyOf } from "./table_facts.ts";
import { checkWarnings } from "./warnings.ts";

export function createSource(pool: SessionPool, context: ReadContext): Source<MysqlStream> {
  /** With a session and a plan, in a transaction of their own. */
  const use = <T>(
    request: MysqlRequest,
    signal: AbortSignal,
    work: (session: Session, plan: ReadPlan) => Promise<T>,
  ): Promise<T> =>
    pool.use(actionOf(request, context), signal, async (session) => {
      const result = await work(session, await planRead(session, request, context));
      await session.query("ROLLBACK");
      return result;
    });
  return {
    pushdown: { columns: true, where: true },
    discover: (signal) => discoverStreams(pool, context, signal),
    describe: (request, signal) =>
      pool.use(actionOf(request, context), signal, async (session) => {
        const only = request.isFollowed === true
          ? await followedColumns(session, request, context)
          : undefined;
        const asked = only === undefined ? request : { ...request, columns: { only } };
        const description = await describePlan(session, await planRead(session, asked, context));
        await session.query("ROLLBACK");
        return description;
      }),
    partition: (request, by, signal) =>
      use(request, signal, (session, plan) => partitionStream(session, plan, by)),
    greatest: (request, column, signal) =>
      use(request, signal, (session, plan) => greatestOf(session, plan, column)),
    estimateRows: (request, signal) =>
      use(request, signal, (session, plan) => {
        const filters = [plan.condition, cursorFilter(plan, request)];
        return estimateRows(
          session,
          `SELECT ${selectList(plan)} FROM ${plan.relation}${whereClause(filters)}`,
        );
      }),
    read: (request, signal) => readRows(pool, request, context, signal),
    follow: (request, signal) => follow(pool, request, context, signal),
    followed: ({ position }, signal) =>
      position === null ? Promise.resolve(undefined) : lookBehind(pool, position, context, signal),
  };
}

/** A key of which a column is left out identifies nothing. */
async function describePlan(session: Session, plan: ReadPlan): Promise<StreamDescription> {
  const { schema, table, columns } = plan;
  const primaryKey = table === undefined ? [] : await primaryKeyOf(session, table);
  const isWhole = primaryKey.every((name) => columns.some((column) => column.name === name));
  return primaryKey.length > 0 && isWhole ? { schema, primaryKey } : { schema };
}

async function* readRows(
  pool: SessionPool,
  request: ReadRequest<MysqlStream>,
  context: ReadContext,
  signal: AbortSignal,
): AsyncGenerator<ReadMessage, void, undefined> {
  const stream = onlyStream(request.streams);
  const action = actionOf(stream, context);
  await using lease = await pool.lease(signal);
  const { session } = lease;
  try {
    const plan = await planRead(session, stream, context);
    const filters = [plan.condition, partFilter(plan, request.part), cursorFilter(plan, stream)];
    const select = `SELECT ${selectList(plan)} FROM ${plan.relation}${whereClause(filters)}`;
    const batches = readBatches(session, plan, select);
    let next = await batches.next();
    for (; next.done !== true; next = await batches.next()) {
      yield { type: "rows", stream: stream.name, batch: next.value };
    }
    const said = next.value === 0 ? undefined : await checkWarnings(session, action);
    if (said !== undefined) yield { type: "log", level: "warn", message: `${context.name}: ${said}` };
    await session.query("COMMIT");
  } catch (error) {
    if (signal.aborted) throw toAppError(signal.reason);
    if (error instanceof UnfitValueError) throw unfitValue(action, error);
    throw toMysqlError(action, error);
  }
}
