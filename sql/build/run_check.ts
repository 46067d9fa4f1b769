import type { SqlRow, SqlSession } from "../../contract/sql.ts";
import type { Check } from "../language/checks.ts";
import { modelTable } from "../language/model.ts";
import { rowText } from "../language/row_text.ts";

export interface CheckResult {
  /** Rows that fail; for `unique`, values that come more than once. */
  readonly failures: number;
  /** Rows of the model. */
  readonly total: number;
  /** At most SAMPLE_ROWS of the failures. */
  readonly sample: readonly SqlRow[];
}

export const SAMPLE_ROWS = 5;

/** Runs a check against the model's table. Throws SqlError where its SQL fails. */
export async function runCheck(session: SqlSession, check: Check): Promise<CheckResult> {
  const table = modelTable(check.model);
  const [counts] = await session.rows(
    `SELECT (SELECT count(*) FROM (\n${check.sql}\n)) AS failures, (SELECT count(*) FROM ${table}) AS total`,
  );
  const failures = Number(counts?.["failures"] ?? 0);
  const sample = failures === 0
    ? []
    : await session.rows(`SELECT * FROM (\n${check.sql}\n) LIMIT ${SAMPLE_ROWS}`);
  return { failures, total: Number(counts?.["total"] ?? 0), sample };
}

/** `not_null(day): 3 of 120 rows, for example day = NULL, revenue = 5`. */
export function checkMessage(check: Check, result: CheckResult): string {
  const { failures, total, sample } = result;
  if (failures === 0) return `${check.label}: no failures in ${count(total, "row")}`;
  const what = check.kind === "unique"
    ? `${count(failures, "value")} more than once in ${count(total, "row")}`
    : check.kind === "query"
    ? count(failures, "row")
    : `${failures} of ${count(total, "row")}`;
  const [first] = sample;
  return `${check.label}: ${what}${
    first === undefined ? "" : `, for example ${rowText(first, check.column)}`
  }`;
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}
