import type { SqlSession } from "../../../contract/sql.ts";

/**
 * Which batches of a model's window are committed that a run has not yet done with: the next attempt of the run
 * goes on behind them. A batch is noted in its own transaction, and they are all forgotten in that of the last.
 */
export interface ModelBatch {
  /** Epoch milliseconds; null is the beginning of time. */
  readonly startMs: number | null;
  readonly endMs: number;
  /** Whether it is in a table that will take the model's place, not in that itself. */
  readonly isAnew: boolean;
  readonly rows: number;
}

export interface KnownBatches {
  readonly runId: string;
  readonly batches: readonly ModelBatch[];
}

/** Undefined where no run left its batches of the step half done. */
export async function readModelBatches(session: SqlSession, step: string): Promise<KnownBatches | undefined> {
  const rows = await session.rows(
    `SELECT run_id, start_ms, end_ms, is_anew, "rows" FROM _sluice.model_batches WHERE step = ? ORDER BY end_ms`,
    [step],
  );
  const [first] = rows;
  if (first === undefined) return undefined;
  return {
    runId: String(first["run_id"]),
    batches: rows.map((row) => ({
      startMs: row["start_ms"] === null ? null : Number(row["start_ms"]),
      endMs: Number(row["end_ms"]),
      isAnew: row["is_anew"] === true,
      rows: Number(row["rows"]),
    })),
  };
}

/** Called in the transaction of its rows. */
export async function recordModelBatch(
  session: SqlSession,
  step: string,
  runId: string,
  { startMs, endMs, isAnew, rows }: ModelBatch,
): Promise<void> {
  await session.run("INSERT INTO _sluice.model_batches VALUES (?, ?, ?, ?, ?, ?, now())", [
    step,
    runId,
    startMs,
    endMs,
    isAnew,
    rows,
  ]);
}

export async function forgetModelBatches(session: SqlSession, step: string): Promise<void> {
  await session.run("DELETE FROM _sluice.model_batches WHERE step = ?", [step]);
}

/** The steps that some run left half done, when this one begins. */
export async function stepsInBatches(session: SqlSession): Promise<Set<string>> {
  const rows = await session.rows("SELECT DISTINCT step FROM _sluice.model_batches");
  return new Set(rows.map(({ step }) => String(step)));
}
