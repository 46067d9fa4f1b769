import { Data, RecordBatch, type Schema, Struct } from "apache-arrow";
import { Column, COLUMN_BYTES, type ColumnKernel, type ColumnLayout } from "./column.ts";
import { KernelPiece } from "./memory.ts";

/** A batch of wide rows ends earlier than one of many, so that memory stays bounded. */
const BATCH_BYTES = 8 * 1024 * 1024;
/** Bytes of rows after which the batch's size is looked at. */
export const STEP_BYTES = 256 * 1024;
/** A kernel whose memory has grown beyond this, for a row of some hundred megabytes, is not kept. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;
/** Vectors of a batch, where the columns are not very many. */
const BATCH_VECTORS = 8;

/** One column of the rows. */
export interface RowColumn {
  readonly layout: ColumnLayout;
  /** Of a list's elements. */
  readonly elements?: ColumnLayout;
}

/**
 * As many rows as have some megabytes in their columns of fixed width: from one vector to eight. `vectorRows` is what a
 * vector holds.
 */
export function batchRows(columns: readonly RowColumn[], vectorRows: number): number {
  const rowBytes = columns.reduce((sum, { layout }) => sum + (layout.bytes || 4), 0);
  const vectors = Math.floor(2 * BATCH_BYTES / Math.max(rowBytes, 1) / vectorRows);
  return vectorRows * Math.max(1, Math.min(BATCH_VECTORS, vectors));
}

/** A kernel that decodes rows, with its columns and its input. */
export class RowTable<Kernel extends ColumnKernel> {
  readonly kernel: Kernel;
  /** Where the columns' descriptions are. */
  readonly descriptions: number;
  readonly columns: readonly Column[];
  readonly #input: KernelPiece;

  /** `rows` will be in a batch at most. */
  constructor(kernel: Kernel, columns: readonly RowColumn[], rows: number) {
    this.kernel = kernel;
    const { memory } = kernel;
    // Those of lists' elements stand behind the columns' own.
    const lists = columns.filter(({ elements }) => elements !== undefined).length;
    const size = (columns.length + lists) * COLUMN_BYTES;
    this.descriptions = memory.allocate(size);
    memory.bytes.fill(0, this.descriptions, this.descriptions + size);
    let behind = this.descriptions + columns.length * COLUMN_BYTES;
    this.columns = columns.map(({ layout, elements }, i) => {
      const column = new Column(kernel, layout, this.descriptions + i * COLUMN_BYTES, rows);
      if (elements === undefined) return column;
      column.setElements(new Column(kernel, elements, behind, 0));
      behind += COLUMN_BYTES;
      return column;
    });
    this.#input = new KernelPiece(memory);
    this.#input.reserve(2 * STEP_BYTES);
  }

  /** Whether it has grown so much that a new one should take its place between batches. */
  get isOvergrown(): boolean {
    return this.kernel.memory.bytes.length > MAX_KEPT_BYTES;
  }

  /** Copies rows into the kernel's memory, and returns their place. */
  takeIn(bytes: Uint8Array, slackBytes: number): number {
    return this.#input.put(bytes, slackBytes);
  }

  /** Whether so many rows are a batch for their size. */
  isFull(rows: number): boolean {
    return this.columns.reduce((sum, column) => sum + column.variableBytes(rows), 0) >= BATCH_BYTES;
  }

  /** Where the first of the rows from `first` to `rows` is that holds a text which is not UTF-8. */
  findNotUtf8(first: number, rows: number): { readonly column: number; readonly row: number } | undefined {
    for (const [place, column] of this.columns.entries()) {
      const row = column.findNotUtf8(first, rows);
      if (row !== undefined) return { column: place, row };
    }
    return undefined;
  }

  /** The rows as a batch of their own; the table begins again without any. */
  finish(rows: number, schema: Schema): RecordBatch {
    const children = this.columns.flatMap((column, i) => {
      const type = schema.fields[i]?.type;
      return type === undefined ? [] : [column.finish(rows, type)];
    });
    return new RecordBatch(schema, new Data(new Struct(schema.fields), 0, rows, 0, {}, children));
  }
}
