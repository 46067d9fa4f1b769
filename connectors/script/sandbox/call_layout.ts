import type { FunctionType } from "../../../contract/pipeline/function_type.ts";
import { aligned, type ColumnType } from "./batch_layout.ts";

/**
 * How the arguments of a function's calls travel to its sandbox, a row a call: the number of rows as uint32, then for each
 * column the sizes of its three buffers as uint32, then the buffers, each from a multiple of eight on. They are those of
 * Arrow: which rows hold a value (a bit each; no bytes where all do), the ends of texts and bytes as int32, the values.
 *
 * The results come back as rows of one column, see batch_layout.ts.
 */
export interface ArgumentColumn {
  readonly validity: Uint8Array;
  readonly offsets: Uint8Array;
  readonly values: Uint8Array;
}

export interface CallArguments {
  readonly rows: number;
  readonly columns: readonly ArgumentColumn[];
}

export const RESULT_COLUMN = "result";

/** How results are encoded: INTEGER, DATE and timestamps as the numbers that DuckDB has, DECIMAL without its point. */
const RESULT_KINDS: Readonly<Record<FunctionType["name"], ColumnType>> = {
  BOOLEAN: "boolean",
  INTEGER: "int64",
  BIGINT: "int64",
  HUGEINT: "int128",
  DOUBLE: "double",
  DECIMAL: "int128",
  VARCHAR: "text",
  JSON: "json",
  BLOB: "blob",
  DATE: "int64",
  TIMESTAMP: "int64",
  TIMESTAMPTZ: "int64",
};

export const resultKind = ({ name }: FunctionType): ColumnType => RESULT_KINDS[name];

/** The payload of a frame. */
export function packArguments({ rows, columns }: CallArguments): Uint8Array<ArrayBuffer> {
  const buffers = columns.flatMap(({ validity, offsets, values }) => [validity, offsets, values]);
  const head = aligned(4 * (1 + buffers.length));
  const bytes = new Uint8Array(buffers.reduce((sum, { length }) => sum + aligned(length), head));
  const sizes = new Uint32Array(bytes.buffer, 0, 1 + buffers.length);
  sizes[0] = rows;
  let at = head;
  for (const [index, buffer] of buffers.entries()) {
    sizes[1 + index] = buffer.length;
    bytes.set(buffer, at);
    at += aligned(buffer.length);
  }
  return bytes;
}

/** What packArguments made of so many columns. The payload is at the start of its buffer. */
export function unpackArguments(payload: Uint8Array, count: number): CallArguments {
  const sizes = new Uint32Array(payload.buffer, 0, 1 + 3 * count);
  let at = aligned(4 * sizes.length);
  const take = (index: number): Uint8Array => {
    const size = sizes[index] ?? 0;
    const bytes = payload.subarray(at, at + size);
    at += aligned(size);
    return bytes;
  };
  const columns = Array.from({ length: count }, (_, column): ArgumentColumn => ({
    validity: take(1 + 3 * column),
    offsets: take(2 + 3 * column),
    values: take(3 + 3 * column),
  }));
  return { rows: sizes[0] ?? 0, columns };
}
