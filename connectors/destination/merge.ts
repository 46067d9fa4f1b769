import { AppError } from "../../contract/errors.ts";
import { quoteIdentifier } from "../../contract/sql.ts";
import { castOf, columnList, type LoadPlan } from "./plan.ts";
import type { Dialect, SqlSession, SqlTarget, Stage, TargetColumn, TargetTable } from "./system.ts";

const MAX_SHOWN = 100;

/**
 * Throws `invalid` where the key is NULL in a row of the relation or comes twice: which of its rows
 * should win? Keys are compared in the types that they have in the table, and by `collations`, if any.
 */
export async function checkKeys<Column extends TargetColumn>(
  session: SqlSession<Column>,
  dialect: Dialect<Column>,
  action: string,
  plan: LoadPlan<Column>,
  relation: string,
  collations: readonly string[] = [],
): Promise<void> {
  const { key } = plan;
  const shownKey = `(${key.map(({ name }) => name).join(", ")})`;
  const hasNull = key.map(({ name }) => `${quoteIdentifier(name)} IS NULL`).join(" OR ");
  const [nulls] = await session.rows(`SELECT count(*) FROM ${relation} WHERE ${hasNull}`);
  const nullCount = Number(nulls?.[0]);
  if (nullCount > 0) {
    throw new AppError(
      "invalid",
      `${action}: the key ${shownKey} is NULL in ${nullCount} of the rows`,
    );
  }
  const list = key.map(({ name }, at) => {
    const collation = collations[at];
    return quoteIdentifier(name) + (collation === undefined ? "" : ` COLLATE ${quoteIdentifier(collation)}`);
  }).join(", ");
  const casts = key.map((column) => `${castOf(dialect, column)} AS ${quoteIdentifier(column.name)}`).join(
    ", ",
  );
  const texts = key.map(({ name }) => dialect.textOf(quoteIdentifier(name))).join(", ");
  const [twice] = await session.rows(
    `SELECT count(*), ${texts} FROM (SELECT ${casts} FROM ${relation}) AS k GROUP BY ${list} HAVING count(*) > 1 LIMIT 1`,
  );
  if (twice === undefined) return;
  const [count, ...values] = twice;
  throw keyTwice(action, shownKey, values, Number(count));
}

function keyTwice(
  action: string,
  shownKey: string,
  values: readonly (string | null)[],
  count: number,
): AppError {
  const shown = `(${values.map((value) => value?.slice(0, MAX_SHOWN)).join(", ")})`;
  return new AppError(
    "invalid",
    `${action}: the key ${shownKey} = ${shown} comes ${count} times in the rows, and primary_key says that each comes once`,
  );
}

export interface Merge<Column extends TargetColumn> {
  readonly target: SqlTarget<Column>;
  readonly dialect: Dialect<Column>;
  readonly table: TargetTable<Column>;
  readonly plan: LoadPlan<Column>;
  /** How many are staged. */
  readonly rows: number;
  /** Whether loads made the table, so that it may keep what they put on it. */
  readonly isOurs: boolean;
}

/** `taken`: how many of the staged rows the table holds now. */
interface Merged {
  readonly inserted: number;
  readonly updated: number;
  readonly taken: number;
}

/** Updates the rows whose key is there and inserts the others; columns that the rows lack keep their values. */
export async function mergeRows<Column extends TargetColumn>(merge: Merge<Column>): Promise<Merged> {
  const { target: { name, session }, dialect, plan } = merge;
  const key = plan.key.map((column) => column.name);
  if (plan.hasUniqueKey) return dialect.lacksUpsert ? await updateAndInsert(merge) : await upsert(merge);
  await lockForMerge(merge);
  await refuseKeyTwiceInTable(merge);
  const addKey = dialect.addKey(name, key, { mode: "merge", isNew: false });
  if (addKey.length === 0) return await updateAndInsert(merge);
  for (const statement of addKey) await session.run(statement);
  const merged = await upsert(merge);
  const dropKey = merge.isOurs ? undefined : dialect.dropKey?.(name);
  if (dropKey !== undefined) await session.run(dropKey);
  return merged;
}

async function upsert<Column extends TargetColumn>(merge: Merge<Column>): Promise<Merged> {
  const { target: { action, catalogue, name, session }, dialect, table, plan, rows } = merge;
  const collations = await catalogue.collations?.(plan.key.map(({ name }) => name));
  if (collations !== undefined) {
    await checkKeys(session, dialect, action, plan, dialect.stage.relation, collations);
  }
  const others = plan.columns.filter((column) => !plan.key.includes(column)).map(({ name }) =>
    quoteIdentifier(name)
  );
  const update = others.length === 0
    ? "NOTHING"
    : `UPDATE SET ${others.map((column) => `${column} = excluded.${column}`).join(", ")}`;
  const casts = plan.columns.map((column) => castOf(dialect, column)).join(", ");
  const statement = `${dialect.insertInto} ${name.quoted} (${columnList(plan.columns)})${dialect.overriding}
     SELECT ${casts} FROM ${dialect.stage.relation} WHERE true
     ON CONFLICT (${columnList(plan.key)}) DO ${update}`;
  const counting = dialect.countingUpsert?.(statement, table);
  if (counting !== undefined) {
    const [counts] = await session.rows(counting);
    const [inserted, updated] = [Number(counts?.[0]), Number(counts?.[1])];
    return { inserted, updated, taken: others.length === 0 ? rows : inserted + updated };
  }
  const known = await countMatches(merge);
  const changed = await session.run(statement);
  const updated = others.length === 0 ? 0 : known;
  return { inserted: rows - known, updated, taken: others.length === 0 ? changed + known : changed };
}

