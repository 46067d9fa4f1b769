import { SqlError, type SqlRow, type SqlSession } from "../../../contract/sql.ts";
import { type Check, relationOf } from "../../language/checks/check.ts";

/** What was found of a check, before anybody judges it. */
export interface Measured {
  /** Rows that fail; for `unique`, values that come more than once. */
  readonly failures: number;
  /** Rows that were looked at. */
  readonly total: number;
  /** Aggregates by their names in the check's `measure`. */
  readonly values: SqlRow;
}

/**
 * Measures checks of one table. All that look at each row by itself, and aggregates, go over the table together, once;
 * the others (what comes twice, what has no partner, queries of their author) have a query each. Throws SqlError
 * with the check's label where its SQL fails.
 */
export async function measureChecks(
  session: SqlSession,
  checks: readonly Check[],
): Promise<Map<Check, Measured>> {
  const measured = new Map<Check, Measured>();
  const together = checks.filter(isCountedInPass);
  const [first] = checks;
  if (first === undefined) return measured;
  const pass = passOf(relationOf(first.node), together);
  const row = checks.some(needsTotal) ? await firstRow(session, pass.sql, (error) => pass.blame(error)) : {};
  const total = Number(row["total"] ?? 0);
  for (const [index, check] of together.entries()) {
    const values = check.measure.by === "values"
      ? Object.fromEntries(
        Object.keys(check.measure.values("")).map((name) => [name, row[`v${index}_${name}`] ?? null]),
      )
      : {};
    measured.set(check, {
      failures: Number(row[`n${index}`] ?? 0),
      total: Number(row[`t${index}`] ?? total),
      values,
    });
  }
  for (const check of checks) {
    if (measured.has(check)) continue;
    const sql = check.measure.by === "values"
      ? check.sql
      : `SELECT count(*) AS failures FROM (\n${check.sql}\n)`;
    const found = await firstRow(session, sql, () => [check]);
    measured.set(check, { failures: Number(found["failures"] ?? 0), total, values: found });
  }
  return measured;
}

const isCountedInPass = ({ measure }: Check): boolean =>
  measure.by === "rows" || measure.by === "values" && measure.isAlone === undefined;

/** A query of its author counts by itself, but for a share of all rows. */
const needsTotal = ({ rule, thresholds }: Check): boolean =>
  rule.kind !== "query" && !(rule.kind === "change" && rule.metric !== undefined) ||
  [thresholds.errorIf, thresholds.warnIf].some((text) => text?.includes("%"));

interface Pass {
  readonly sql: string;
  /** The checks that an error may come from: what its position says, else those with SQL of their author. */
  readonly blame: (error: SqlError) => readonly Check[];
}

function passOf(relation: string, checks: readonly Check[]): Pass {
  let sql = "SELECT count(*) AS total";
  const ranges: { readonly check: Check; readonly start: number; readonly end: number }[] = [];
  for (const [index, check] of checks.entries()) {
    const start = sql.length;
    sql += columnsOf(check, index).map((column) => `, ${column}`).join("");
    ranges.push({ check, start, end: sql.length });
  }
  return {
    sql: `${sql} FROM ${relation}`,
    blame: ({ position }) => {
      const at = ranges.filter(({ start, end }) =>
        position !== undefined && position >= start && position < end
      );
      const possible = at.length > 0 ? at : ranges.filter(({ check }) => check.fragments.length > 0);
      return (possible.length > 0 ? possible : ranges).map(({ check }) => check);
    },
  };
}

function columnsOf({ measure }: Check, index: number): string[] {
  if (measure.by === "query") return [];
  const { where } = measure;
  const filter = where === undefined ? "" : ` FILTER (WHERE (\n${where}\n))`;
  const total = where === undefined ? [] : [`count(*)${filter} AS t${index}`];
  if (measure.by === "values") {
    const values = Object.entries(measure.values(filter)).map(([name, value]) =>
      `${value} AS "v${index}_${name}"`
    );
    return [...values, ...total];
  }
  const condition = where === undefined ? measure.fails : `(${measure.fails}) AND (\n${where}\n)`;
  return [`count(*) FILTER (WHERE ${condition}) AS n${index}`, ...total];
}

async function firstRow(
  session: SqlSession,
  sql: string,
  blame: (error: SqlError) => readonly Check[],
): Promise<SqlRow> {
  try {
    return (await session.rows(sql))[0] ?? {};
  } catch (error) {
    if (!(error instanceof SqlError) || error.code === "cancelled" || error.code === "timeout") throw error;
    const labels = blame(error).map(({ label }) => label);
    const which = labels.length === 1 ? labels[0] : `one of the checks ${labels.join(", ")}`;
    throw new SqlError(error.code, `${which} cannot be computed: ${error.message}`, {
      type: error.type,
      cause: error,
      ...(error.detail === undefined ? {} : { detail: error.detail }),
    });
  }
}
