import type { Cursor, ReadMessage, Scan, Source, StreamRequest } from "../../contract/connector.ts";
import { AppError } from "../../contract/errors.ts";
import { duckdbCursorCondition } from "../../connectors/cursor.ts";
import type { StreamDefinition } from "../../contract/pipeline.ts";
import { type Column, findColumn, quoteIdentifier } from "../../contract/sql.ts";
import type { RecordBatch } from "apache-arrow";
import { ingest } from "../duckdb/into/ingest.ts";
import type { DuckSession } from "../duckdb/session.ts";
import { appendRows, dedupeTable, mergeRows } from "../warehouse/raw_rows.ts";
import { forgetCursor, moveCursor, readCursor, tableColumns } from "../warehouse/warehouse.ts";

/** New rows of a stream wait here until they are merged; it is gone again before the commit. */
const INCOMING: TableName = { schema: "_sluice", name: "incoming" };

interface TableName {
  readonly schema: string;
  readonly name: string;
}

const qualified = (table: TableName): string => `${table.schema}.${quoteIdentifier(table.name)}`;

export interface ExtractContext {
  readonly session: DuckSession;
  readonly runId: string;
  readonly fullRefresh: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (rows: number, sizeBytes: number | null) => void;
}

export interface Extracted {
  /** Rows that the source gave. */
  readonly rows: number;
  readonly sizeBytes: number | null;
  readonly columns: readonly Column[];
}

/**
 * Reads one stream into `raw.<name>` and moves its cursor, inside the caller's transaction: either
 * all of it is there afterwards or nothing.
 */
export async function extractStream(
  context: ExtractContext,
  source: Source,
  asked: StreamRequest,
  stream: StreamDefinition,
): Promise<Extracted> {
  const { session } = context;
  const { name } = asked;
  const held = await tableColumns(session, "raw", name);
  const isAddition = stream.mode !== "full" && !context.fullRefresh && held.length > 0;
  const cursor = isAddition && stream.update_key !== undefined
    ? await readCursor(session, name, stream.update_key)
    : undefined;
  const target = isAddition ? INCOMING : { schema: "raw", name };
  const request = cursor === undefined ? asked : { ...asked, cursor };
  const { rows, sizeBytes } = await fetchRows(context, source, request, target);
  if (isAddition) {
    if (stream.mode === "incremental") await mergeRows(session, name, stream, qualified(INCOMING));
    else await appendRows(session, name, stream, qualified(INCOMING), cursor);
    await session.run(`DROP TABLE ${qualified(INCOMING)}`);
  } else {
    await checkKeyColumns(session, name, stream);
    if (stream.mode === "incremental") await dedupeTable(session, name, stream);
    await forgetCursor(session, name);
  }
  if (stream.mode !== "full" && stream.update_key !== undefined) {
    await moveCursor(session, name, stream.update_key, context.runId);
  }
  return { rows, sizeBytes, columns: await tableColumns(session, "raw", name) };
}

/** Creates or replaces `target` with what the source gives from the cursor on. */
async function fetchRows(
  context: ExtractContext,
  source: Source,
  request: StreamRequest,
  target: TableName,
): Promise<{ rows: number; sizeBytes: number | null }> {
  const scan = await source.scan?.(request, context.signal);
  if (scan !== undefined) return await scanRows(context, scan, request.cursor, target);
  return await readRows(context, batchesOf(source.read({ streams: [request] }, context.signal)), target);
}

async function scanRows(
  context: ExtractContext,
  scan: Scan,
  cursor: Cursor | undefined,
  target: TableName,
): Promise<{ rows: number; sizeBytes: number | null }> {
  const { session } = context;
  const where = cursor === undefined ? "" : ` WHERE ${duckdbCursorCondition(cursor)}`;
  try {
    await session.run(
      `CREATE OR REPLACE TABLE ${qualified(target)} AS SELECT * FROM ${scan.relation}${where}`,
      cursor === undefined ? [] : [cursor.value],
    );
  } catch (error) {
    if (context.signal.aborted) throw error;
    throw scan.explain(error);
  }
  const [row] = await session.rows(`SELECT count(*) AS n FROM ${qualified(target)}`);
  return { rows: Number(row?.["n"]), sizeBytes: scan.sizeBytes };
}

async function* batchesOf(messages: AsyncIterable<ReadMessage>): AsyncIterable<RecordBatch> {
  for await (const message of messages) if (message.type === "rows") yield message.batch;
}

async function readRows(
  context: ExtractContext,
  batches: AsyncIterable<RecordBatch>,
  target: TableName,
): Promise<{ rows: number; sizeBytes: number | null }> {
  const { session, signal, onProgress } = context;
  const iterator = batches[Symbol.asyncIterator]();
  let sizeBytes = 0;
  const first = await iterator.next();
  if (first.done) throw new AppError("internal", "The source gave no batch, not even an empty one");
  const columns = session.columnsOf(first.value.schema);
  const definitions = columns.map((column) => `${quoteIdentifier(column.name)} ${column.type}`).join(", ");
  await session.run(`CREATE OR REPLACE TABLE ${qualified(target)} (${definitions})`);
  const all = async function* (): AsyncIterable<RecordBatch> {
    try {
      for (let step: IteratorResult<RecordBatch> = first; !step.done; step = await iterator.next()) {
        sizeBytes += step.value.data.byteLength;
        yield step.value;
      }
    } finally {
      await iterator.return?.();
    }
  };
  const rows = await ingest(session, target, all(), {
    signal,
    onProgress: (count: number) => onProgress(count, sizeBytes),
  });
  return { rows, sizeBytes };
}

async function checkKeyColumns(session: DuckSession, name: string, stream: StreamDefinition): Promise<void> {
  const columns = await tableColumns(session, "raw", name);
  for (
    const key of [
      ...(stream.primary_key ?? []),
      ...(stream.update_key === undefined ? [] : [stream.update_key]),
    ]
  ) {
    if (findColumn(columns, key) === undefined) {
      const known = columns.map((column) => column.name).join(", ");
      throw new AppError("invalid", `Stream "${name}" has no column "${key}" (it has ${known})`);
    }
  }
}
