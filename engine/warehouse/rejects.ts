import type { Reject } from "../../contract/connector/source.ts";
import type { SqlSession } from "../../contract/sql.ts";

/** Rows of a source that did not fit, with their reasons, in `_sluice.rejects`. */

export interface RejectOrigin {
  readonly stream: string;
  readonly runId: string;
  readonly attempt: number;
}

/** Keeps the rows; called in the transaction of the rows that did fit. */
export async function recordRejects(
  session: SqlSession,
  { stream, runId, attempt }: RejectOrigin,
  rejects: readonly Reject[],
): Promise<void> {
  if (rejects.length === 0) return;
  const params = rejects.flatMap(({ reason, position, row }) => [reason, position, JSON.stringify(row)]);
  const values = rejects.map((_, i) => {
    const [reason, position, row] = [1, 2, 3].map((place) => `$${3 + i * 3 + place}`);
    return `($1, $2, $3, ${reason}, ${position}, ${row}, now())`;
  });
  await session.run(`INSERT INTO _sluice.rejects VALUES ${values.join(", ")}`, [
    stream,
    runId,
    attempt,
    ...params,
  ]);
}

/** How many the run has kept of the stream, in this attempt or an earlier one. */
export async function countRejects(session: SqlSession, stream: string, runId: string): Promise<number> {
  const [row] = await session.rows(
    "SELECT count(*) AS n FROM _sluice.rejects WHERE stream = ? AND run_id = ?",
    [stream, runId],
  );
  return Number(row?.["n"] ?? 0);
}

const KEEP_REJECTS_DAYS = 90;

/** Removes rejects that are older than a run's history is of use. */
export async function forgetOldRejects(session: SqlSession): Promise<void> {
  await session.run(
    `DELETE FROM _sluice.rejects WHERE rejected_at < now() - INTERVAL ${KEEP_REJECTS_DAYS} DAY`,
  );
}
