import duckdb from "@duckdb/node-bindings";
import { RecordBatch, Schema, Struct } from "apache-arrow";
import { MAX_BATCH_ROWS } from "../../../contract/arrow.ts";
import { AppError } from "../../../contract/errors.ts";
import { arrowData } from "../arrow_data.ts";
import { columnBuilder } from "./builder.ts";
import type { ColumnBuilder } from "./column_builder.ts";
import { type DuckType, readDuckType, typeText } from "../duck_type.ts";
import { StringKernel } from "../../../kernels/strings.ts";
import { RowStream } from "./row_stream.ts";
import type { DuckSession } from "../session.ts";
import { chooseStringWay, type StringWay } from "../string_cell.ts";
import { arrowFieldOf, exportableType } from "../types.ts";

/** A batch ends with the rows that take it over this, so that memory stays bounded. */
const MAX_BATCH_BYTES = 32 * 2 ** 20;
const NO_KEYWORDS: ReadonlySet<string> = new Set();

export interface ExportOptions {
  /** The most rows of a batch; MAX_BATCH_ROWS by default. */
  readonly batchRows?: number;
  readonly signal?: AbortSignal;
  /** Left out: what fits this DuckDB. For tests. */
  readonly stringWay?: StringWay;
}

export interface ExportedRows {
  readonly schema: Schema;
  /** To be read once; a result without rows gives no batch. */
  readonly batches: AsyncIterable<RecordBatch>;
}

export interface ResultColumn {
  readonly name: string;
  readonly type: DuckType;
}

/**
 * The rows of one query as Arrow, by the table of contract/arrow.ts. The query runs when the
 * batches are pulled; from then until they have ended or are left, the session refuses other
 * statements with `conflict`. Throws SqlError, and invalid for a value that Arrow cannot hold.
 */
export async function exportRows(
  session: DuckSession,
  sql: string,
  options: ExportOptions = {},
): Promise<ExportedRows> {
  const columns = await session.withConnection(sql, (connection) => describeColumns(connection, sql));
  refuseDoubleNames(columns);
  const exported = columns.map(({ name, type }) => ({ name, type: exportableType(type) }));
  const schema = new Schema(exported.map(({ name, type }) => arrowFieldOf(name, type)));
  return {
    schema,
    batches: readBatches(session, textQuery(sql, columns, exported), exported, schema, options),
  };
}

/** Arrow's library loses a column whose name comes twice. */
function refuseDoubleNames(columns: readonly ResultColumn[]): void {
  const names = new Set<string>();
  for (const { name } of columns) {
    if (names.has(name)) {
      throw new AppError(
        "invalid",
        `Cannot read rows with two columns "${name}": give one another name with AS`,
      );
    }
    names.add(name);
  }
}

/** The columns of a query with their types as trees; it is not run. */
export async function describeColumns(connection: duckdb.Connection, sql: string): Promise<ResultColumn[]> {
  const statement = await duckdb.prepare(connection, sql);
  try {
    return Array.from({ length: duckdb.prepared_statement_column_count(statement) }, (_, i) => ({
      name: duckdb.prepared_statement_column_name(statement, i),
      type: readDuckType(duckdb.prepared_statement_column_logical_type(statement, i)),
    }));
  } finally {
    duckdb.destroy_prepare_sync(statement);
  }
}

/** The query with the columns that Arrow has no type for as DuckDB's own text. */
function textQuery(sql: string, columns: readonly ResultColumn[], exported: readonly ResultColumn[]): string {
  const casts = columns.map(({ type }, i) => {
    const target = typeText(exported[i]?.type ?? type, NO_KEYWORDS);
    return target === typeText(type, NO_KEYWORDS) ? `c${i}` : `CAST(c${i} AS ${target})`;
  });
  if (casts.every((cast, i) => cast === `c${i}`)) return sql;
  const names = columns.map((_, i) => `c${i}`).join(", ");
  return `SELECT ${casts.join(", ")} FROM (\n${sql.replace(/[;\s]+$/, "")}\n) AS t(${names})`;
}

