import { type Data, makeData, RecordBatch, Schema, Struct } from "apache-arrow";
import type { Cursor, StreamRequest } from "../../../contract/connector.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteIdentifier } from "../../../contract/sql.ts";
import { builderOf, type ColumnBuilder, integerOf, MisfitError } from "./column_builder.ts";
import { type ColumnType, fieldOf, typeOfClasses, typeOfDeclared } from "./column_type.ts";
import type { SqliteDatabase, SqliteRow, SqliteValue } from "../driver.ts";
import { formatDate, parseDate } from "../iso_time.ts";
import { cursorCondition, isAtCursor } from "../../cursor.ts";
import type { SqliteStream } from "../options.ts";

const BATCH_ROWS = 16_384;
/** Rows are read without a wait; the event loop gets its turn this often. */
const SLICE_MS = 8;
const SLICE_ROWS = 512;

interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** The type comes from the user's options. */
  readonly isGiven: boolean;
}

interface Plan {
  /** `"orders"` or `(SELECT …)`. */
  readonly relation: string;
  readonly shown: string;
  readonly columns: readonly Column[];
  readonly schema: Schema;
}

/** The stream's columns. Throws `not_found` for a table that is not there, `invalid` for mixed values. */
export function planStream(database: SqliteDatabase, stream: SqliteStream): Plan {
  const { relation, shown } = relationOf(database, stream);
  const { options } = stream;
  const results = database.columns(`SELECT * FROM ${relation}`);
  const given = new Map(
    Object.entries(options.columns).map(([name, type]) => [name.toLowerCase(), { name, type }]),
  );
  const columns = results.map(({ name, declaredType }) => {
    const own = given.get(name.toLowerCase());
    given.delete(name.toLowerCase());
    const type = typeOfDeclared(own?.type ?? declaredType);
    if (own !== undefined && type === undefined) {
      throw new AppError(
        "invalid",
        `Cannot read ${shown}: options.columns: "${own.type}" is no type known here`,
      );
    }
    return { name, isGiven: own !== undefined, type: type ?? typeOfValues(database, relation, shown, name) };
  });
  const [unused] = given.values();
  if (unused !== undefined) {
    throw new AppError(
      "invalid",
      `Cannot read ${shown}: options.columns: there is no column "${unused.name}"; the columns are ${
        results.map(({ name }) => name).join(", ")
      }`,
    );
  }
  return {
    relation,
    shown,
    columns,
    schema: new Schema(columns.map(({ name, type }) => fieldOf(name, type))),
  };
}

function relationOf(database: SqliteDatabase, stream: SqliteStream): Pick<Plan, "relation" | "shown"> {
  if (stream.query !== undefined) {
    // A line break, in case the query ends in a comment.
    return {
      relation: `(${stream.query.replace(/;\s*$/, "")}\n)`,
      shown: "the query",
    };
  }
  const names = database.all(
    "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%' ORDER BY name",
  ).map(([name]) => String(name));
  const { stream: table = "" } = stream;
  const wanted = [table, table.replace(/^main\./i, "")];
  const found = names.find((name) => wanted.includes(name)) ??
    names.find((name) => wanted.some((other) => other.toLowerCase() === name.toLowerCase()));
  if (found === undefined) {
    const known = names.filter((name) => !name.startsWith("_sluice")).slice(0, 20).join(", ");
    throw new AppError(
      "not_found",
      `Cannot read table "${table}": it does not exist; ${
        known === "" ? "there are no tables" : `there are ${known}`
      }`,
    );
  }
  return { relation: quoteIdentifier(found), shown: `table "${found}"` };
}

/** All values are looked at, whatever the cursor: the type must not depend on which rows are new. */
function typeOfValues(database: SqliteDatabase, relation: string, shown: string, name: string): ColumnType {
  const column = quoteIdentifier(name);
  const classes = new Set(
    database.all(`SELECT DISTINCT typeof(${column}) FROM ${relation}`).map(([value]) => String(value)),
  );
  const type = typeOfClasses(classes);
  if (type !== undefined) return type;
  throw new AppError(
    "invalid",
    `Cannot read ${shown}: column "${name}" has no declared type and holds ${
      [...classes].sort().join(" and ")
    } values; ` +
      `set options.columns: {${name}: TEXT}, or read it with a query that casts it`,
  );
}

