import { quoteIdentifier, type SqlSession } from "../../contract/sql.ts";
import { castTo, isChangedByCast, NESTED_TYPE } from "../duckdb/exact_cast.ts";

/**
 * Rule 6 where a column's type changes between two reads of a stream: the narrowest type that holds
 * each value of both sides, proved value by value. A type that was guessed from one file is no promise
 * about the next.
 */

/** A column of a table that holds values. */
export interface TypedColumn {
  /** The quoted table. */
  readonly table: string;
  /** The column's own name. */
  readonly name: string;
  readonly type: string;
}

const NUMBER = /^(?:U?(?:TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|FLOAT|DOUBLE|DECIMAL\(\d+,\d+\))$/;
/** Without a zone: an instant and a wall clock's time are never the same value. */
const CALENDAR = /^(?:DATE|TIMESTAMP(?:_S|_MS|_NS)?)$/;

/**
 * The type that holds every value of both columns exactly, or undefined where there is none. `isOrdered`:
 * the values must sort as before, so that numbers and times do not become text.
 */
export async function typeOfBoth(
  session: SqlSession,
  held: TypedColumn,
  given: TypedColumn,
  { isOrdered }: { readonly isOrdered: boolean },
): Promise<string | undefined> {
  if (held.type === given.type) return held.type;
  for (const type of await candidates(session, held.type, given.type, isOrdered)) {
    if (await survives(session, held, type) && await survives(session, given, type)) return type;
  }
  return undefined;
}

/** Whether the column has a value at all. */
export async function hasValues(session: SqlSession, { table, name }: TypedColumn): Promise<boolean> {
  const [row] = await session.rows(
    `SELECT EXISTS (FROM ${table} WHERE ${quoteIdentifier(name)} IS NOT NULL) AS has`,
  );
  return row?.["has"] === true;
}

/** Gives the column another type, which holds its values. */
export async function changeType(session: SqlSession, column: TypedColumn, type: string): Promise<void> {
  if (column.type === type) return;
  const name = quoteIdentifier(column.name);
  await session.run(
    `ALTER TABLE ${column.table} ALTER COLUMN ${name} SET DATA TYPE ${type} USING ${
      castTo(name, column.type, type)
    }`,
  );
}

async function candidates(
  session: SqlSession,
  held: string,
  given: string,
  isOrdered: boolean,
): Promise<string[]> {
  const isBoth = (kind: RegExp) => kind.test(held) && kind.test(given);
  const text = isOrdered && held !== "VARCHAR" ? [] : ["VARCHAR"];
  if (!isBoth(NUMBER) && !isBoth(CALENDAR) && !isBoth(NESTED_TYPE)) {
    return held === "BLOB" || given === "BLOB" ? [] : text;
  }
  const common = await commonType(session, held, given);
  const types = [
    ...(common === undefined ? [] : [common]),
    ...(isBoth(NUMBER) ? ["HUGEINT", "DOUBLE"] : []),
    ...text,
  ];
  return [...new Set(types)];
}

/** The type that DuckDB would give a UNION of both; undefined where there is none. */
async function commonType(session: SqlSession, one: string, other: string): Promise<string | undefined> {
  try {
    const [column] = await session.describe(
      `SELECT CAST(NULL AS ${one}) AS x UNION ALL SELECT CAST(NULL AS ${other})`,
    );
    return column?.type;
  } catch {
    return undefined;
  }
}

/** Whether each value is the same again when it comes back from the type. */
async function survives(session: SqlSession, column: TypedColumn, type: string): Promise<boolean> {
  if (column.type === type) return true;
  const isChanged = isChangedByCast(quoteIdentifier(column.name), column.type, type);
  try {
    const [row] = await session.rows(`SELECT EXISTS (FROM ${column.table} WHERE ${isChanged}) AS lost`);
    return row?.["lost"] === false;
  } catch {
    // There is no such cast at all.
    return false;
  }
}
