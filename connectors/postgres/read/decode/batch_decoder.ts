import type { RecordBatch, Schema } from "apache-arrow";
import { type CopyRows, OUTCOME, SLACK_BYTES, startCopyRows } from "../../../../kernels/copy_rows.ts";
import { batchRows, type RowColumn, RowTable, STEP_BYTES } from "../../../../kernels/row_table.ts";
import { VECTOR_ROWS } from "../../../../contract/arrow.ts";
import type { CopyRegion } from "../../session/copy_data.ts";
import type { DecodeKind } from "../types.ts";
import { UnfitValueError } from "../../../unfit_value.ts";
import { layoutOf } from "./layout.ts";
import { NOT_UTF8, notCopy, whyUnfit } from "./unfit_value.ts";

/**
 * Decodes binary COPY into record batches, by a kernel (kernels/assembly/copy_rows.as).
 * Source: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"
 */
export class BatchDecoder {
  readonly #schema: Schema;
  readonly #kinds: readonly DecodeKind[];
  readonly #validateUtf8: boolean;
  readonly #columns: readonly RowColumn[];
  readonly #batchRows: number;
  #table: RowTable<CopyRows>;
  #rows = 0;
  #rowsBefore = 0;
  #hasHeader = false;
  #isComplete = false;

  constructor(schema: Schema, kinds: readonly DecodeKind[], options: { readonly validateUtf8: boolean }) {
    this.#schema = schema;
    this.#kinds = kinds;
    this.#validateUtf8 = options.validateUtf8;
    this.#columns = kinds.map(columnOf);
    this.#batchRows = batchRows(this.#columns, VECTOR_ROWS);
    this.#table = this.#newTable();
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
    if (this.#rows === 0 && this.#table.isOvergrown) {
      this.#table = this.#newTable();
    }
    const { kernel, columns, descriptions } = this.#table;
    let at = this.#table.takeIn(bytes.subarray(start, end), SLACK_BYTES);
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
      if (rows === this.#batchRows || this.#table.isFull(rows)) yield this.#finish();
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

  #newTable(): RowTable<CopyRows> {
    return new RowTable(startCopyRows(), this.#columns, this.#batchRows);
  }

  #unfit(column: number, row: number, message: string): UnfitValueError {
    return new UnfitValueError(this.#schema.fields[column]?.name ?? "", this.#rowsBefore + row + 1, message);
  }

  /** Looks at the texts of the rows from `#rows` to `end`, of a server that does not. */
  #checkUtf8(end: number): void {
    const found = this.#table.findNotUtf8(this.#rows, end);
    if (found === undefined) return;
    const isList = this.#columns[found.column]?.elements !== undefined;
    throw this.#unfit(found.column, found.row, isList ? `has an element that ${NOT_UTF8}` : NOT_UTF8);
  }

  #finish(): RecordBatch {
    const batch = this.#table.finish(this.#rows, this.#schema);
    this.#rowsBefore += this.#rows;
    this.#rows = 0;
    return batch;
  }
}

function columnOf(kind: DecodeKind): RowColumn {
  const layout = layoutOf(kind);
  return kind.kind === "list" ? { layout, elements: layoutOf(kind.element) } : { layout };
}
