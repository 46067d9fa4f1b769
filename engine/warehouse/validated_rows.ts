import { createHash } from "node:crypto";
import { childTablesOf } from "../../contract/pipeline/child_tables.ts";
import type { ConnectorDefinition } from "../../contract/connector/entry.ts";
import type { JsonValue } from "../../contract/json.ts";
import type { StreamDefinition } from "../../contract/pipeline/stream.ts";
import type { SqlSession } from "../../contract/sql.ts";
import { variableNames } from "../../sql/language/scan_sql.ts";
import { hasColumns, rawTable } from "./raw_table.ts";

/**
 * Whether the rows of a stream that is read whole may stay as they are: what its source gave with them to ask by
 * (validators, as ETags), and by which definition they were read.
 */

export interface ValidatedRows {
  readonly validators: JsonValue;
  /** Of the definition that the rows were read by. */
  readonly fingerprint: string;
  /** How many there are. */
  readonly rows: number;
}

/** Goes up where the same definition makes other rows of the same answers. */
const VERSION = 1;

/**
 * Of all that the stored rows depend on beside what the source has; of `connector` its definition, with references as they are
 * written. Undefined for a stream that no validators can speak of: one that
 * keeps rows, or whose `where` has other values in each run.
 */
export function fingerprintOf(
  stream: StreamDefinition,
  salt: string | undefined,
  connector: ConnectorDefinition | undefined,
): string | undefined {
  if (stream.mode !== "full" || variableNames(stream.where ?? "").length > 0) return undefined;
  const { description: _, tags: __, pii: ___, ...definition } = stream;
  return createHash("sha256").update(JSON.stringify([VERSION, definition, salt ?? null, connector ?? null]))
    .digest("hex");
}

/** Whether the rows are those that the validators came with: nobody has touched their tables since, as far as can be seen. */
export async function isStillThere(
  session: SqlSession,
  name: string,
  stream: StreamDefinition,
  known: ValidatedRows,
): Promise<boolean> {
  for (const table of [name, ...childTablesOf(name, stream).map((child) => child.table)]) {
    if (!await hasColumns(session, table)) return false;
  }
  return await countRows(session, name) === known.rows;
}

/** Rows of `raw.<stream>`. */
export async function countRows(session: SqlSession, name: string): Promise<number> {
  const [row] = await session.rows(`SELECT count(*) AS n FROM ${rawTable(name)}`);
  return Number(row?.["n"] ?? 0);
}
