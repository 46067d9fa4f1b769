import type {
  ReadMessage,
  ReadRequest,
  Source,
  StreamDescription,
} from "../../../contract/connector/source.ts";
import { toAppError } from "../../../contract/errors.ts";
import { onlyStream } from "../../one_stream.ts";
import { toPostgresError } from "../errors.ts";
import type { PostgresStream } from "../options.ts";
import type { SessionPool } from "../session_pool.ts";
import type { Session } from "../session/session.ts";
import { follow } from "../changes/follow.ts";
import { followedColumns, forget, lookAtSlot } from "../changes/prepare.ts";
import { cursorFilter, greatestOf, partFilter } from "./bounds.ts";
import { copyBatches, unfit } from "./copy_batches.ts";
import { UnfitValueError } from "../../unfit_value.ts";
import { discoverStreams } from "./discover.ts";
import { partitionStream } from "./partition.ts";
import { actionOf, planRead, type ReadContext, type ReadPlan, selectList, whereClause } from "./plan.ts";
import { primaryKeyOf, rowSecurityWarning } from "./table_facts.ts";

export function createSource(pool: SessionPool, context: ReadContext): Source<PostgresStream> {
  return {
    pushdown: { columns: true, where: true },
    discover: (signal) => discoverStreams(pool, context, signal),
    describe: (request, signal) =>
      pool.use(actionOf(request, context), signal, async (session) => {
        const only = request.isFollowed === true
          ? await followedColumns(session, request, context)
          : undefined;
        const asked = only === undefined ? request : { ...request, columns: { only } };
        const plan = await planRead(session, asked, context);
        const description = await describePlan(session, plan);
        await session.query("ROLLBACK");
        return description;
      }),
    partition: (request, by, signal) =>
      pool.use(actionOf(request, context), signal, async (session) => {
        const plan = await planRead(session, request, context);
        const parts = await partitionStream(session, plan, by);
        await session.query("ROLLBACK");
        return parts;
      }),
    greatest: (request, column, signal) =>
      pool.use(actionOf(request, context), signal, async (session) => {
        const plan = await planRead(session, request, context);
        const greatest = await greatestOf(session, plan, column);
        await session.query("ROLLBACK");
        return greatest;
      }),
    estimateRows: (request, signal) =>
      pool.use(actionOf(request, context), signal, async (session) => {
        const plan = await planRead(session, request, context);
        const filters = [plan.condition, cursorFilter(plan, request)];
        const rows = await estimateRows(
          session,
          `SELECT ${selectList(plan)} FROM ${plan.relation}${whereClause(filters)}`,
        );
        await session.query("ROLLBACK");
        return rows;
      }),
    read: (request, signal) => readRows(pool, request, context, signal),
    follow: (request, signal) => follow(pool, request, context, signal),
    followed: (request, signal) =>
      pool.use(
        `Cannot look at how far ${context.name} is followed`,
        signal,
        (session) => lookAtSlot(session, { ...request, resting: [] }, context),
      ),
    unfollow: (follower, signal) =>
      pool.use(
        `Cannot end following ${context.name}`,
        signal,
        (session) => forget(session, follower, context),
      ),
  };
}

/** What the server's planner expects of a query. */
async function estimateRows(session: Session, select: string): Promise<number | null> {
  const { rows } = await session.query(`EXPLAIN ${select}`);
  // The first line is of the whole: `Seq Scan on orders  (cost=0.00..1.20 rows=20 width=8)`.
  const [, found] = /\brows=(\d+)\b/.exec(rows[0]?.[0] ?? "") ?? [];
  return found === undefined ? null : Number(found);
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
  request: ReadRequest<PostgresStream>,
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
    const warning = await rowSecurityWarning(session, select, plan, context);
    if (warning !== undefined) yield { type: "log", level: "warn", message: warning };
    for await (const batch of copyBatches(session, plan, select)) {
      yield { type: "rows", stream: stream.name, batch };
    }
    await session.query("COMMIT");
  } catch (error) {
    if (signal.aborted) throw toAppError(signal.reason);
    if (error instanceof UnfitValueError) throw unfit(action, error);
    throw toPostgresError(action, error);
  }
}
