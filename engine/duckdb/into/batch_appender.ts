import { setImmediate } from "node:timers";
import duckdb from "@duckdb/node-bindings";
import { type Data, type Field, Null, type RecordBatch, Schema } from "apache-arrow";
import { VECTOR_ROWS } from "../../../contract/arrow.ts";
import { AppError } from "../../../contract/errors.ts";
import { VectorKernel } from "../../../kernels/vectors.ts";
import { arrowData } from "../arrow_data.ts";
import { NullWriter } from "./fixed_writer.ts";
import type { DuckSession } from "../session.ts";
import type { StringWay } from "../string_cell.ts";
import { duckTypeOf } from "../types.ts";
import { CellFault, type VectorWriter } from "./vector_writer.ts";
import { vectorWriter } from "./writer.ts";

/**
 * The appender's flush blocks the event loop: often and short is better than seldom and long. Of narrow rows a whole row group
 * at a time costs an eighth less, and DuckDB works as long for the last part of one.
 */
const FLUSH_EVERY_CHUNKS = 12;
const ROW_GROUP_CHUNKS = 60;
const MAX_WAITING_BYTES = 8 * 2 ** 20;
const YIELD_EVERY_MS = 8;

/** `schema` of `temp` is the connection's own temporary schema. */
export interface IngestTable {
  readonly schema: string;
  readonly name: string;
}

interface Target {
  readonly field: Field | undefined;
  readonly writer: VectorWriter;
}

/**
 * DuckDB's appender for a table, fed with record batches. `finish` writes what is left; disposing
 * without it drops what was not flushed.
 */
export class BatchAppender implements AsyncDisposable {
  readonly #session: DuckSession;
  readonly #appender: duckdb.Appender;
  readonly #chunk: duckdb.DataChunk;
  readonly #targets: readonly Target[];
  readonly #table: IngestTable;
  #schema: Schema | undefined;
  #places: readonly number[] = [];
  #rows = 0;
  /** Not flushed yet. */
  #chunks = 0;
  #waitingBytes = 0;
  #yieldedAtMs = performance.now();
  #isOpen = true;

  private constructor(
    session: DuckSession,
    table: IngestTable,
    appender: duckdb.Appender,
    chunk: duckdb.DataChunk,
    targets: readonly Target[],
  ) {
    this.#session = session;
    this.#table = table;
    this.#appender = appender;
    this.#chunk = chunk;
    this.#targets = targets;
  }

  /** `fields`: for each column of the table in its order, the field that fills it, or undefined for NULL. */
  static async open(
    session: DuckSession,
    table: IngestTable,
    fields: readonly (Field | undefined)[],
    way: StringWay,
  ): Promise<BatchAppender> {
    const tools = { way, kernel: new VectorKernel() };
    const targets = fields.map((field) => ({
      field,
      writer: field === undefined ? new NullWriter() : vectorWriter(field, tools),
    }));
    return await session.withConnection("", (connection) => {
      const [catalog, schema] = table.schema === "temp" ? ["temp", "main"] : [null, table.schema];
      const appender = duckdb.appender_create_ext(connection, catalog, schema, table.name);
      const types = targets.map((_, i) => duckdb.appender_column_type(appender, i));
      const chunk = duckdb.create_data_chunk(types);
      return Promise.resolve(new BatchAppender(session, table, appender, chunk, targets));
    });
  }

  /** Throws invalid for a batch of another schema than the first, or a value that does not fit. */
  async append(batch: RecordBatch): Promise<void> {
    this.#acceptSchema(batch.schema);
    const rowBytes = batch.data.byteLength / Math.max(1, batch.numRows);
    for (let start = 0; start < batch.numRows; start += VECTOR_ROWS) {
      const count = Math.min(VECTOR_ROWS, batch.numRows - start);
      await this.#session.withConnection("", () => Promise.resolve(this.#appendChunk(batch, start, count)));
      this.#rows += count;
      this.#waitingBytes += rowBytes * count;
      await this.#yield();
    }
  }

  async finish(): Promise<void> {
    await this.#session.withConnection("", () => Promise.resolve(this.#close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOpen) return Promise.resolve();
    this.#isOpen = false;
    try {
      // Otherwise the rows would still be written when the handle is closed or collected.
      duckdb.appender_clear(this.#appender);
      duckdb.appender_close_sync(this.#appender);
    } catch {
      // The transaction has failed, and its rows with it.
    }
    return Promise.resolve();
  }

  #appendChunk(batch: RecordBatch, start: number, count: number): void {
    duckdb.data_chunk_reset(this.#chunk);
    this.#targets.forEach((target, i) => this.#writeColumn(target, i, batch, start, count));
    duckdb.data_chunk_set_size(this.#chunk, count);
    duckdb.append_data_chunk(this.#appender, this.#chunk);
    this.#chunks++;
    const isHeavy = this.#waitingBytes >= MAX_WAITING_BYTES;
    if (this.#chunks < (isHeavy ? FLUSH_EVERY_CHUNKS : ROW_GROUP_CHUNKS)) return;
    duckdb.appender_flush_sync(this.#appender);
    this.#chunks = 0;
    this.#waitingBytes = 0;
  }

  #writeColumn(target: Target, index: number, batch: RecordBatch, start: number, count: number): void {
    const vector = duckdb.data_chunk_get_vector(this.#chunk, index);
    const data = this.#columnOf(batch, index);
    try {
      target.writer.write(vector, data, start, count, undefined);
    } catch (error) {
      const subject = `column "${target.field?.name}" of table "${this.#table.name}"`;
      if (error instanceof CellFault) {
        const row = this.#rows + error.index + 1;
        throw new AppError("invalid", `Cannot store row ${row} of ${subject}: ${error.message}`, {
          cause: error,
        });
      }
      if (!(error instanceof AppError)) throw error;
      throw new AppError(error.code, `Cannot store ${subject}: ${error.message}`, { cause: error });
    }
  }

  #columnOf(batch: RecordBatch, index: number): Data {
    const place = this.#places[index] ?? -1;
    const found: Data | undefined = batch.data.children[place];
    return found ??
      arrowData(new Null(), { length: batch.numRows, nullCount: batch.numRows, nullBitmap: undefined });
  }

  #acceptSchema(schema: Schema): void {
    if (schema === this.#schema) return;
    const fields = this.#targets.flatMap(({ field }) => field === undefined ? [] : [field]);
    const describe = (field: Field) => `${field.name} ${field.type} ${JSON.stringify(duckTypeOf(field))}`;
    const expected = fields.map(describe).sort().join();
    const found = schema.fields.map(describe).sort().join();
    if (expected !== found) {
      throw new AppError(
        "invalid",
        `Cannot store a batch with other columns than the first one: ${new Schema(fields)} became ${schema}`,
      );
    }
    this.#schema = schema;
    this.#places = this.#targets.map(({ field }) =>
      schema.fields.findIndex(({ name }) => name === field?.name)
    );
  }

  #close(): void {
    duckdb.appender_flush_sync(this.#appender);
    this.#isOpen = false;
    duckdb.appender_close_sync(this.#appender);
  }

  async #yield(): Promise<void> {
    if (performance.now() - this.#yieldedAtMs < YIELD_EVERY_MS) return;
    await new Promise<void>((resolve) => setImmediate(() => resolve()));
    this.#yieldedAtMs = performance.now();
  }
}
