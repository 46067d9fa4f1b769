import type { RecordBatch } from "apache-arrow";
import { emptyBatch } from "../../../connectors/empty_batch.ts";
import type { Scan } from "../../../contract/connector/source.ts";
import { exportRows } from "../../duckdb/from/export.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { asWhole } from "./fill_table.ts";
import type { StreamShape } from "./stream_shape.ts";

const NOTHING_PUSHED_DOWN = { pushdown: { columns: false, where: false } };

/**
 * The rows that DuckDB reads from a source, in their shape: an empty batch first, none where the files tell no
 * columns. The session is taken until they have ended. Throws what the scan explains, and after the last row where a
 * file has changed meanwhile.
 */
export async function* scannedBatches(
  session: DuckSession,
  scan: Scan,
  shape: StreamShape,
  signal: AbortSignal,
): AsyncGenerator<RecordBatch> {
  if (scan.hasNoColumns) return;
  await shape.checkWhere(session);
  await using prepared = scan.parts === undefined ? await scan.prepare?.(signal) : undefined;
  const relation = prepared?.relation ?? scan.relation;
  try {
    const columns = await session.describe(`SELECT * FROM ${relation}`);
    // The key of a hash would be a parameter, which a query that is exported has none of.
    const select = shape.hasMasks ? "*" : shape.select(columns, String);
    let toShape: ((batch: RecordBatch) => RecordBatch) | undefined;
    for await (const part of scan.parts?.(signal) ?? [relation]) {
      const from = scan.parts === undefined ? part : asWhole(part, columns);
      const sql = `SELECT ${select} FROM ${from}${shape.whereClause}`;
      const { schema, batches } = await exportRows(session, sql, { signal });
      if (toShape === undefined) {
        toShape = shape.hasMasks ? shape.batches(schema, NOTHING_PUSHED_DOWN) : (batch) => batch;
        yield toShape(emptyBatch(schema));
      }
      for await (const batch of batches) yield toShape(batch);
    }
  } catch (error) {
    if (signal.aborted) throw error;
    throw await scan.explain(error);
  }
  await scan.verify();
}
