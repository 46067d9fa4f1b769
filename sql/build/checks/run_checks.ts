import type { SqlSession } from "../../../contract/sql.ts";
import { cellSql, cutCell } from "../cell_text.ts";
import type { Check } from "../../language/checks/check.ts";
import { KEPT_CELL_CHARS, KEPT_CELLS, KEPT_ROWS } from "../../../contract/checks/failed_rows.ts";
import { hasFailingRows, judge, type PastValue, type Verdict } from "./judge.ts";
import { measureChecks, type Measured } from "./measure_checks.ts";

export interface CheckResult extends Verdict {
  readonly check: Check;
  readonly measured: Measured;
  /** Some of the rows that fail, also where a threshold lets them pass; undefined where it has none. */
  readonly kept?: KeptRows;
}

/** Rows as texts, long ones cut; null is NULL. */
export interface KeptRows {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
}

export interface RunChecksOptions {
  /** What a `change` was in the runs before, newest first. */
  readonly past?: (check: Check) => Promise<readonly PastValue[]>;
  /** What was measured already, as by a pass that was made for several. */
  readonly measured?: ReadonlyMap<Check, Measured>;
}

/** Runs checks of one table. Throws SqlError where the SQL of one fails. */
export async function runChecks(
  session: SqlSession,
  checks: readonly Check[],
  { past = () => Promise.resolve([]), measured: known }: RunChecksOptions = {},
): Promise<CheckResult[]> {
  const measured = known ?? await measureChecks(session, checks);
  const results: CheckResult[] = [];
  for (const check of checks) {
    const found = measured.get(check) ?? { failures: 0, total: 0, values: {} };
    const verdict = judge(check, found, check.rule.kind === "change" ? await past(check) : []);
    if (verdict.failures === 0 || !hasFailingRows(check)) {
      results.push({ ...verdict, check, measured: found });
      continue;
    }
    results.push({ ...verdict, check, measured: found, kept: await keptRows(session, check.sql) });
  }
  return results;
}

async function keptRows(session: SqlSession, sql: string): Promise<KeptRows> {
  const columns = await session.describe(`SELECT * FROM (\n${sql}\n)`);
  const limit = Math.min(KEPT_ROWS, Math.max(1, Math.floor(KEPT_CELLS / columns.length)));
  const cells = columns.map((column, index) => `${cellSql(column, KEPT_CELL_CHARS)} AS c${index}`);
  const found = await session.rows(
    `SELECT ${cells.join(", ")} FROM (\n${sql}\n) LIMIT ${limit}`,
  );
  return {
    columns: columns.map(({ name }) => name),
    rows: found.map((row) => columns.map((_, index) => cutCell(row[`c${index}`], KEPT_CELL_CHARS))),
  };
}