/** All rows, in one read transaction. */
export async function* readStream(
  database: SqliteDatabase,
  request: StreamRequest<SqliteStream>,
  signal: AbortSignal,
): AsyncIterable<RecordBatch> {
  signal.throwIfAborted();
  database.execute("BEGIN");
  const plan = planStream(database, request.address);
  const { columns } = plan;
  const select = columns.map(valueExpression).join(", ");
  const { where, params, isWanted } = cursorFilter(plan, request.cursor);
  const builders = columns.map(({ type }) => builderOf(type, BATCH_ROWS));
  let rows = 0;
  let seen = 0;
  let hasBatch = false;
  let sliceStart = performance.now();
  for (const row of database.iterate(`SELECT ${select} FROM ${plan.relation}${where}`, ...params)) {
    seen++;
    if (isWanted === undefined || isWanted(row)) {
      appendRow(database, plan, builders, row);
      rows++;
    }
    if (rows === BATCH_ROWS) {
      hasBatch = true;
      yield finishBatch(database, plan, builders, rows);
      rows = 0;
    }
    if (seen % SLICE_ROWS === 0 && performance.now() - sliceStart > SLICE_MS) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      signal.throwIfAborted();
      sliceStart = performance.now();
    }
  }
  signal.throwIfAborted();
  if (rows > 0 || !hasBatch) yield finishBatch(database, plan, builders, rows);
}

/** Texts as bytes; where the user says that a column is text, numbers too. */
function valueExpression({ name, type, isGiven }: Column): string {
  const column = quoteIdentifier(name);
  if (type.kind === "blob" && isGiven) return `CAST(${column} AS BLOB)`;
  if (type.kind !== "text" && type.kind !== "json") return column;
  const isText = isGiven || type.kind === "json" ? "IN ('text', 'integer', 'real')" : "= 'text'";
  // A number in place of a value that is no text makes the builder refuse it.
  return `CASE WHEN typeof(${column}) ${isText} THEN CAST(CAST(${column} AS TEXT) AS BLOB) ` +
    `WHEN ${column} IS NOT NULL THEN 0 END`;
}

interface CursorFilter {
  readonly where: string;
  readonly params: readonly SqliteValue[];
  /** What SQL cannot compare exactly, as times that are written in more than one way. */
  readonly isWanted?: (row: SqliteRow) => boolean;
}

function cursorFilter(plan: Plan, cursor: Cursor | undefined): CursorFilter {
  if (cursor === undefined) return { where: "", params: [] };
  const index = plan.columns.findIndex(({ name }) => name.toLowerCase() === cursor.column.toLowerCase());
  const column = plan.columns[index];
  if (column === undefined) {
    throw new AppError(
      "invalid",
      `Cannot read ${plan.shown}: there is no column "${cursor.column}" for the cursor`,
    );
  }
  const name = quoteIdentifier(column.name);
  const filter = (column: string, value: SqliteValue): CursorFilter => ({
    where: ` WHERE ${cursorCondition(column, "?")}`,
    params: [value],
  });
  switch (column.type.kind) {
    case "integer":
      return filter(name, BigInt(cursor.value));
    case "real":
      return filter(name, Number(cursor.value));
    case "text":
    case "date":
      return filter(`${name} COLLATE BINARY`, cursor.value);
    case "timestamp":
    case "timestamptz": {
      const day = dayBefore(cursor.value);
      const coarse = day === undefined
        ? { where: "", params: [] }
        : { where: ` WHERE ${cursorCondition(name, "?")} OR ${name} LIKE '+%'`, params: [day] };
      return { ...coarse, isWanted: notBefore(index, column.type, cursor.value) };
    }
    case "time":
    case "decimal":
    case "hugeint":
      return { where: "", params: [], isWanted: notBefore(index, column.type, cursor.value) };
    default:
      throw new AppError(
        "invalid",
        `Cannot read ${plan.shown}: column "${column.name}" of type ${column.type.text} cannot be an update_key`,
      );
  }
}

