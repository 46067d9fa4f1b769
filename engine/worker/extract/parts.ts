import { makeData, RecordBatch, type Schema, Struct } from "apache-arrow";
import type { Part, ReadMessage, Source, StreamRequest } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import { createTable, TableIngest } from "../../duckdb/into/ingest.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { nextTable, nextTableName } from "../../warehouse/raw_table.ts";
import { recordRejects } from "../../warehouse/rejects.ts";
import {
  committedParts,
  forgetParts,
  readState,
  recordPart,
  type UnfinishedRead,
  writeState,
} from "../../warehouse/stream_state.ts";
import type { SessionLease } from "../session_pool.ts";
import type { ExtractContext } from "./extract.ts";
import { closeWindow } from "./read_window.ts";
import { RejectLimit } from "./reject_limit.ts";
import { isReplacing } from "./sink/replacing.ts";
import { totalOf } from "./progress/source_total.ts";
import { type Extracted, StreamSink } from "./sink/stream_sink.ts";

export interface PartsContext extends ExtractContext {
  /** Sessions beside the step's own, each for one part at a time. */
  readonly lease: () => Promise<SessionLease>;
  /** The most parts at a time. */
  readonly atOnce: number;
}

/**
 * Reads a stream in the parts that its source cuts it into, several side by side, into the stream's
 * next table. Each part is committed by itself; an attempt that follows in the same run reads those
 * that are missing. When all are there the table takes its place, together with what `record` writes.
 * Undefined where the stream keeps its rows: then it is not read as a whole.
 */
export async function extractParts(
  context: PartsContext,
  source: Source,
  request: StreamRequest,
  by: { readonly column: string; readonly size: number },
  record: (extracted: Extracted) => Promise<void>,
): Promise<Extracted | undefined> {
  const { session, name, runId, shape } = context;
  if (source.partition === undefined) {
    throw new AppError(
      "invalid",
      `Stream "${name}": its source cannot be read in parts; leave out partition`,
    );
  }
  shape.requireFilter(source);
  const shaped = shape.request(request, source);
  if (context.range !== undefined || !await isReplacing(session, context, await readState(session, name))) {
    return undefined;
  }
  const until = await closeWindow(context, source, shaped);
  const asked = { ...shaped, ...shape.inSource(until === undefined ? {} : { until }) };
  const state = await readState(session, name);
  const unfinished = state.unfinished?.runId === runId ? state.unfinished : undefined;
  const parts = unfinished?.parts ?? await begin(context, source, asked, by);
  const counts = await readParts(context, source, asked, parts);
  const whole: UnfinishedRead = { runId, isReplacing: true, parts, ...counts };
  await session.transaction(() => writeState(session, name, { ...state, unfinished: whole }, runId));
  await using sink = await StreamSink.open(context);
  return await sink.finish(record);
}

/** Cuts the stream into parts and makes the table for them. */
async function begin(
  { session, name, runId, shape, signal }: PartsContext,
  source: Source,
  asked: StreamRequest,
  { column, size }: { readonly column: string; readonly size: number },
): Promise<readonly Part[]> {
  const parts = await source.partition?.(asked, { column, rows: size }, signal) ?? [];
  const { schema } = await source.describe(asked, signal);
  const shaped = shape.batches(schema, source)(emptyBatch(schema)).schema;
  await session.transaction(async () => {
    const state = await readState(session, name);
    await session.run(`DROP TABLE IF EXISTS ${nextTable(name)}`);
    await forgetParts(session, name);
    await createTable(session, { schema: "raw", name: nextTableName(name) }, shaped);
    const unfinished: UnfinishedRead = { runId, isReplacing: true, rows: 0, sizeBytes: 0, parts };
    await writeState(session, name, { ...state, unfinished }, runId);
  });
  return parts;
}

interface Counts {
  readonly rows: number;
  readonly sizeBytes: number;
}

