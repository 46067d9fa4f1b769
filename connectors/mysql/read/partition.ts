import type { Part } from "../../../contract/connector/source.ts";
import type { Session } from "../session/session.ts";
import {
  isNullCondition,
  type OrderedColumn,
  orderedColumn,
  PART_COLUMN,
  type PartBounds,
} from "./bounds.ts";
import { type ReadPlan, whereClause } from "./plan.ts";

/**
 * Parts of about `rows` rows by ranges of a column's values, and one for the rows without a value. The
 * bounds are values that are there, each found from the last one on by a look along the column's order
 * (with an index one pass in all): ranges of equal width would be as uneven as the values are. Rows
 * with the same value are in the same part.
 */
export async function partitionStream(
  session: Session,
  plan: ReadPlan,
  by: { readonly column: string; readonly rows: number },
): Promise<readonly Part[]> {
  const ordered = orderedColumn(plan, by.column, PART_COLUMN);
  const bounds = await findBounds(session, plan, ordered, Math.max(1, Math.floor(by.rows)));
  const parts = bounds.map((to, i): PartBounds => ({
    column: by.column,
    after: bounds[i - 1] ?? null,
    to,
  }));
  // A stream without rows is one part without rows, so that its columns are known.
  if (parts.length === 0 || await hasNulls(session, plan, ordered)) {
    parts.push({ column: by.column, after: null, to: null });
  }
  return parts.map((part) => ({
    id: part.to === null ? "null" : `${part.after ?? ""}..${part.to}`,
    bounds: { ...part },
  }));
}

async function findBounds(
  session: Session,
  plan: ReadPlan,
  { expression, literal }: OrderedColumn,
  rows: number,
): Promise<string[]> {
  const bounds: string[] = [];
  const look = async (order: string) => {
    const after = bounds.at(-1);
    const beyond = after === undefined
      ? `NOT (${isNullCondition(expression)})`
      : `${expression} > ${literal(after)}`;
    const { rows: [row] } = await session.query(
      `SELECT ${expression} FROM ${plan.relation}${
        whereClause([plan.condition, beyond])
      } ORDER BY ${expression} ${order}`,
    );
    const bound = row?.[0] ?? undefined;
    if (bound !== undefined) bounds.push(bound);
    return bound !== undefined;
  };
  while (await look(`LIMIT 1 OFFSET ${rows - 1}`));
  await look("DESC LIMIT 1");
  return bounds;
}

async function hasNulls(session: Session, plan: ReadPlan, { expression }: OrderedColumn): Promise<boolean> {
  const conditions = whereClause([plan.condition, `(${isNullCondition(expression)})`]);
  const { rows } = await session.query(`SELECT 1 FROM ${plan.relation}${conditions} LIMIT 1`);
  return rows.length > 0;
}
