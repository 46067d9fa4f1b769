import type { Destination } from "../../contract/connector.ts";
import type { LoadDefinition } from "../../contract/pipeline.ts";
import { copyStatement } from "../duckdb/from/copy.ts";
import { exportRows } from "../duckdb/from/export.ts";
import type { DuckSession } from "../duckdb/session.ts";

export interface LoadContext {
  readonly session: DuckSession;
  readonly runId: string;
  readonly signal: AbortSignal;
  readonly onProgress: (rows: number) => void;
}

export interface Loaded {
  readonly rows: number;
  readonly sizeBytes: number;
  /** The destination had this load already: an earlier attempt got that far. */
  readonly repeated: boolean;
}

/** Puts all rows of `relation` (a quoted table or view of the warehouse) where the load says; `target` is what its connector made of it. */
export async function loadRelation(
  context: LoadContext,
  destination: Destination,
  target: unknown,
  stepName: string,
  relation: string,
  load: LoadDefinition,
): Promise<Loaded> {
  const { session, signal } = context;
  const select = `SELECT * FROM ${relation}`;
  const [counted] = await session.rows(`SELECT count(*) AS n FROM ${relation}`);
  const { schema } = await exportRows(session, select, { signal });
  return await destination.load({
    loadId: `${context.runId}/${stepName}`,
    target,
    mode: load.mode,
    primaryKey: load.primary_key ?? [],
    input: {
      schema,
      rows: Number(counted?.["n"]),
      batches: async function* () {
        let rows = 0;
        const { batches } = await exportRows(session, select, { signal });
        for await (const batch of batches) {
          yield batch;
          rows += batch.numRows;
          context.onProgress(rows);
        }
      },
      copyTo: async (path, options) => {
        await session.run(copyStatement(select, path, options));
      },
    },
  }, signal);
}
