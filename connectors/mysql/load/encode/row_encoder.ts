import type { Data, RecordBatch } from "apache-arrow";
import { LoadDataCells, ValuesCells } from "./cells.ts";
import type { ColumnEncoder } from "./column_encoder.ts";
import { UnfitValueError } from "./fit.ts";

/** A column of the rows as it is written. */
export interface RowColumn {
  readonly encoder: ColumnEncoder;
  /** Whether the table's column takes NULL, and as NULL. */
  readonly takesNull: boolean;
}

/** A value that a column does not take. `column` counts from 0, `row` from 1 within all rows. */
export class UnfitRowError extends Error {
  override readonly name = "UnfitRowError";
  readonly column: number;
  readonly row: number;
  /** Undefined for NULL. */
  readonly shown: string | undefined;

  constructor(column: number, row: number, shown: string | undefined, cause?: unknown) {
    super("a value does not fit", { cause });
    this.column = column;
    this.row = row;
    this.shown = shown;
  }
}

/** So much is sent at a time. */
const CHUNK_BYTES = 256 * 1024;

/** Writes record batches as rows of LOAD DATA or of INSERTs. */
export class RowEncoder {
  readonly #columns: readonly RowColumn[];
  #rows = 0;
  #sizeBytes = 0;

  constructor(columns: readonly RowColumn[]) {
    this.#columns = columns;
  }

  get rows(): number {
    return this.#rows;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** The lines of LOAD DATA; a chunk is valid until the next is asked for. Throws UnfitRowError. */
  async *lines(batches: AsyncIterable<RecordBatch>): AsyncGenerator<Uint8Array, void, undefined> {
    const cells = new LoadDataCells();
    for await (const batch of batches) {
      const put = this.#binder(batch);
      for (let row = 0; row < batch.numRows; row++) {
        put(row, cells);
        if (cells.length < CHUNK_BYTES) continue;
        yield this.#count(cells.view());
        cells.clear();
      }
    }
    if (cells.length > 0) yield this.#count(cells.view());
  }

  /**
   * Lists for VALUES, each of at most `maxBytes` but for a single row that is larger, with the number of
   * the first of its rows; a list is valid until the next is asked for. Throws UnfitRowError.
   */
  async *values(
    batches: AsyncIterable<RecordBatch>,
    maxBytes: number,
  ): AsyncGenerator<{ readonly bytes: Uint8Array; readonly first: number }, void, undefined> {
    const cells = new ValuesCells();
    let first = 1;
    for await (const batch of batches) {
      const put = this.#binder(batch);
      for (let row = 0; row < batch.numRows; row++) {
        const before = cells.length;
        put(row, cells);
        if (cells.length <= maxBytes || before === 0) continue;
        // The row that is too much for this list begins the next.
        yield { bytes: this.#count(cells.view(before)), first };
        first = this.#rows;
        cells.keepFrom(before);
      }
    }
    if (cells.length > 0) yield { bytes: this.#count(cells.view()), first };
  }

  #count(bytes: Uint8Array): Uint8Array {
    this.#sizeBytes += bytes.length;
    return bytes;
  }

  /** What writes a row of the batch. */
  #binder(batch: RecordBatch): (row: number, cells: LoadDataCells | ValuesCells) => void {
    const data: readonly Data[] = batch.data.children;
    const puts = this.#columns.map(({ encoder }, i) => {
      const column = data[i];
      if (column === undefined) throw new TypeError("A batch lacks a column");
      return { put: encoder.bind(column), data: column, isNull: nullTest(column) };
    });
    return (row, cells) => {
      let c = 0;
      try {
        for (; c < puts.length; c++) {
          const column = puts[c];
          if (column === undefined) continue;
          if (column.isNull?.(row)) {
            if (!this.#columns[c]?.takesNull) throw new UnfitRowError(c, this.#rows + 1, undefined);
            cells.null();
          } else column.put(row, cells);
          cells.endField();
        }
      } catch (error) {
        if (!(error instanceof UnfitValueError)) throw error;
        const column = puts[c];
        const shown = column && this.#columns[c]?.encoder.show(column.data, row);
        throw new UnfitRowError(c, this.#rows + 1, shown ?? "", error);
      }
      cells.endRow();
      this.#rows++;
    };
  }
}

/** Tells NULLs by the validity bitmap; undefined where there are none. */
function nullTest(data: Data): ((row: number) => boolean) | undefined {
  if (data.nullCount === 0) return undefined;
  const { nullBitmap } = data;
  return nullBitmap === undefined || nullBitmap === null || nullBitmap.length === 0
    ? () => true
    : (row) => !data.getValid(row);
}
