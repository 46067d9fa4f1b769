import type { Session } from "../session/session.ts";
import { type TableName, textLiteral } from "../table_name.ts";

/** The columns of the primary key, in its order; none where there is no such key. */
export async function primaryKeyOf(session: Session, { database, table }: TableName): Promise<string[]> {
  const { rows } = await session.query(
    `SELECT column_name FROM information_schema.statistics
      WHERE table_schema = ${textLiteral(database)} AND table_name = ${textLiteral(table)}
        AND index_name = 'PRIMARY' ORDER BY seq_in_index`,
  );
  return rows.map(([name]) => name ?? "");
}

/** What the planner expects of a query: the product of what it expects to look at of each table. */
export async function estimateRows(session: Session, select: string): Promise<number | null> {
  const { columns, rows } = await session.query(`EXPLAIN ${select}`);
  const at = (name: string) => columns.findIndex((column) => column.name.toLowerCase() === name);
  const [selectType, expected] = [at("select_type"), at("rows")];
  const outer = rows.filter((row) => /^(?:SIMPLE|PRIMARY)$/.test(row[selectType] ?? ""));
  const product = outer.reduce((sum, row) => sum * Number(row[expected] ?? Number.NaN), 1);
  return outer.length === 0 || !Number.isFinite(product) ? null : product;
}
