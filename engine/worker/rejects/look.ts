import { REJECT_ROW_CHARS, SHOWN_REJECTS, type StreamRejects } from "../../../contract/rejects.ts";
import { quoteLiteral, type SqlSession } from "../../../contract/sql.ts";

/** What there is of a stream's rejects now; `count` is 0 and there is no reason where there are none. */
export async function lookAtRejects(
  session: SqlSession,
  stream: string,
  run: string | null,
): Promise<StreamRejects> {
  const rows = await session.rows(
    `SELECT reason, position, left("row"::VARCHAR, ${REJECT_ROW_CHARS + 1}) AS "row", run_id, attempt,
            coalesce(tries, 0) AS tries,
            epoch_ms(rejected_at) AS at, count(*) OVER () AS total
       FROM _sluice.rejects WHERE stream = ${
      quoteLiteral(stream)
    } ORDER BY rejected_at DESC, rowid LIMIT ${SHOWN_REJECTS}`,
  );
  return {
    stream,
    count: Number(rows[0]?.["total"] ?? 0),
    reason: String(rows[0]?.["reason"] ?? ""),
    run,
    changed_at: new Date().toISOString(),
    rejects: rows.map((row) => ({
      reason: String(row["reason"]),
      position: textOrNull(row["position"]),
      row: cut(textOrNull(row["row"])),
      run: String(row["run_id"]),
      attempt: Number(row["attempt"]),
      rejected_at: new Date(Number(row["at"])).toISOString(),
      tries: Number(row["tries"]),
    })),
  };
}

const textOrNull = (value: unknown): string | null => typeof value === "string" ? value : null;

/** What was kept of a masked row is JSON's null. */
function cut(text: string | null): string | null {
  if (text === null || text === "null") return null;
  const characters = [...text];
  return characters.length <= REJECT_ROW_CHARS ? text : `${characters.slice(0, REJECT_ROW_CHARS).join("")}…`;
}
