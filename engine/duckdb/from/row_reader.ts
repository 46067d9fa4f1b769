import duckdb from "@duckdb/node-bindings";
import type { SqlRow } from "../../../contract/sql.ts";
import { type DuckType, readDuckType } from "../duck_type.ts";
import { readValues } from "./value_reader.ts";
import { stringReader, validityOf } from "../vector_bytes.ts";

type Cell = string | number | boolean | null;

/** All rows of a result that is not streamed; see SqlRow. A repeated column name gets `_1`, `_2`, … */
export function readRows(result: duckdb.Result): SqlRow[] {
  const { columns, rows } = readTable(result);
  const names = distinctNames(columns);
  return rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i] ?? null])));
}

/** The same with the cells in the order of the columns, whose names may be any. */
export interface SqlTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

export function readTable(result: duckdb.Result): SqlTable {
  const count = duckdb.column_count(result);
  const columns = Array.from({ length: count }, (_, i) => duckdb.column_name(result, i));
  const logicals = Array.from({ length: count }, (_, i) => duckdb.column_logical_type(result, i));
  const types = logicals.map(readDuckType);
  const rows: Cell[][] = [];
  // They are in memory: to fetch them one by one would take a trip to another thread for each, and one for the end.
  for (let index = 0; index < duckdb.result_chunk_count(result); index++) {
    const chunk = duckdb.result_get_chunk(result, index);
    const size = duckdb.data_chunk_get_size(chunk);
    const cells = types.map((type, i) => {
      const logical = logicals[i];
      if (logical === undefined) return [];
      return readCells(duckdb.data_chunk_get_vector(chunk, i), type, logical, size);
    });
    for (let row = 0; row < size; row++) rows.push(cells.map((column) => column[row] ?? null));
  }
  return { columns, rows };
}

function readCells(vector: duckdb.Vector, type: DuckType, logical: duckdb.LogicalType, size: number): Cell[] {
  if (type.id === duckdb.Type.VARCHAR) return readStrings(vector, size);
  const values = readValues(vector, type, logical, size);
  return values.map((value) => value === undefined ? null : toCell(value, type));
}

/** Not through DuckDB's values, whose text ends at the first NUL. */
export function readStrings(vector: duckdb.Vector, size: number): (string | null)[] {
  const isValid = validityOf(vector, size);
  const at = stringReader(vector, size);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return Array.from({ length: size }, (_, row) => isValid(row) ? decoder.decode(at(row)) : null);
}

function toCell(value: duckdb.Value, type: DuckType): Cell {
  switch (type.id) {
    case duckdb.Type.BOOLEAN:
      return duckdb.get_bool(value);
    case duckdb.Type.TINYINT:
    case duckdb.Type.SMALLINT:
    case duckdb.Type.INTEGER:
    case duckdb.Type.UTINYINT:
    case duckdb.Type.USMALLINT:
    case duckdb.Type.UINTEGER:
    case duckdb.Type.BIGINT:
      return safeNumber(duckdb.get_int64(value));
    case duckdb.Type.UBIGINT:
      return safeNumber(duckdb.get_uint64(value));
    case duckdb.Type.HUGEINT:
      return safeNumber(duckdb.get_hugeint(value));
    case duckdb.Type.UHUGEINT:
      return safeNumber(duckdb.get_uhugeint(value));
    case duckdb.Type.FLOAT:
    case duckdb.Type.DOUBLE: {
      // A FLOAT's own text: as a double, 0.1 would become 0.10000000149011612.
      const number = type.id === duckdb.Type.FLOAT
        ? Number(duckdb.get_varchar(value))
        : duckdb.get_double(value);
      return Number.isFinite(number) ? number : duckdb.get_varchar(value);
    }
    default:
      return duckdb.get_varchar(value);
  }
}

function safeNumber(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

/** The names, with `_1`, `_2`, … behind those that come again. */
export function distinctNames(names: readonly string[]): string[] {
  const taken = new Set(names);
  const seen = new Set<string>();
  return names.map((name) => {
    if (!seen.has(name)) {
      seen.add(name);
      return name;
    }
    let suffix = 1;
    while (taken.has(`${name}_${suffix}`)) suffix++;
    taken.add(`${name}_${suffix}`);
    return `${name}_${suffix}`;
  });
}
