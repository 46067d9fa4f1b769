import {
  type ChildTable,
  INDEX_COLUMN,
  outerIndexColumn,
  parentColumn,
  VALUE_COLUMN,
} from "../../../contract/pipeline/child_tables.ts";
import { AppError } from "../../../contract/errors.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import {
  type Column,
  findColumn,
  isSameName,
  quoteIdentifier,
  quoteLiteral,
  type SqlSession,
} from "../../../contract/sql.ts";

/** How the arrays of rows become rows of tables of their own. */

export interface ParentRows {
  readonly session: SqlSession;
  /** The stream, for messages. */
  readonly name: string;
  readonly stream: StreamDefinition;
  /** The quoted table whose rows have the arrays. */
  readonly table: string;
  /** Columns of it that each row of a child gets as well, as they are called. */
  readonly carried?: readonly string[];
}

/** The columns of a child table that say whose element a row is, without those of the element. */
export function keyColumnsOf(child: ChildTable, { primary_key: keys = [] }: StreamDefinition): string[] {
  return [...ownersOf(child, keys).map(({ column }) => column), INDEX_COLUMN];
}

/**
 * Makes the quoted table `placeOf(child)` of each child, with a row for each element of its array, and takes the arrays out
 * of the rows that they were in. A child whose array no row has gets its keys, and no row. What a child lies in has its
 * table already, or comes before it. Throws `invalid` for values that are no arrays, and rows without a key.
 */
export async function splitRows(
  rows: ParentRows,
  children: readonly ChildTable[],
  placeOf: (child: ChildTable) => string,
): Promise<void> {
  await refuseNullKeys(rows);
  const sourceOf = ({ within }: ChildTable) => within === undefined ? rows.table : placeOf(within);
  for (const child of children) await makeChild(rows, child, sourceOf(child), placeOf(child));
  for (const child of children) await dropArray(rows, child, sourceOf(child));
}

/** Whether the rows of the quoted table, of the stream's or of what the child lies in, still have the child's array. */
export async function hasArray(rows: ParentRows, child: ChildTable): Promise<boolean> {
  return await locate(rows, child, rows.table) !== undefined;
}

/** Where each column of a child's owner is in the source of its rows, and what it is called in the child. */
function ownersOf(
  child: ChildTable,
  keys: readonly string[],
): { readonly from: string; readonly column: string }[] {
  const { within } = child;
  if (within === undefined) return keys.map((key) => ({ from: key, column: parentColumn(key) }));
  return [
    ...ownersOf(within, keys).map(({ column }) => ({ from: column, column })),
    { from: INDEX_COLUMN, column: outerIndexColumn(within) },
  ];
}

async function refuseNullKeys({ session, name, stream, table }: ParentRows): Promise<void> {
  const keys = stream.primary_key ?? [];
  const isNull = keys.map((key) => `${quoteIdentifier(key)} IS NULL`).join(" OR ");
  const [row] = await session.rows(`SELECT count(*) AS n FROM ${table} WHERE ${isNull}`);
  if (row?.["n"] === 0) return;
  throw new AppError(
    "invalid",
    `Stream "${name}": ${row?.["n"]} rows have no value in the primary key (${keys.join(", ")}), ` +
      "by which the rows of its child tables name them",
  );
}

async function makeChild(rows: ParentRows, child: ChildTable, source: string, place: string): Promise<void> {
  const { session, name, stream, carried = [] } = rows;
  const owners = ownersOf(child, stream.primary_key ?? []);
  const kept = [...carried.map((column) => ({ from: column, column })), ...owners];
  const list = kept.map(({ from, column }) => `${quoteIdentifier(from)} AS ${quoteIdentifier(column)}`);
  const array = await locate(rows, child, source);
  if (array?.item === undefined) {
    await session.run(
      `CREATE TABLE ${place} AS SELECT ${list.join(", ")}, 0::BIGINT AS ${quoteIdentifier(INDEX_COLUMN)}
         FROM ${source} WHERE false`,
    );
    return;
  }
  const elements = `(SELECT ${list.join(", ")}, generate_subscripts(${array.value}, 1) - 1 AS ${
    quoteIdentifier(INDEX_COLUMN)
  }, unnest(${array.value}) AS element FROM ${source})`;
  const fields = await fieldsOf(session, array.item);
  const names = [...kept.map(({ column }) => column), INDEX_COLUMN];
  const taken = fields?.find((field) => names.some((own) => isSameName(own, field.name)));
  if (taken !== undefined) {
    throw new AppError(
      "invalid",
      `Stream "${name}": the elements of "${child.text}" have a field "${taken.name}", a name that child tables need`,
    );
  }
  const values =
    fields?.map((field) =>
      `struct_extract(element, ${quoteLiteral(field.name)}) AS ${quoteIdentifier(field.name)}`
    ) ?? [`element AS ${quoteIdentifier(VALUE_COLUMN)}`];
  await session.run(
    `CREATE TABLE ${place} AS SELECT ${
      [...names.map(quoteIdentifier), ...values].join(", ")
    } FROM ${elements}`,
  );
}

