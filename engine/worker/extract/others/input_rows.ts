import { Schema } from "apache-arrow";
import type { InputBatch } from "../../../../contract/connector/source.ts";
import { AppError } from "../../../../contract/errors.ts";
import { type ExportedRows, type ExportOptions, exportRows } from "../../../duckdb/from/export.ts";
import { hasColumns, rawTable, tableColumns } from "../../../warehouse/raw_table.ts";
import type { DuckSession } from "../../../duckdb/session.ts";
import type { SessionLease } from "../../session_pool.ts";

/**
 * The rows of stored streams for a script that is given them: see StreamRequest.inputRows. They come over a session of their
 * own, since that of the step takes what the script makes of them meanwhile.
 */
export async function* inputRows(
  lease: () => Promise<SessionLease>,
  streams: readonly string[],
  batchRows: number,
  signal: AbortSignal,
): AsyncGenerator<InputBatch, void, undefined> {
  await using held = await lease();
  const { session } = held;
  for (const stream of streams) {
    const { batches } = await inputOf(session, stream, { batchRows, signal });
    for await (const batch of batches) yield { stream, batch };
  }
}

/** The columns of stored streams, also of those without rows: see StreamRequest.inputSchemas. */
export async function inputSchemas(
  lease: () => Promise<SessionLease>,
  streams: readonly string[],
): Promise<readonly Schema[]> {
  await using held = await lease();
  const schemas: Schema[] = [];
  for (const stream of streams) {
    const { schema } = await inputOf(held.session, stream, {});
    schemas.push(await hasColumns(held.session, stream) ? schema : new Schema());
  }
  return schemas;
}

async function inputOf(session: DuckSession, stream: string, options: ExportOptions): Promise<ExportedRows> {
  const columns = await tableColumns(session, "raw", stream);
  if (columns.length === 0) {
    throw new AppError(
      "invalid",
      `Cannot read the input ${stream}: it has no table yet; let it run before, or in the same run`,
    );
  }
  return await exportRows(session, `SELECT * FROM ${rawTable(stream)}`, options);
}
