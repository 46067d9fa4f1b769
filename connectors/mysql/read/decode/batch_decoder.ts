import type { RecordBatch, Schema } from "apache-arrow";
import { VECTOR_ROWS } from "../../../../contract/arrow.ts";
import { batchRows, type RowColumn, RowTable, STEP_BYTES } from "../../../../kernels/row_table.ts";
import { OUTCOME, SLACK_BYTES, startTextRows, type TextRows } from "../../../../kernels/text_rows.ts";
import { ConnectionLostError } from "../../../network/failures.ts";
import type { RowRegion } from "../../session/packet_stream.ts";
import { NOT_THE_PROTOCOL } from "../../session/server_error.ts";
import type { DecodeKind } from "../types.ts";
import { layoutOf } from "./layout.ts";
import { UnfitValueError } from "../../../unfit_value.ts";
import { NOT_UTF8, whyUnfit } from "./unfit_value.ts";

/** Decodes rows of the text protocol into record batches, by a kernel (kernels/assembly/text_rows.as). */
export class BatchDecoder {
  readonly #schema: Schema;
  readonly #kinds: readonly DecodeKind[];
  readonly #columns: readonly RowColumn[];
  readonly #batchRows: number;
  #table: RowTable<TextRows>;
  #rows = 0;
  #rowsBefore = 0;

  constructor(schema: Schema, kinds: readonly DecodeKind[]) {
    this.#schema = schema;
    this.#kinds = kinds;
    this.#columns = kinds.map(columnOf);
    this.#batchRows = batchRows(this.#columns, VECTOR_ROWS);
    this.#table = this.#newTable();
  }

  get rowsDecoded(): number {
    return this.#rowsBefore + this.#rows;
  }

  /** The batches that became full. Throws UnfitValueError, and ConnectionLostError for what is no row. */
  *push({ bytes, start, end, isFramed }: RowRegion): Generator<RecordBatch, void, undefined> {
    if (this.#rows === 0 && this.#table.isOvergrown) {
      this.#table = this.#newTable();
    }
    const { kernel, columns, descriptions } = this.#table;
    let at = this.#table.takeIn(bytes.subarray(start, end), SLACK_BYTES);
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

  #newTable(): RowTable<TextRows> {
    return new RowTable(startTextRows(), this.#columns, this.#batchRows);
  }

  #unfit(column: number, row: number, message: string): UnfitValueError {
    return new UnfitValueError(this.#schema.fields[column]?.name ?? "", this.#rowsBefore + row + 1, message);
  }

  /** Of the rows from `#rows` to `end`. */
  #checkTexts(end: number): void {
    const found = this.#table.findNotUtf8(this.#rows, end);
    if (found !== undefined) throw this.#unfit(found.column, found.row, NOT_UTF8);
  }

  #finish(): RecordBatch {
    const batch = this.#table.finish(this.#rows, this.#schema);
    this.#rowsBefore += this.#rows;
    this.#rows = 0;
    return batch;
  }
}

const columnOf = (kind: DecodeKind): RowColumn => ({ layout: layoutOf(kind) });
