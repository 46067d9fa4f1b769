import type { SqlSession } from "../../../contract/sql.ts";
import { noteInJournal } from "./journal.ts";

/**
 * Which window each step was last done for: a run of some steps must not move the window of the others.
 * It is written in the transaction that does the step (rule 1).
 */
export interface StepWindow {
  /** The run that did the step last; null for a step of a warehouse from before windows were kept a step. */
  readonly runId: string | null;
  /** Whether it was ever done. */
  readonly isDone: boolean;
  /** Where the window began that it was done for, epoch milliseconds; null: at the beginning. */
  readonly startMs: number | null;
  /** What came before this has reached the step, epoch milliseconds; null: nothing has. */
  readonly endMs: number | null;
}

/** By the steps' names. */
export async function readStepWindows(session: SqlSession): Promise<Map<string, StepWindow>> {
  const rows = await session.rows("SELECT step, run_id, is_done, start_ms, end_ms FROM _sluice.windows");
  const timeOf = (value: unknown) => typeof value === "number" ? value : null;
  return new Map(rows.map((row) => [String(row["step"]), {
    runId: typeof row["run_id"] === "string" ? row["run_id"] : null,
    isDone: row["is_done"] === true,
    startMs: timeOf(row["start_ms"]),
    endMs: timeOf(row["end_ms"]),
  }]));
}

/** Notes steps that have never been done, each with the time from which on rows are owed to it. */
export async function noteNewSteps(
  session: SqlSession,
  steps: ReadonlyMap<string, number | null>,
  runId: string,
): Promise<void> {
  if (steps.size === 0) return;
  const values = [...steps].flatMap(([step, owedSinceMs]) => [step, runId, owedSinceMs]);
  const rows = [...steps].map(() => "(?, ?, false, NULL, ?)");
  await session.run(`INSERT OR IGNORE INTO _sluice.windows VALUES ${rows.join(", ")}`, values);
}

/** Called in the transaction that does the step. */
export async function recordStepWindow(
  session: SqlSession,
  step: string,
  runId: string,
  { startMs, endMs }: { readonly startMs: number | null; readonly endMs: number },
): Promise<void> {
  const value = { start_ms: startMs, end_ms: endMs };
  await noteInJournal(session, { kind: "window", name: step, runId, value });
}
