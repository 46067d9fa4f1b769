import { COMMITTED_KEPT_DAYS, type Step } from "../../../contract/run.ts";
import type { SqlSession } from "../../../contract/sql.ts";
import { noteInJournal } from "./journal.ts";

/**
 * Which steps are committed, by run: what an attempt has done, the next attempt of the same run does
 * not do again (rule 3).
 */

/** The steps that this run has committed, in this attempt or an earlier one. */
export async function committedSteps(session: SqlSession, runId: string): Promise<Map<string, Step>> {
  const rows = await session.rows("SELECT step, result FROM _sluice.steps WHERE run_id = ?", [runId]);
  return new Map(rows.map((row) => [String(row["step"]), JSON.parse(String(row["result"]))]));
}

/** Marks a step as done, in the transaction that does it. */
export async function recordStep(session: SqlSession, runId: string, step: Step): Promise<void> {
  await noteInJournal(session, { kind: "step", name: step.name, runId, value: step });
}

/** Removes what no attempt will ask for any more: a run is not retried that late. */
export async function forgetOldSteps(session: SqlSession): Promise<void> {
  await session.run(
    `DELETE FROM _sluice.steps WHERE committed_at < now() - INTERVAL ${COMMITTED_KEPT_DAYS} DAY`,
  );
}