/** For tables without a unique index on the key, and systems without ON CONFLICT. */
async function updateAndInsert<Column extends TargetColumn>(merge: Merge<Column>): Promise<Merged> {
  const { target: { name, session }, dialect, table, plan } = merge;
  const others = plan.columns.filter((column) => !plan.key.includes(column)).map(({ name }) =>
    quoteIdentifier(name)
  );
  const staged = stagedAs(merge);
  const known = await countMatches(merge);
  let updated = 0;
  if (others.length > 0) {
    const setOf = (row: string) => others.map((column) => `${row}${column} = s.${column}`).join(", ");
    updated = await session.run(
      dialect.updateFrom?.(table.only, setOf("t."), staged, matches(plan)) ??
        `UPDATE ${table.only} AS t SET ${setOf("")} FROM ${staged} WHERE ${matches(plan)}`,
    );
  }
  const inserted = await session.run(
    `${dialect.insertInto} ${name.quoted} (${columnList(plan.columns)})${dialect.overriding}
     SELECT ${columnList(plan.columns)} FROM ${staged}
      WHERE NOT EXISTS (SELECT 1 FROM ${table.only} AS t WHERE ${matches(plan)})`,
  );
  return { inserted, updated, taken: inserted + (others.length > 0 ? updated : known) };
}

async function countMatches<Column extends TargetColumn>(merge: Merge<Column>): Promise<number> {
  const { target: { session }, table, plan } = merge;
  const [found] = await session.rows(
    `SELECT count(*) FROM ${stagedAs(merge)}
      WHERE EXISTS (SELECT 1 FROM ${table.only} AS t WHERE ${matches(plan)})`,
  );
  return Number(found?.[0]);
}

/** Without a unique index nothing keeps a writer beside us from inserting the same key. */
async function lockForMerge<Column extends TargetColumn>(merge: Merge<Column>): Promise<void> {
  const { target: { session }, dialect, table } = merge;
  const lock = dialect.lockTable?.(table.only);
  if (lock !== undefined) await session.run(lock);
  if (dialect.stage.analyze !== undefined) await session.run(dialect.stage.analyze);
}

/** Throws `conflict` where one of the staged keys comes twice in the table; `condition` is on its rows `t`. */
export async function refuseKeyTwiceInTable<Column extends TargetColumn>(
  merge: Merge<Column>,
  condition = "true",
): Promise<void> {
  const { target: { session, action }, dialect, table, plan } = merge;
  const keys = plan.key.map((column) => `t.${quoteIdentifier(column.name)}`).join(", ");
  const texts = plan.key.map((column) => dialect.textOf(`t.${quoteIdentifier(column.name)}`)).join(", ");
  const [twice] = await session.rows(
    `SELECT ${texts} FROM ${table.only} AS t JOIN ${stagedAs(merge)} ON ${matches(plan)}
      WHERE ${condition}
      GROUP BY ${keys} HAVING count(*) > 1 LIMIT 1`,
  );
  if (twice === undefined) return;
  const shown = `(${twice.map((value) => value?.slice(0, MAX_SHOWN)).join(", ")})`;
  const names = plan.key.map((column) => column.name).join(", ");
  throw new AppError(
    "conflict",
    `${action}: it has rows with the same ${names}, as ${shown}; remove them, or replace it`,
  );
}

/** The staged rows in the types of the table, as `s`, for FROM. */
export function stagedAs<Column extends TargetColumn>({ dialect, plan }: Merge<Column>): string {
  const casts = plan.columns.map((column) => `${castOf(dialect, column)} AS ${quoteIdentifier(column.name)}`);
  return `(SELECT ${casts.join(", ")} FROM ${dialect.stage.relation}) AS s`;
}

/** The staged rows of the key that the row `t` of the table has, as a SELECT. */
export function rowsMatching<Column extends TargetColumn>(
  dialect: Dialect<Column>,
  plan: LoadPlan<Column>,
  { relation }: Pick<Stage, "relation"> = dialect.stage,
): string {
  const casts = plan.key.map((column) => `${castOf(dialect, column)} AS ${quoteIdentifier(column.name)}`);
  return `SELECT 1 FROM (SELECT ${casts.join(", ")} FROM ${relation}) AS s WHERE ${matches(plan)}`;
}

const matches = (plan: LoadPlan<TargetColumn>): string =>
  plan.key.map(({ name }) => `t.${quoteIdentifier(name)} = s.${quoteIdentifier(name)}`).join(" AND ");