/** A day before the cursor's, as zones move a time by less; undefined where texts do not sort by time. */
function dayBefore(cursor: string): string | undefined {
  const days = parseDate(cursor.slice(0, 10));
  return days === undefined ? undefined : formatDate(days - 1);
}

function notBefore(index: number, type: ColumnType, cursor: string): (row: SqliteRow) => boolean {
  const limit = integerOf(cursor, type);
  const isWanted = (value: SqliteValue) =>
    isAtCursor(value, (value) => {
      const found = integerOf(value, type);
      return found < limit ? -1 : found === limit ? 0 : 1;
    });
  return (row) => {
    try {
      return isWanted(row[index] ?? null);
    } catch (error) {
      // It is refused when it is appended, with its place.
      if (error instanceof MisfitError) return true;
      throw error;
    }
  };
}

function appendRow(
  database: SqliteDatabase,
  plan: Plan,
  builders: readonly ColumnBuilder[],
  row: SqliteRow,
): void {
  for (let i = 0; i < builders.length; i++) {
    try {
      builders[i]?.append(row[i] ?? null);
    } catch (error) {
      if (!(error instanceof MisfitError)) throw error;
      throw misfit(database, plan, plan.columns[i]);
    }
  }
}

function finishBatch(
  database: SqliteDatabase,
  plan: Plan,
  builders: readonly ColumnBuilder[],
  rows: number,
): RecordBatch {
  const children: Data[] = builders.map((builder, i) => {
    try {
      return builder.finish();
    } catch (error) {
      if (!(error instanceof MisfitError)) throw error;
      throw misfit(database, plan, plan.columns[i]);
    }
  });
  const type = new Struct(plan.schema.fields);
  return new RecordBatch(plan.schema, makeData({ type, length: rows, nullCount: 0, children }));
}

const SHOWN_CHARACTERS = 100;

/** Finds the first value of the column that does not fit, and says where and what it is. */
function misfit(database: SqliteDatabase, plan: Plan, column: Column | undefined): AppError {
  if (column === undefined) return new AppError("internal", "A row has more values than columns");
  const name = quoteIdentifier(column.name);
  const rowid = hasRowid(database, plan) ? "rowid" : "NULL";
  const shown = `substr(CAST(${name} AS TEXT), 1, ${SHOWN_CHARACTERS})`;
  const builder = builderOf(column.type, 1);
  let count = 0;
  for (
    const [value = null, storage, id, text] of database.iterate(
      `SELECT ${valueExpression(column)}, typeof(${name}), ${rowid}, ${shown} FROM ${plan.relation}`,
    )
  ) {
    count++;
    try {
      builder.append(value);
      builder.finish();
    } catch {
      const place = id === null ? `row ${count}` : `the row with rowid ${id}`;
      const isBroken = storage === "text" && column.type.kind === "text";
      const what = isBroken ? "is a text that is not UTF-8" : `is ${JSON.stringify(text)} (${storage})`;
      return new AppError(
        "invalid",
        `Cannot read ${plan.shown}: column "${column.name}" of ${place} ${what}, expected ${column.type.text}; ` +
          `correct it, or set options.columns: {${column.name}: ${isBroken ? "BLOB" : "TEXT"}}`,
      );
    }
  }
  return new AppError(
    "invalid",
    `Cannot read ${plan.shown}: a value of column "${column.name}" is not ${column.type.text}`,
  );
}

function hasRowid(database: SqliteDatabase, plan: Plan): boolean {
  if (plan.relation.startsWith("(")) return false;
  try {
    const [row] = database.all(`SELECT rowid FROM ${plan.relation} LIMIT 1`);
    return row?.[0] !== null;
  } catch {
    return false;
  }
}
