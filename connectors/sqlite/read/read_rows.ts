import { makeData, RecordBatch, Struct } from "apache-arrow";
import type { Reject, StreamRequest } from "../../../contract/connector/source.ts";
import type { SqliteReader, SqliteRow } from "../database.ts";
import type { SqliteStream } from "../options.ts";
import { builderOf } from "./builder_of.ts";
import { type ColumnBuilder, MisfitError } from "./column_builder.ts";
import { cursorFilter } from "./cursor_filter.ts";
import { misfit } from "./misfit.ts";
import { type Column, type Plan, planStream, selectOf } from "./plan.ts";
import { RowSieve } from "./row_sieve.ts";

/** A batch ends at so many rows, or at about so many bytes of texts and blobs. */
const BATCH_ROWS = 16_384;
const BATCH_BYTES = 32 * 1024 * 1024;
/** Rows are read without a wait; the event loop gets its turn this often. */
const SLICE_MS = 8;

/**
 * All rows, as they are in the reader's transaction. A stream without rows gives one batch without rows. A row that does
 * not fit is a reject where the request sets them aside; otherwise it throws `invalid`.
 */
export async function* readStream(
  database: SqliteReader,
  request: StreamRequest<SqliteStream>,
  signal: AbortSignal,
): AsyncIterable<ReadPart> {
  signal.throwIfAborted();
  const plan = await planStream(database, request);
  try {
    yield* readPlanned(database, plan, request, signal);
  } catch (error) {
    if (error instanceof ColumnMisfit) throw await misfit(database, plan, error.column);
    throw error;
  }
}

type ReadPart = { readonly batch: RecordBatch } | { readonly reject: Reject };

/** A value of the column does not fit; which one is found out when nothing else is read any more. */
class ColumnMisfit extends Error {
  readonly column: Column;

  constructor(column: Column, cause: MisfitError) {
    super(undefined, { cause });
    this.column = column;
  }
}

async function* readPlanned(
  database: SqliteReader,
  plan: Plan,
  request: StreamRequest<SqliteStream>,
  signal: AbortSignal,
): AsyncIterable<ReadPart> {
  const batch = new BatchBuilder(plan);
  const sieve = request.setsAside === true ? new RowSieve(plan) : undefined;
  let hasBatch = false;
  let sliceStart = performance.now();
  for await (const rows of slicesOf(database, plan, request)) {
    const { fitting, rejects } = sieve?.sift(rows) ?? { fitting: rows, rejects: [] };
    for (const reject of rejects) yield { reject };
    for (let from = 0; from < fitting.length;) {
      from += batch.append(fitting, from);
      if (!batch.isFull) continue;
      hasBatch = true;
      yield { batch: batch.finish() };
    }
    if (performance.now() - sliceStart > SLICE_MS) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      signal.throwIfAborted();
      sliceStart = performance.now();
    }
  }
  signal.throwIfAborted();
  if (batch.rows > 0 || !hasBatch) yield { batch: batch.finish() };
}

async function* slicesOf(
  database: SqliteReader,
  plan: Plan,
  { where: given, cursor, until, setsAside = false }: StreamRequest<SqliteStream>,
): AsyncGenerator<readonly SqliteRow[]> {
  const { expressions, texts } = selectOf(database, plan, plan.columns);
  const selected = [...expressions, ...setsAside ? RowSieve.select(plan) : []];
  const { where, params, isWanted } = cursorFilter(plan, {
    ...(cursor === undefined ? {} : { cursor }),
    ...(until === undefined ? {} : { until }),
  });
  // A line break, in case the condition ends in a comment.
  const conditions = [given === undefined ? undefined : `(${given}\n)`, where].filter((text) =>
    text !== undefined
  );
  const subject = `read ${plan.shown}`;
  if (conditions.length === 0 && plan.rowid !== undefined && database.tableSlices !== undefined) {
    const slices = database.tableSlices(plan.relation, selected, subject, texts);
    for (const rows of slices) yield isWanted === undefined ? rows : rows.filter(isWanted);
    return;
  }
  const select = `SELECT ${selected.join(", ")} FROM ${plan.relation}` +
    (conditions.length > 0
      ? ` WHERE ${conditions.join(" AND ")}`
      : plan.rowid === undefined
      ? ""
      : ` ORDER BY ${plan.rowid}`);
  for await (const rows of database.slices(select, params, subject, texts)) {
    yield isWanted === undefined ? rows : rows.filter(isWanted);
  }
}

/** Collects rows into one batch after the other. */
class BatchBuilder {
  /** In the batch so far. */
  rows = 0;
  readonly #plan: Plan;
  readonly #columns: readonly (readonly [Column, ColumnBuilder])[];

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#columns = plan.columns.map((column) =>
      [column, builderOf(column.type, BATCH_ROWS, plan.encoding)] as const
    );
  }

  get isFull(): boolean {
    return this.rows === BATCH_ROWS || this.#heldBytes() >= BATCH_BYTES;
  }

  #heldBytes(): number {
    return this.#columns.reduce((sum, [, { heldBytes }]) => sum + heldBytes, 0);
  }

  /** Takes as many rows as have room, beginning at `from`; returns their count. */
  append(rows: readonly SqliteRow[], from: number): number {
    const count = Math.min(rows.length - from, BATCH_ROWS - this.rows);
    const taken = count === rows.length ? rows : rows.slice(from, from + count);
    for (const [index, [column, builder]] of this.#columns.entries()) {
      this.#attempt(column, () => builder.append(taken, index));
    }
    this.rows += count;
    return count;
  }

  finish(): RecordBatch {
    const { schema } = this.#plan;
    const children = this.#columns.map(([column, builder]) =>
      this.#attempt(column, () => builder.finish(this.rows))
    );
    const type = new Struct(schema.fields);
    const data = makeData({ type, length: this.rows, nullCount: 0, children });
    this.rows = 0;
    return new RecordBatch(schema, data);
  }

  #attempt<T>(column: Column, work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof MisfitError)) throw error;
      throw new ColumnMisfit(column, error);
    }
  }
}
