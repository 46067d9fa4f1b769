import duckdb from "@duckdb/node-bindings";
import type { Column } from "../../../contract/sql.ts";
import { type DuckType, readDuckType, typeText } from "../duck_type.ts";
import { stringBytes } from "../vector_bytes.ts";
import { readStrings } from "./row_reader.ts";
import { readValues } from "./value_reader.ts";

export interface TextTable {
  readonly columns: readonly Column[];
  /** Null is NULL. Undefined where a column is nested or holds bytes, or where they are more than the limits. */
  readonly rows: readonly (readonly (string | null)[])[] | undefined;
}

/** One call or two a cell: for a small table that takes less than a query that casts them. */
export interface TextLimits {
  readonly cells: number;
  /** Of all texts together, as DuckDB has them. */
  readonly bytes: number;
}

/** A result that is not streamed. Each text is what DuckDB casts the value to. */
export function readTexts(
  result: duckdb.Result,
  keywords: ReadonlySet<string>,
  limits: TextLimits,
): TextTable {
  const count = duckdb.column_count(result);
  const logicals = Array.from({ length: count }, (_, i) => duckdb.column_logical_type(result, i));
  const types = logicals.map(readDuckType);
  const columns = types.map((type, i) => ({
    name: duckdb.column_name(result, i),
    type: typeText(type, keywords),
  }));
  if (!types.every(hasText)) return { columns, rows: undefined };
  const rows: (string | null)[][] = [];
  let bytes = 0;
  for (let index = 0; index < duckdb.result_chunk_count(result); index++) {
    const chunk = duckdb.result_get_chunk(result, index);
    const size = duckdb.data_chunk_get_size(chunk);
    if ((rows.length + size) * count > limits.cells) return { columns, rows: undefined };
    const vectors = types.map((_, i) => duckdb.data_chunk_get_vector(chunk, i));
    for (const [i, type] of types.entries()) {
      const vector = vectors[i];
      if (vector !== undefined && isString(type)) bytes += stringBytes(vector, size);
    }
    if (bytes > limits.bytes) return { columns, rows: undefined };
    const cells = types.map((type, i) => {
      const [vector, logical] = [vectors[i], logicals[i]];
      if (vector === undefined || logical === undefined) return [];
      if (isString(type)) return readStrings(vector, size);
      const values = readValues(vector, type, logical, size);
      return values.map((value) => value === undefined ? null : duckdb.get_varchar(value));
    });
    for (let row = 0; row < size; row++) rows.push(cells.map((column) => column[row] ?? null));
  }
  return { columns, rows };
}

const isString = (type: DuckType): boolean => type.id === duckdb.Type.VARCHAR;

/** What of an ENUM has a NUL in it DuckDB's values cannot hold. */
function hasText(type: DuckType): boolean {
  if (type.kind === "enum") return !type.values.some((value) => value.includes("\0"));
  return type.kind === "decimal" || type.kind === "scalar" && !WITHOUT_TEXT.has(type.id);
}

const WITHOUT_TEXT: ReadonlySet<duckdb.Type> = new Set([
  duckdb.Type.BLOB,
  duckdb.Type.BIT,
  duckdb.Type.BIGNUM,
  duckdb.Type.SQLNULL,
  duckdb.Type.GEOMETRY,
  duckdb.Type.VARIANT,
]);