/** Reads the parts that are not committed yet. The first failure stops the others and is thrown. */
async function readParts(
  context: PartsContext,
  source: Source,
  asked: StreamRequest,
  parts: readonly Part[],
): Promise<Counts> {
  const { session, name, runId, onProgress, atOnce } = context;
  await using _appending = await context.threads?.appending();
  const done = await committedParts(session, name, runId);
  const left = parts.filter(({ id }) => !done.some((part) => part.id === id));
  const total = await totalOf(source, asked, context.signal);
  let rows = done.reduce((sum, part) => sum + part.rows, 0);
  let sizeBytes = done.reduce((sum, part) => sum + part.sizeBytes, 0);
  const count = (batch: RecordBatch) => {
    rows += batch.numRows;
    sizeBytes += batch.data.byteLength;
    onProgress(rows, sizeBytes, total);
  };
  const limit = await RejectLimit.open(session, context);
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const read = async () => {
    for (let part = left.shift(); part !== undefined && !signal.aborted; part = left.shift()) {
      await using lease = await context.lease();
      try {
        await readPart({ ...context, session: lease.session, signal }, source, asked, part, limit, count);
      } catch (error) {
        stop.abort(error);
        throw error;
      }
    }
  };
  const readers = Array.from({ length: Math.min(atOnce, left.length) }, read);
  const ended = await Promise.allSettled(readers);
  if (stop.signal.aborted) throw stop.signal.reason;
  const failed = ended.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  context.signal.throwIfAborted();
  return { rows, sizeBytes };
}

/** One part in one transaction. */
async function readPart(
  context: ExtractContext,
  source: Source,
  asked: StreamRequest,
  part: Part,
  limit: RejectLimit,
  count: (batch: RecordBatch) => void,
): Promise<void> {
  const { session, name, runId, attempt, shape, signal, log } = context;
  await using transaction = await session.begin();
  let shapeOf: ((batch: RecordBatch) => RecordBatch) | undefined;
  let rows = 0;
  let sizeBytes = 0;
  await using ingest = new PartIngest(session, name);
  const messages: AsyncIterable<ReadMessage> = source.read({ streams: [asked], part }, signal);
  for await (const message of messages) {
    signal.throwIfAborted();
    switch (message.type) {
      case "rows": {
        shapeOf ??= shape.batches(message.batch.schema, source);
        const batch = shapeOf(message.batch);
        await ingest.append(batch);
        rows += batch.numRows;
        sizeBytes += batch.data.byteLength;
        count(batch);
        break;
      }
      case "reject":
        await recordRejects(session, { stream: name, runId, attempt }, [limit.take(message.reject)]);
        break;
      case "log":
        log(message.level, message.message);
        break;
      case "state":
        // A part is read whole or not at all: there is no place in it to go on from.
        break;
    }
  }
  await ingest.finish();
  await recordPart(session, name, runId, { id: part.id, rows, sizeBytes });
  await transaction.commit();
}

/** The appender of a part, made with the first batch. */
class PartIngest implements AsyncDisposable {
  readonly #session: DuckSession;
  readonly #name: string;
  #ingest: TableIngest | undefined;

  constructor(session: DuckSession, name: string) {
    this.#session = session;
    this.#name = name;
  }

  async append(batch: RecordBatch): Promise<void> {
    const table = { schema: "raw", name: nextTableName(this.#name) };
    this.#ingest ??= await TableIngest.start(this.#session, table, batch.schema);
    await this.#ingest.append(batch);
  }

  async finish(): Promise<void> {
    await this.#ingest?.finish();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ingest?.[Symbol.asyncDispose]();
  }
}

function emptyBatch(schema: Schema): RecordBatch {
  const children = schema.fields.map(({ type }) => makeData({ type, length: 0, nullCount: 0 }));
  return new RecordBatch(
    schema,
    makeData({ type: new Struct(schema.fields), length: 0, nullCount: 0, children }),
  );
}
