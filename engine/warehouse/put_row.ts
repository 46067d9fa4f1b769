import { quoteIdentifier, quoteLiteral, type SqlSession } from "../../contract/sql.ts";

type Value = string | number | boolean | null | Date;
type Values = Readonly<Record<string, Value>>;

/**
 * Puts a row into a table of ours, in the place of the one that has its key. DuckDB plans INSERT OR REPLACE as a merge, which
 * takes four times as long as an INSERT or an UPDATE. Values stand in the text: to bind them takes two more round trips.
 */
export async function putRow(
  session: SqlSession,
  table: string,
  key: Values,
  values: Values,
): Promise<void> {
  const update = `UPDATE ${table} SET ${listOf(values, ", ")} WHERE ${listOf(key, " AND ")}`;
  const row = { ...key, ...values };
  const names = Object.keys(row).map(quoteIdentifier).join(", ");
  const insert = `INSERT INTO ${table} (${names}) VALUES (${Object.values(row).map(literal).join(", ")})`;
  if (await session.run(update) === 0) await session.run(insert);
}

/** Adds a row that nothing in the transaction looks at, in the order of the table's columns: it goes with the commit. */
export async function addRow(session: SqlSession, table: string, values: readonly Value[]): Promise<void> {
  await session.insertAtCommit(table, `(${values.map(literal).join(", ")})`);
}

const listOf = (columns: Values, joint: string): string =>
  Object.entries(columns).map(([name, value]) => `${quoteIdentifier(name)} = ${literal(value)}`).join(joint);

function literal(value: Value): string {
  if (typeof value === "string") return quoteLiteral(value);
  return value instanceof Date ? `TIMESTAMPTZ '${value.toISOString()}'` : String(value);
}
