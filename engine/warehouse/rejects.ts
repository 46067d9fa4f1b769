import type { Reject } from "../../contract/connector/source.ts";
import { quoteLiteral, type SqlSession } from "../../contract/sql.ts";

/** Rows of a source that did not fit, with their reasons, in `_sluice.rejects`. */

export interface RejectOrigin {
  readonly stream: string;
  readonly runId: string;
  readonly attempt: number;
  /** The stream's contract sets them aside: they do not count for max_rejects. */
  readonly byContract?: boolean;
}

/** Keeps the rows; called in the transaction of the rows that did fit. */
export async function recordRejects(
  session: SqlSession,
  origin: RejectOrigin,
  rejects: readonly Reject[],
): Promise<void> {
  if (rejects.length === 0) return;
  const params = rejects.flatMap(({ reason, position, row }) => [reason, position, JSON.stringify(row)]);
  const values = rejects.map((_, i) => {
    const [reason, position, row] = [1, 2, 3].map((place) => `$${3 + i * 3 + place}`);
    return `(${reason}, ${position}, ${row})`;
  });
  const { stream, runId, attempt } = origin;
  await session.run(
    `INSERT INTO _sluice.rejects (id, stream, run_id, attempt, reason, position, "row", rejected_at)
     SELECT uuid(), $1, $2, $3, given.reason, given.position, given."row"::JSON, now()
       FROM (VALUES ${values.join(", ")}) AS given(reason, position, "row")`,
    [stream, runId, attempt, ...params],
  );
}

/**
 * The same for all rows of a relation with the columns `reason`, `position` and `row` (JSON as text); returns how
 * many they are.
 */
export async function recordRejectsOf(
  session: SqlSession,
  { stream, runId, attempt, byContract = false }: RejectOrigin,
  relation: string,
): Promise<number> {
  return await session.run(
    `INSERT INTO _sluice.rejects (id, stream, run_id, attempt, reason, position, "row", rejected_at, by_contract)
     SELECT uuid(), $1, $2, $3, reason, position, "row"::JSON, now(), $4 FROM ${relation}`,
    [stream, runId, attempt, byContract],
  );
}

/** Rows that have no place in their source are told apart by what they are. */
const IS_SAME = `earlier.position IS NOT DISTINCT FROM later.position
  AND (earlier.position IS NOT NULL OR earlier."row"::VARCHAR IS NOT DISTINCT FROM later."row"::VARCHAR)`;

/**
 * Forgets rejects of earlier runs that this one has judged again: all of a stream that was read as a whole, of
 * another those that it has kept once more.
 */
export async function forgetJudgedAgain(
  session: SqlSession,
  stream: string,
  runId: string,
  { isWhole }: { readonly isWhole: boolean },
): Promise<void> {
  const [of, run] = [quoteLiteral(stream), quoteLiteral(runId)];
  const again = `AND EXISTS (SELECT 1 FROM _sluice.rejects AS later
    WHERE later.stream = ${of} AND later.run_id = ${run} AND ${IS_SAME})`;
  await session.run(
    `DELETE FROM _sluice.rejects AS earlier WHERE earlier.stream = ${of} AND earlier.run_id <> ${run} ${
      isWhole ? "" : again
    }`,
  );
}

export interface RejectCounts {
  /** Those that count for max_rejects. */
  readonly counted: number;
  readonly byContract: number;
  /** Of other runs. */
  readonly earlier: number;
}

/** How many the run has kept of the stream, in this attempt or an earlier one, and how many there are beside. */
export async function countRejects(
  session: SqlSession,
  stream: string,
  runId: string,
): Promise<RejectCounts> {
  const isOwn = `run_id = ${quoteLiteral(runId)}`;
  const [row] = await session.rows(
    `SELECT count(*) FILTER (${isOwn} AND by_contract IS NOT TRUE) AS counted,
       count(*) FILTER (${isOwn} AND by_contract) AS by_contract, count(*) FILTER (NOT ${isOwn}) AS earlier
       FROM _sluice.rejects WHERE stream = ${quoteLiteral(stream)}`,
  );
  return {
    counted: Number(row?.["counted"] ?? 0),
    byContract: Number(row?.["by_contract"] ?? 0),
    earlier: Number(row?.["earlier"] ?? 0),
  };
}

const KEEP_REJECTS_DAYS = 90;

/** Removes rejects that are older than a run's history is of use. */
export async function forgetOldRejects(session: SqlSession): Promise<void> {
  await session.run(
    `DELETE FROM _sluice.rejects WHERE rejected_at < now() - INTERVAL ${KEEP_REJECTS_DAYS} DAY`,
  );
}
