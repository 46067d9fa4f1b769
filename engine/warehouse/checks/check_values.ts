import type { SqlSession } from "../../../contract/sql.ts";
import type { PastValue } from "../../../sql/build/checks/judge.ts";

/** What checks of an unusual change have measured in each run, in `_sluice.check_values`. */

/** More are of no use: `runs` of such a check goes no further. */
const KEPT_VALUES = 100;

/** Of the runs before, newest first; only those of the same metric can be compared. */
export async function readCheckValues(
  session: SqlSession,
  step: string,
  metric: string,
  runId: string,
): Promise<PastValue[]> {
  const rows = await session.rows(
    `SELECT "value", epoch_ms(measured_at) AS at_ms FROM _sluice.check_values
     WHERE step = ? AND metric = ? AND run_id <> ? AND "value" IS NOT NULL
     ORDER BY measured_at DESC, run_id DESC LIMIT ${KEPT_VALUES}`,
    [step, metric, runId],
  );
  return rows.map((row) => ({ value: Number(row["value"]), atMs: Number(row["at_ms"]) }));
}

/** Called in the transaction of the rows that were measured. */
export async function recordCheckValue(
  session: SqlSession,
  step: string,
  metric: string,
  runId: string,
  value: number | null,
): Promise<void> {
  await session.run("INSERT OR REPLACE INTO _sluice.check_values VALUES (?, ?, ?, ?, now())", [
    step,
    metric,
    runId,
    value,
  ]);
}

/** Removes what no check compares itself with any more. */
export async function forgetOldCheckValues(session: SqlSession): Promise<void> {
  await session.run(
    `DELETE FROM _sluice.check_values WHERE rowid IN (
       SELECT rowid FROM _sluice.check_values
       QUALIFY row_number() OVER (PARTITION BY step ORDER BY measured_at DESC) > ${KEPT_VALUES}
     )`,
  );
}
