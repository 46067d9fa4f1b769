import { quoteLiteral, type SqlSession } from "../../../contract/sql.ts";
import { recordRejectsOf, type RejectOrigin } from "../../warehouse/rejects.ts";

/** A row that a destination did not want. */
export interface RejectedRow {
  readonly position: string;
  readonly reason: string;
  /** A JSON object. */
  readonly row: string;
}

const ROWS_AT_ONCE = 500;

/** Keeps the rows in `_sluice.rejects`, in the place of those that the step has kept before. */
export async function keepRejectedRows(
  session: SqlSession,
  origin: RejectOrigin,
  rejected: readonly RejectedRow[],
): Promise<void> {
  await session.transaction(async () => {
    await session.run("DELETE FROM _sluice.rejects WHERE stream = ?", [origin.stream]);
    for (let at = 0; at < rejected.length; at += ROWS_AT_ONCE) {
      const values = rejected.slice(at, at + ROWS_AT_ONCE).map(({ reason, position, row }) =>
        `(${[reason, position, row].map(quoteLiteral).join(", ")})`
      );
      await recordRejectsOf(
        session,
        origin,
        `(VALUES ${values.join(", ")}) AS given(reason, position, "row")`,
      );
    }
  });
}
