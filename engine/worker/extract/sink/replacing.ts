import { AppError } from "../../../../contract/errors.ts";
import type { StreamDefinition } from "../../../../contract/pipeline/stream.ts";
import { findColumn } from "../../../../contract/sql.ts";
import type { DuckSession } from "../../../duckdb/session.ts";
import { hasColumns, tableColumns } from "../../../warehouse/raw_table.ts";
import type { StreamState } from "../../../warehouse/stream_state.ts";

export interface ReadSubject {
  readonly name: string;
  readonly stream: StreamDefinition;
  readonly runId: string;
  readonly fullRefresh: boolean;
}

/** Whether the stream is read as a whole into a table that takes the old one's place. */
export async function isReplacing(
  session: DuckSession,
  { name, stream, runId, fullRefresh }: ReadSubject,
  { unfinished }: StreamState,
): Promise<boolean> {
  if (unfinished?.runId === runId) return unfinished.isReplacing;
  if (stream.mode === "full" || fullRefresh) return true;
  return !await hasColumns(session, name);
}

/** Throws `invalid` where the table lacks a column that the stream's keys name. */
export async function checkKeyColumns(
  session: DuckSession,
  name: string,
  stream: StreamDefinition,
  table: string,
): Promise<void> {
  const keys = [...stream.primary_key ?? [], ...[stream.update_key ?? []].flat()];
  if (keys.length === 0) return;
  const columns = await tableColumns(session, "raw", table);
  const missing = keys.find((key) => findColumn(columns, key) === undefined);
  if (missing !== undefined) {
    const known = columns.map((column) => column.name).join(", ");
    throw new AppError("invalid", `Stream "${name}" has no column "${missing}" (it has ${known})`);
  }
}
