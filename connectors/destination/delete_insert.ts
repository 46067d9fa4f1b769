import { quoteIdentifier } from "../../contract/sql.ts";
import { castOf, type LoadPlan } from "./plan.ts";
import type { Dialect, SqlTarget, TargetColumn, TargetTable } from "./system.ts";
import { checkDeleted, deleteFrom } from "./target_rows.ts";

/**
 * Deletes the table's rows of each partition that the staged rows have, and returns how many those were. A
 * partition is a combination of values, in which NULL is one like any other.
 */
export async function deletePartitions<Column extends TargetColumn>(
  target: SqlTarget<Column>,
  table: TargetTable<Column>,
  plan: LoadPlan<Column>,
): Promise<number> {
  const { session, dialect } = target;
  const lock = dialect.lockTable?.(table.only);
  if (lock !== undefined) await session.run(lock);
  if (dialect.stage.analyze !== undefined) await session.run(dialect.stage.analyze);
  const staged = partitions(dialect, plan);
  const names = plan.partition.map(({ name }) => quoteIdentifier(name));
  const isSame = names.map((name) => `t.${name} = s.${name}`).join(" AND ");
  const conditions = [`EXISTS (SELECT 1 FROM ${staged} WHERE ${isSame})`];
  const hasNull = names.map((name) => `s.${name} IS NULL`).join(" OR ");
  const nulls = await session.rows(`SELECT 1 FROM ${staged} WHERE ${hasNull} LIMIT 1`);
  if (nulls.length > 0) {
    // Apart, since only a plain comparison is looked up by a hash or an index.
    const isSameOrNull = names.map((name) =>
      `(t.${name} = s.${name} OR t.${name} IS NULL AND s.${name} IS NULL)`
    );
    conditions.push(`EXISTS (SELECT 1 FROM ${staged} WHERE (${hasNull}) AND ${isSameOrNull.join(" AND ")})`);
  }
  let deleted = 0;
  for (const condition of conditions) {
    deleted += await session.run(`${deleteFrom(dialect, table)} WHERE ${condition}`);
    await checkDeleted(target, table, `SELECT 1 FROM ${table.only} AS t WHERE ${condition} LIMIT 1`);
  }
  return deleted;
}

/** The partitions of the staged rows, each once, in the types of the table. */
function partitions<Column extends TargetColumn>(dialect: Dialect<Column>, plan: LoadPlan<Column>): string {
  const columns = plan.partition.map((column) =>
    `${castOf(dialect, column)} AS ${quoteIdentifier(column.name)}`
  );
  return `(SELECT DISTINCT ${columns.join(", ")} FROM ${dialect.stage.relation}) AS s`;
}