interface FoundArray {
  /** A list, in SQL. */
  readonly value: string;
  /** The type of its elements; undefined where nothing says it, and there is none. */
  readonly item: string | undefined;
  /** Its column and the fields on the way to it, as they are called, each with what is beside it. */
  readonly steps: readonly { readonly name: string; readonly count: number }[];
}

/** Undefined where the rows have no such column or field. Throws `invalid` for a value that is no array. */
async function locate(
  { session, name }: ParentRows,
  { text, inner }: ChildTable,
  source: string,
): Promise<FoundArray | undefined> {
  const refuse = (type: string, part: string) =>
    new AppError("invalid", `Stream "${name}": child_tables: "${text}" is no array: ${part} is ${type}`, {
      detail: "The values of some rows may be of another kind: then the column holds them as JSON.",
    });
  let columns: readonly Column[] | undefined = await session.describe(`SELECT * FROM ${source}`);
  let found: Column | undefined;
  let value = "";
  const steps: { name: string; count: number }[] = [];
  for (const part of inner) {
    if (columns === undefined) {
      if (found === undefined || !await hasValue(session, source, value)) return undefined;
      throw refuse(found.type, `"${found.name}"`);
    }
    const all: readonly Column[] = columns;
    found = findColumn(all, part);
    if (found === undefined) return undefined;
    value = steps.length === 0
      ? quoteIdentifier(found.name)
      : `struct_extract(${value}, ${quoteLiteral(found.name)})`;
    steps.push({ name: found.name, count: all.length });
    columns = await fieldsOf(session, found.type);
  }
  if (found === undefined) return undefined;
  const { type } = found;
  const list = /^(.*)\[\d*\]$/s.exec(type)?.[1];
  if (list !== undefined) return { value: `CAST(${value} AS ${list}[])`, item: list, steps };
  if (!await hasValue(session, source, value)) return { value, item: undefined, steps };
  // Arrays that are nested too deep for a type, or that nothing but their kind is common to.
  const isArray = `json_type(${value}) IN ('ARRAY', 'NULL')`;
  if (type !== "JSON" || await hasValue(session, source, value, isArray)) {
    throw refuse(type, `"${found.name}"`);
  }
  const array = `CASE WHEN json_type(${value}) = 'ARRAY' THEN ${value} END`;
  return { value: `CAST(${array} AS JSON[])`, item: "JSON", steps };
}

/** Whether a value is there for which `isNone` does not hold. */
async function hasValue(
  session: SqlSession,
  source: string,
  value: string,
  isNone = "false",
): Promise<boolean> {
  const [row] = await session.rows(
    `SELECT EXISTS (FROM ${source} WHERE ${value} IS NOT NULL AND NOT (${isNone})) AS has`,
  );
  return row?.["has"] === true;
}

/** The fields of a struct; undefined for another type. */
async function fieldsOf(session: SqlSession, type: string): Promise<readonly Column[] | undefined> {
  if (!/^STRUCT\(.*\)$/s.test(type)) return undefined;
  return await session.describe(`SELECT element.* FROM (SELECT CAST(NULL AS ${type}) AS element)`);
}

/** A struct that had nothing else goes with its array. */
async function dropArray(rows: ParentRows, child: ChildTable, source: string): Promise<void> {
  const array = await locate(rows, child, source);
  if (array === undefined) return;
  const { steps } = array;
  let depth = steps.length;
  while (depth > 1 && steps[depth - 1]?.count === 1) depth -= 1;
  const path = steps.slice(0, depth).map((step) => quoteIdentifier(step.name)).join(".");
  await rows.session.run(`ALTER TABLE ${source} DROP COLUMN ${path}`);
}
