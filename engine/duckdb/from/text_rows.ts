import duckdb from "@duckdb/node-bindings";
import type { DuckSession } from "../session.ts";
import { readStrings } from "./row_reader.ts";

export interface TextRows {
  /** A cell a column; null is NULL. */
  readonly rows: readonly (readonly (string | null)[])[];
  /** False where rows were left out, since those before them took all the room. */
  readonly isWhole: boolean;
}

/** The rows of a query whose columns are all VARCHAR, as far as they have no more characters than `maxChars` together. */
export function readTextRows(session: DuckSession, sql: string, maxChars: number): Promise<TextRows> {
  return session.withConnection(sql, async (connection) => {
    const result = await duckdb.query(connection, sql);
    const count = duckdb.column_count(result);
    const rows: (string | null)[][] = [];
    let chars = 0;
    for (;;) {
      const chunk = await duckdb.fetch_chunk(result);
      const size = chunk === null ? 0 : duckdb.data_chunk_get_size(chunk);
      if (chunk === null || size === 0) return { rows, isWhole: true };
      const columns = Array.from(
        { length: count },
        (_, i) => readStrings(duckdb.data_chunk_get_vector(chunk, i), size),
      );
      for (let row = 0; row < size; row++) {
        const cells = columns.map((column) => column[row] ?? null);
        chars += cells.reduce((sum, cell) => sum + (cell?.length ?? 0), 0);
        if (chars > maxChars) return { rows, isWhole: false };
        rows.push(cells);
      }
    }
  });
}
