import { type FailedRows, KEPT_ROWS } from "../../../contract/checks/failed_rows.ts";
import type { SqlSession } from "../../../contract/sql.ts";

/**
 * Rows that failed a check, in `_sluice.failed_rows`: some of each check, so that they can be looked at when the model
 * that had them is undone.
 */

export interface KeptOfCheck {
  readonly runId: string;
  /** The check's step. */
  readonly step: string;
  readonly failures: number;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** In place of what an earlier attempt of the run has kept of the check. */
export async function keepFailedRows(
  session: SqlSession,
  { runId, step, failures, columns, rows }: KeptOfCheck,
): Promise<void> {
  await session.run("DELETE FROM _sluice.failed_rows WHERE run_id = ? AND step = ?", [runId, step]);
  if (rows.length === 0) return;
  const texts = rows.map((row) =>
    JSON.stringify(Object.fromEntries(columns.map((name, i) => [name, row[i] ?? null])))
  );
  const values = texts.map((_, index) => `(${index}, $${index + 5})`);
  await session.run(
    `INSERT INTO _sluice.failed_rows
     SELECT $1, $2, given.place, $3::JSON, given."row"::JSON, $4, now()
       FROM (VALUES ${values.join(", ")}) AS given(place, "row")`,
    [runId, step, JSON.stringify(columns), failures, ...texts],
  );
}

/** What is kept of a check's run; undefined for nothing. */
export async function readFailedRows(
  session: SqlSession,
  runId: string,
  step: string,
): Promise<FailedRows | undefined> {
  const found = await session.rows(
    `SELECT "row"::VARCHAR AS "row", columns::VARCHAR AS columns, failures, epoch_ms(kept_at) AS kept_ms FROM _sluice.failed_rows
     WHERE run_id = ? AND step = ? ORDER BY place LIMIT ${KEPT_ROWS}`,
    [runId, step],
  );
  const [first] = found;
  if (first === undefined) return undefined;
  const rows = found.map(({ row }): Record<string, string | null> => JSON.parse(String(row)));
  // The order of a JSON object's keys is not theirs.
  const columns: string[] = JSON.parse(String(first["columns"]));
  return {
    run: runId,
    check: step,
    failures: Number(first["failures"]),
    columns,
    rows: rows.map((row) => columns.map((name) => row[name] ?? null)),
    kept_at: new Date(Number(first["kept_ms"])).toISOString(),
  };
}

const KEPT_DAYS = 90;

/** Removes those that are older than a run's history is of use. */
export async function forgetOldFailedRows(session: SqlSession): Promise<void> {
  await session.run(`DELETE FROM _sluice.failed_rows WHERE kept_at < now() - INTERVAL ${KEPT_DAYS} DAY`);
}
