import type { Part } from "../../../contract/connector/source.ts";
import type { Session } from "../session/session.ts";
import { orderedColumn, PART_COLUMN, type PartBounds } from "./bounds.ts";
import { type ReadPlan, whereClause } from "./plan.ts";

/**
 * Parts of about `rows` rows by ranges of a column's values, and one for the rows without a value. The
 * bounds are values that are there, found by one pass in the column's order (an index helps): ranges
 * of equal width would be as uneven as the values are. Rows with the same value are in the same part.
 */
export async function partitionStream(
  session: Session,
  plan: ReadPlan,
  by: { readonly column: string; readonly rows: number },
): Promise<readonly Part[]> {
  const { expression } = orderedColumn(plan, by.column, PART_COLUMN);
  const size = Math.max(1, Math.floor(by.rows));
  const found = await session.query(
    `SELECT DISTINCT ON (numbered.v) numbered.v::pg_catalog.text AS bound
       FROM (SELECT ${expression} AS v, pg_catalog.row_number() OVER (ORDER BY ${expression}) AS n,
                    pg_catalog.count(*) OVER () AS total
               FROM ${plan.relation}${whereClause([plan.condition, `${expression} IS NOT NULL`])}) AS numbered
      WHERE n % ${size} = 0 OR n = total
      ORDER BY numbered.v`,
  );
  const bounds = found.rows.map(([value]) => value ?? "");
  const parts = bounds.map((to, i): PartBounds => ({
    column: by.column,
    after: bounds[i - 1] ?? null,
    to,
  }));
  const isEmpty = parts.length === 0;
  // A stream without rows is one part without rows, so that its columns are known.
  if (isEmpty || await hasNulls(session, plan, expression)) {
    parts.push({ column: by.column, after: null, to: null });
  }
  return parts.map((part) => ({
    id: part.to === null ? "null" : `${part.after ?? ""}..${part.to}`,
    bounds: { ...part },
  }));
}

async function hasNulls(session: Session, plan: ReadPlan, expression: string): Promise<boolean> {
  const { rows } = await session.query(
    `SELECT EXISTS (SELECT FROM ${plan.relation}${whereClause([plan.condition, `${expression} IS NULL`])})`,
  );
  return rows[0]?.[0] === "t";
}