async function* readBatches(
  session: DuckSession,
  sql: string,
  columns: readonly ResultColumn[],
  schema: Schema,
  options: ExportOptions,
): AsyncGenerator<RecordBatch, void, undefined> {
  using _interrupt = options.signal === undefined ? undefined : session.interruptOn(options.signal);
  const strings = (options.stringWay ?? chooseStringWay()) === "bulk" ? new StringKernel() : undefined;
  const builders = columns.map(({ type }, i) => {
    const field = schema.fields[i];
    if (field === undefined) throw new AppError("internal", `Column ${i} of the query has no Arrow field`);
    return columnBuilder(type, field.type, strings);
  });
  const batch = new BatchBuilder(schema, columns, builders, options.batchRows ?? MAX_BATCH_ROWS);
  await using stream = await RowStream.open(session, sql);
  const found = stream.types.map((type) => typeText(type, NO_KEYWORDS)).join();
  if (found !== columns.map(({ type }) => typeText(type, NO_KEYWORDS)).join()) {
    throw new AppError(
      "conflict",
      "Cannot read the rows of a query: its columns have changed since it was described",
    );
  }
  for (;;) {
    const chunk = await stream.next();
    if (chunk === null) break;
    const vectors = columns.map((_, i) => duckdb.data_chunk_get_vector(chunk, i));
    yield* batch.append(vectors, 0, duckdb.data_chunk_get_size(chunk));
  }
  if (batch.rows > 0) yield batch.take();
}

/** The columns' builders, and when a batch is full. */
class BatchBuilder {
  readonly #schema: Schema;
  readonly #columns: readonly ResultColumn[];
  readonly #builders: readonly ColumnBuilder[];
  readonly #maxRows: number;
  #rows = 0;

  constructor(
    schema: Schema,
    columns: readonly ResultColumn[],
    builders: readonly ColumnBuilder[],
    maxRows: number,
  ) {
    this.#schema = schema;
    this.#columns = columns;
    this.#builders = builders;
    this.#maxRows = maxRows;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Adds rows of a chunk and gives the batches that they fill. */
  *append(vectors: readonly duckdb.Vector[], start: number, count: number): Generator<RecordBatch> {
    const weight = this.#builders.reduce((sum, builder, i) => {
      const vector = vectors[i];
      return vector === undefined ? sum : sum + builder.weigh(vector, start, count);
    }, 0);
    if (count > 1 && weight > MAX_BATCH_BYTES) {
      const half = count >> 1;
      yield* this.append(vectors, start, half);
      yield* this.append(vectors, start + half, count - half);
      return;
    }
    for (let done = 0; done < count;) {
      const part = Math.min(count - done, this.#maxRows - this.#rows);
      this.#appendPart(vectors, start + done, part);
      done += part;
      const sizeBytes = this.#builders.reduce((sum, builder) => sum + builder.sizeBytes, 0);
      if (this.#rows >= this.#maxRows || sizeBytes >= MAX_BATCH_BYTES) yield this.take();
    }
  }

  take(): RecordBatch {
    const data = arrowData(new Struct(this.#schema.fields), {
      length: this.#rows,
      nullCount: 0,
      nullBitmap: undefined,
      children: this.#builders.map((builder) => builder.take()),
    });
    this.#rows = 0;
    return new RecordBatch(this.#schema, data);
  }

  #appendPart(vectors: readonly duckdb.Vector[], start: number, count: number): void {
    this.#builders.forEach((builder, i) => {
      const vector = vectors[i];
      if (vector === undefined) return;
      try {
        builder.append(vector, start, count);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        throw new AppError(error.code, `Cannot read column "${this.#columns[i]?.name}": ${error.message}`, {
          cause: error,
        });
      }
    });
    this.#rows += count;
  }
}
