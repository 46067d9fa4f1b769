import { Data, RecordBatch, type Schema, Struct } from "apache-arrow";
import { Column, COLUMN_BYTES } from "../../../../kernels/column.ts";
import { type CopyRows, OUTCOME, SLACK_BYTES, startCopyRows } from "../../../../kernels/copy_rows.ts";
import { VECTOR_ROWS } from "../../../../contract/arrow.ts";
import type { CopyRegion } from "../../session/copy_data.ts";
import type { DecodeKind } from "../types.ts";
import { bytesOf, layoutOf } from "./layout.ts";
import { NOT_UTF8, notCopy, UnfitValueError, whyUnfit } from "./unfit_value.ts";

/** Rows a batch: eight of DuckDB's vectors, or fewer where there are very many columns. */
const BATCH_ROWS = 8 * VECTOR_ROWS;
/** A batch of wide rows ends earlier, so that memory stays bounded. */
const BATCH_BYTES = 8 * 1024 * 1024;
/** Bytes of rows after which the batch's size is looked at. */
const STEP_BYTES = 256 * 1024;
/** A kernel whose memory has grown beyond this, for a row of some hundred megabytes, is not kept. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

/**
 * Decodes binary COPY into record batches, by a kernel (kernels/assembly/copy_rows.as).
 * Source: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"
 */
export class BatchDecoder {
  readonly #schema: Schema;
  readonly #kinds: readonly DecodeKind[];
  readonly #validateUtf8: boolean;
  readonly #batchRows: number;
  #table: Table;
  #rows = 0;
  #rowsBefore = 0;
  #hasHeader = false;
  #isComplete = false;

  constructor(schema: Schema, kinds: readonly DecodeKind[], options: { readonly validateUtf8: boolean }) {
    this.#schema = schema;
    this.#kinds = kinds;
    this.#validateUtf8 = options.validateUtf8;
    this.#batchRows = batchRows(kinds);
    this.#table = new Table(kinds, this.#batchRows);
  }

  /** Whether the trailer came: the server sent everything that it had. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  get rowsDecoded(): number {
    return this.#rowsBefore + this.#rows;
  }

  /** The batches that became full. Throws UnfitValueError. */
  *push({ bytes, start, end }: CopyRegion): Generator<RecordBatch, void, undefined> {
    if (this.#rows === 0 && this.#table.sizeBytes > MAX_KEPT_BYTES) {
      this.#table = new Table(this.#kinds, this.#batchRows);
    }
    const { kernel, columns, descriptions } = this.#table;
    let at = this.#table.takeIn(bytes.subarray(start, end));
    const inputEnd = at + end - start;
    let first = this.#hasHeader ? 0 : kernel.passHeader(at);
    if (!this.#hasHeader && first === 0) throw notCopy("its signature is missing");
    this.#hasHeader = true;
    while (at < inputEnd) {
      const enough = Math.min(inputEnd, at + STEP_BYTES);
      const rows = kernel.decodeRows(
        descriptions,
        columns.length,
        at,
        enough,
        first,
        this.#rows,
        this.#batchRows,
      );
      if (this.#validateUtf8) this.#checkUtf8(rows);
      this.#rows = rows;
      // A row that is begun again begins where it did.
      if (kernel.stoppedAt.value !== at) first = 0;
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
  #settle(kernel: CopyRows): void {
    const { outcome, detail, isElement } = kernel;
    if (outcome.value === OUTCOME.done) return;
    if (outcome.value === OUTCOME.complete) {
      this.#isComplete = true;
      return;
    }
    const place = kernel.column.value;
    const column = this.#table.columns[place];
    if (outcome.value === OUTCOME.needsRoom) {
      (isElement.value === 1 ? column?.elements : column)?.makeRoom(detail.value);
      return;
    }
    const why = whyUnfit(kernel, this.#kinds[place] ?? { kind: "text" });
    throw this.#unfit(place, this.#rows, why);
  }

  #unfit(column: number, row: number, message: string): UnfitValueError {
    return new UnfitValueError(this.#schema.fields[column]?.name ?? "", this.#rowsBefore + row + 1, message);
  }

  /** Looks at the texts of the rows from `#rows` to `end`, of a server that does not. */
  #checkUtf8(end: number): void {
    for (const [place, column] of this.#table.columns.entries()) {
      for (let row = this.#rows; row < end; row++) {
        if (!column.isUtf8At(row)) {
          throw this.#unfit(
            place,
            row,
            column.elements === undefined ? NOT_UTF8 : `has an element that ${NOT_UTF8}`,
          );
        }
      }
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
  const rowBytes = kinds.reduce((sum, kind) => sum + (bytesOf(kind) || 4), 0);
  const rows = Math.floor(2 * BATCH_BYTES / Math.max(rowBytes, 1) / VECTOR_ROWS) * VECTOR_ROWS;
  return Math.max(VECTOR_ROWS, Math.min(BATCH_ROWS, rows));
}

/** The kernel with its columns and its input. */
class Table {
  readonly kernel: CopyRows;
  /** Where the columns' descriptions are. */
  readonly descriptions: number;
  readonly columns: readonly Column[];
  #input = 0;
  #inputBytes = 0;

  constructor(kinds: readonly DecodeKind[], rows: number) {
    this.kernel = startCopyRows();
    // Those of lists' elements stand behind the columns' own.
    const count = kinds.length + kinds.filter(({ kind }) => kind === "list").length;
    this.descriptions = this.kernel.memory.allocate(count * COLUMN_BYTES);
    this.kernel.memory.bytes.fill(0, this.descriptions, this.descriptions + count * COLUMN_BYTES);
    let elements = this.descriptions + kinds.length * COLUMN_BYTES;
    this.columns = kinds.map((kind, i) => {
      const column = new Column(this.kernel, layoutOf(kind), this.descriptions + i * COLUMN_BYTES, rows);
      if (kind.kind === "list") {
        column.setElements(new Column(this.kernel, layoutOf(kind.element), elements, 0));
        elements += COLUMN_BYTES;
      }
      return column;
    });
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
