import type { RecordBatch } from "apache-arrow";
import type {
  ReadMessage,
  ReadRequest,
  Source,
  StreamDescription,
} from "../../../contract/connector/source.ts";
import { AppError, toAppError } from "../../../contract/errors.ts";
import { onlyStream } from "../../one_stream.ts";
import { toPostgresError } from "../errors.ts";
import type { PostgresStream } from "../options.ts";
import type { SessionPool } from "../session_pool.ts";
import type { Session } from "../session/session.ts";
import { cursorFilter, greatestOf, partFilter } from "./bounds.ts";
import { BatchDecoder } from "./decode/batch_decoder.ts";
import { UnfitValueError } from "./decode/unfit_value.ts";
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
        const plan = await planRead(session, request, context);
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

/** All rows of the query; one batch without rows where it has none. Throws where they do not end as they should. */
async function* copyBatches(
  session: Session,
  { action, columns, schema }: ReadPlan,
  select: string,
): AsyncGenerator<RecordBatch, void, undefined> {
  const decoder = new BatchDecoder(schema, columns.map(({ decode }) => decode), {
    validateUtf8: session.serverEncoding === "SQL_ASCII",
  });
  for await (const region of session.copyOut(`COPY (${select}) TO STDOUT (FORMAT binary)`)) {
    yield* decoder.push(region);
  }
  if (!decoder.isComplete) {
    throw new AppError("unavailable", `${action}: the server's rows ended without their end mark`);
  }
  const last = decoder.flush();
  if (last !== undefined) yield last;
  else if (decoder.rowsDecoded === 0) yield decoder.emptyBatch();
}

function unfit(action: string, error: UnfitValueError): AppError {
  const column = JSON.stringify(error.column);
  const advice = `; add ${column} to the stream's option text_columns to read it as text`;
  const isAdvised = error.message.includes("text_columns");
  return new AppError(
    "invalid",
    `${action} row ${error.row}: column ${column} ${error.message}${isAdvised ? "" : advice}`,
    { cause: error },
  );
}
