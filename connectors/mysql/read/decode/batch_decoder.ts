import { Data, RecordBatch, type Schema, Struct } from "apache-arrow";
import { VECTOR_ROWS } from "../../../../contract/arrow.ts";
import { Column, COLUMN_BYTES } from "../../../../kernels/column.ts";
import { OUTCOME, SLACK_BYTES, startTextRows, type TextRows } from "../../../../kernels/text_rows.ts";
import { ConnectionLostError } from "../../../network/failures.ts";
import type { RowRegion } from "../../session/packet_stream.ts";
import { NOT_THE_PROTOCOL } from "../../session/server_error.ts";
import type { DecodeKind } from "../types.ts";
import { layoutOf } from "./layout.ts";
import { NOT_UTF8, UnfitValueError, whyUnfit } from "./unfit_value.ts";

/** Rows a batch: eight of DuckDB's vectors, or fewer where there are very many columns. */
const BATCH_ROWS = 8 * VECTOR_ROWS;
/** A batch of wide rows ends earlier, so that memory stays bounded. */
const BATCH_BYTES = 8 * 1024 * 1024;
/** Bytes of rows after which the batch's size is looked at. */
const STEP_BYTES = 256 * 1024;
/** A kernel whose memory has grown beyond this, for a row of some hundred megabytes, is not kept. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

/** Decodes rows of the text protocol into record batches, by a kernel (kernels/assembly/text_rows.as). */
export class BatchDecoder {
  readonly #schema: Schema;
  readonly #kinds: readonly DecodeKind[];
  readonly #batchRows: number;
  #table: Table;
  #rows = 0;
  #rowsBefore = 0;

  constructor(schema: Schema, kinds: readonly DecodeKind[]) {
    this.#schema = schema;
    this.#kinds = kinds;
    this.#batchRows = batchRows(kinds);
    this.#table = new Table(kinds, this.#batchRows);
  }

  get rowsDecoded(): number {
    return this.#rowsBefore + this.#rows;
  }

  /** The batches that became full. Throws UnfitValueError, and ConnectionLostError for what is no row. */
  *push({ bytes, start, end, isFramed }: RowRegion): Generator<RecordBatch, void, undefined> {
    if (this.#rows === 0 && this.#table.sizeBytes > MAX_KEPT_BYTES) {
      this.#table = new Table(this.#kinds, this.#batchRows);
    }
    const { kernel, columns, descriptions } = this.#table;
    let at = this.#table.takeIn(bytes.subarray(start, end));
    const inputEnd = at + end - start;
    while (at < inputEnd) {
      const enough = isFramed ? Math.min(inputEnd, at + STEP_BYTES) : inputEnd;
      const rows = kernel.decodeRows(
        descriptions,
        columns.length,
        at,
        enough,
        isFramed,
        this.#rows,
        this.#batchRows,
      );
      this.#checkTexts(rows);
      this.#rows = rows;
      at = kernel.stoppedAt.value;
      this.#settle(kernel);
      if (rows === this.#batchRows || this.#table.variableBytes(rows) >= BATCH_BYTES) yield this.#finish();
    }
  }

  /** The rows that are left; undefined where there are none. */
  flush(): RecordBatch | undefined {
    return this.#rows === 0 ? undefined : this.#finish();
  }

  /** A batch without rows: it has the columns. */
  emptyBatch(): RecordBatch {
    return this.#finish();
  }

  /** Does what the kernel stopped for. */
  #settle({ outcome, column, valueAt, length, memory }: TextRows): void {
    switch (outcome.value) {
      case OUTCOME.done:
        return;
      case OUTCOME.needsRoom:
        this.#table.columns[column.value]?.makeRoom(length.value);
        return;
      case OUTCOME.wrongEnd:
        throw new ConnectionLostError(`${NOT_THE_PROTOCOL}: a row does not end where its packet does`);
      default: {
        const value = memory.bytes.subarray(valueAt.value, valueAt.value + length.value);
        const kind = this.#kinds[column.value] ?? { kind: "text" };
        throw this.#unfit(column.value, this.#rows, whyUnfit(kind, value));
      }
    }
  }

  #unfit(column: number, row: number, message: string): UnfitValueError {
    return new UnfitValueError(this.#schema.fields[column]?.name ?? "", this.#rowsBefore + row + 1, message);
  }

  /** Of the rows from `#rows` to `end`. */
  #checkTexts(end: number): void {
    for (const [place, column] of this.#table.columns.entries()) {
      const row = column.findNotUtf8(this.#rows, end);
      if (row !== undefined) throw this.#unfit(place, row, NOT_UTF8);
    }
  }

  #finish(): RecordBatch {
    const length = this.#rows;
    const children = this.#table.finish(length, this.#schema);
    this.#rowsBefore += length;
    this.#rows = 0;
    return new RecordBatch(
      this.#schema,
      new Data(new Struct(this.#schema.fields), 0, length, 0, {}, children),
    );
  }
}

/** As many rows as have some megabytes in their columns of fixed width; at least one vector. */
function batchRows(kinds: readonly DecodeKind[]): number {
  const rowBytes = kinds.reduce((sum, kind) => sum + (layoutOf(kind).bytes || 4), 0);
  const rows = Math.floor(2 * BATCH_BYTES / Math.max(rowBytes, 1) / VECTOR_ROWS) * VECTOR_ROWS;
  return Math.max(VECTOR_ROWS, Math.min(BATCH_ROWS, rows));
}

/** The kernel with its columns and its input. */
class Table {
  readonly kernel: TextRows;
  /** Where the columns' descriptions are. */
  readonly descriptions: number;
  readonly columns: readonly Column[];
  #input = 0;
  #inputBytes = 0;

  constructor(kinds: readonly DecodeKind[], rows: number) {
    this.kernel = startTextRows();
    const { memory } = this.kernel;
    this.descriptions = memory.allocate(kinds.length * COLUMN_BYTES);
    memory.bytes.fill(0, this.descriptions, this.descriptions + kinds.length * COLUMN_BYTES);
    this.columns = kinds.map((kind, i) =>
      new Column(this.kernel, layoutOf(kind), this.descriptions + i * COLUMN_BYTES, rows)
    );
  }

  get sizeBytes(): number {
    return this.kernel.memory.bytes.length;
  }

  /** Copies rows into the kernel's memory, and returns their place. */
  takeIn(bytes: Uint8Array): number {
    const { memory } = this.kernel;
    const needed = bytes.length + SLACK_BYTES;
    if (needed > this.#inputBytes) {
      memory.release(this.#input, this.#inputBytes);
      this.#inputBytes = Math.max(needed, 2 * STEP_BYTES);
      this.#input = memory.allocate(this.#inputBytes);
    }
    memory.bytes.set(bytes, this.#input);
    return this.#input;
  }

  variableBytes(rows: number): number {
    return this.columns.reduce((sum, column) => sum + column.variableBytes(rows), 0);
  }

  finish(rows: number, { fields }: Schema): Data[] {
    return this.columns.flatMap((column, i) => {
      const type = fields[i]?.type;
      return type === undefined ? [] : [column.finish(rows, type)];
    });
  }
}
