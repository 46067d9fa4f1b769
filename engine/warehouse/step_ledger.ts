import { COMMITTED_KEPT_DAYS, type Step } from "../../contract/run.ts";
import type { SqlSession } from "../../contract/sql.ts";
import { putRow } from "./put_row.ts";

/**
 * Which steps are committed, by run: what an attempt has done, the next attempt of the same run does
 * not do again (rule 3).
 */

/** The steps that this run has committed, in this attempt or an earlier one. */
export async function committedSteps(session: SqlSession, runId: string): Promise<Map<string, Step>> {
  const rows = await session.rows("SELECT step, result FROM _sluice.steps WHERE run_id = ?", [runId]);
  return new Map(rows.map((row) => [String(row["step"]), JSON.parse(String(row["result"]))]));
}

/** Marks steps of one run as done. */
export class StepLedger {
  readonly #runId: string;
  /** What may be marked already, by this attempt or an earlier one. */
  readonly #marked: Set<string>;

  /** `committed`: what earlier attempts have marked. */
  constructor(runId: string, committed: Iterable<string>) {
    this.#runId = runId;
    this.#marked = new Set(committed);
  }

  /** Called in the transaction that does the step. */
  async record(session: SqlSession, step: Step): Promise<void> {
    const isNew = !this.#marked.has(step.name);
    this.#marked.add(step.name);
    const values = { result: JSON.stringify(step), committed_at: new Date() };
    const key = { run_id: this.#runId, step: step.name };
    await putRow(session, "_sluice.steps", key, values, isNew ? false : undefined);
  }
}

/** Removes what no attempt will ask for any more: a run is not retried that late. */
export async function forgetOldSteps(session: SqlSession): Promise<void> {
  await session.run(
    `DELETE FROM _sluice.steps WHERE committed_at < now() - INTERVAL ${COMMITTED_KEPT_DAYS} DAY`,
  );
}
