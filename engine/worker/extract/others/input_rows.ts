import type { InputBatch } from "../../../../contract/connector/source.ts";
import { AppError } from "../../../../contract/errors.ts";
import { exportRows } from "../../../duckdb/from/export.ts";
import { rawTable, tableColumns } from "../../../warehouse/raw_table.ts";
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
    const columns = await tableColumns(session, "raw", stream);
    if (columns.length === 0) {
      throw new AppError(
        "invalid",
        `Cannot read the input ${stream}: it has no table yet; let it run before, or in the same run`,
      );
    }
    const { batches } = await exportRows(session, `SELECT * FROM ${rawTable(stream)}`, { batchRows, signal });
    for await (const batch of batches) yield { stream, batch };
  }
}
