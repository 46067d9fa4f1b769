import type { RecordBatch } from "apache-arrow";
import { jsonText } from "../../../connectors/destination/json_text.ts";
import { type Column, quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { exportRows } from "../../duckdb/from/export.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { jsonMembers } from "./json_members.ts";

/** A row that a destination rejected, as it is kept. */
export interface KeptRow {
  /** A UUID: what tells it apart from every other one, as long as it is kept. */
  readonly id: string;
  readonly tries: number;
  readonly position: string;
  /** A JSON object; null where it was not kept. */
  readonly json: string | null;
}

export interface RebuiltRow {
  readonly kept: KeptRow;
  /** One row. */
  readonly batch: RecordBatch;
}

export interface RebuiltRows {
  readonly rows: readonly RebuiltRow[];
  /** Why the first of those that cannot be made again cannot; null where there are none. */
  readonly reason: string | null;
}

const ROWS_AT_ONCE = 500;
const IS_NESTED = /^(?:STRUCT|MAP|UNION)\(|\]$/;

/**
 * Makes rows of these columns of what is kept of them, in their order. A row whose values would not be just those that
 * are kept, or that has other columns, is left out.
 */
export async function rebuildRows(
  session: DuckSession,
  columns: readonly Column[],
  kept: readonly KeptRow[],
  signal: AbortSignal,
): Promise<RebuiltRows> {
  const rows: RebuiltRow[] = [];
  let reason: string | null = null;
  const leaveOut = ({ position }: KeptRow, why: string) => {
    reason ??= `${position}: ${why}: the next run of the pipeline sends its row as it is then`;
  };
  for (let first = 0; first < kept.length; first += ROWS_AT_ONCE) {
    const given: { readonly kept: KeptRow; readonly texts: readonly (string | null)[] }[] = [];
    for (const one of kept.slice(first, first + ROWS_AT_ONCE)) {
      const texts = one.json === null ? undefined : textsOf(one.json, columns);
      if (texts === undefined) leaveOut(one, "its columns are no more those of the load");
      else given.push({ kept: one, texts });
    }
    if (given.length === 0) continue;
    let at = 0;
    const { batches } = await exportRows(session, selectOf(columns, given.map(({ texts }) => texts)), {
      signal,
    });
    for await (const whole of batches) {
      for (let row = 0; row < whole.numRows; row++) {
        const batch = whole.slice(row, row + 1);
        const one = given[at++]?.kept;
        if (one === undefined) continue;
        if (jsonText(batch.data, 0) === one.json) rows.push({ kept: one, batch });
        else leaveOut(one, "its values cannot be told exactly from what is kept of them");
      }
    }
  }
  return { rows, reason };
}

/** The text of each column's value, null for NULL; undefined where the object has other columns. */
function textsOf(json: string, columns: readonly Column[]): (string | null)[] | undefined {
  const members = jsonMembers(json);
  if (members?.size !== columns.length) return undefined;
  const texts: (string | null)[] = [];
  for (const { name, type } of columns) {
    const value = members.get(name);
    if (value === undefined) return undefined;
    if (value === "null") texts.push(null);
    else if (type === "JSON") texts.push(value);
    else if (value.startsWith('"')) texts.push(String(JSON.parse(value)));
    else texts.push(IS_NESTED.test(type) ? numbersAsText(value) : value);
  }
  return texts;
}

/** DuckDB reads a number in JSON as a DOUBLE where it is no integer: as text it keeps its digits. */
const numbersAsText = (json: string): string =>
  json.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) => token.startsWith('"') ? token : `"${token}"`);

function selectOf(columns: readonly Column[], rows: readonly (readonly (string | null)[])[]): string {
  const values = rows.map((texts, at) =>
    `(${[at, ...texts.map((text) => text === null ? "NULL" : quoteLiteral(text))].join(", ")})`
  );
  const names = columns.map((_, i) => `t${i}`);
  const made = columns.map(({ name, type }, i) => `${valueOf(`t${i}`, type)} AS ${quoteIdentifier(name)}`);
  return `SELECT ${made.join(", ")} FROM (VALUES ${values.join(", ")}) AS given(n, ${
    names.join(", ")
  }) ORDER BY n`;
}

function valueOf(column: string, type: string): string {
  const text = `CAST(${column} AS VARCHAR)`;
  if (type === "BLOB") return `TRY(unhex(substr(${text}, 3)))`;
  return IS_NESTED.test(type) ? `TRY_CAST(CAST(${text} AS JSON) AS ${type})` : `TRY_CAST(${text} AS ${type})`;
}
