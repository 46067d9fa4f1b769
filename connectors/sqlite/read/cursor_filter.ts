import type { StreamRequest, Until } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteIdentifier } from "../../../contract/sql.ts";
import { isInWindow, windowCondition } from "../../cursor.ts";
import type { SqliteReader, SqliteRow, SqliteValue } from "../database.ts";
import { formatDate, MAX_INT64, parseDate } from "../iso_time.ts";
import { MisfitError } from "./column_builder.ts";
import type { ColumnType } from "./column_type.ts";
import type { Column, Plan } from "./plan.ts";
import { integerOf } from "./whole_number.ts";

export interface CursorFilter {
  /** A condition in SQL; undefined where SQL cannot tell. */
  readonly where: string | undefined;
  readonly params: readonly SqliteValue[];
  /** What SQL cannot compare exactly, as times that are written in more than one way. */
  readonly isWanted?: (row: SqliteRow) => boolean;
}

type Window = Pick<StreamRequest, "cursor" | "until">;

/** How the rows are found that a cursor and the window's end ask for. Throws `invalid` for a column that does not sort. */
export function cursorFilter(plan: Plan, window: Window): CursorFilter {
  const { cursor, until } = window;
  const wanted = cursor?.column ?? until?.column;
  if (wanted === undefined) return { where: undefined, params: [] };
  const index = plan.columns.findIndex(({ name }) => name.toLowerCase() === wanted.toLowerCase());
  const column = plan.columns[index];
  if (column === undefined) {
    throw new AppError("invalid", `Cannot read ${plan.shown}: there is no column "${wanted}" for the cursor`);
  }
  const simple = simpleOrder(column);
  if (simple !== undefined) {
    const { expression, valueOf, endless } = simple;
    const bounds = [cursor, until].filter((bound) => bound !== undefined);
    return {
      where: windowCondition(expression, {
        from: cursor === undefined ? undefined : "?",
        until: until === undefined ? undefined : "?",
        isRange: until?.isRange,
        endless,
      }),
      params: bounds.map(({ value }) => valueOf(value)),
    };
  }
  switch (column.type.kind) {
    case "timestamp":
    case "timestamptz": {
      const day = cursor === undefined ? undefined : dayBefore(cursor.value);
      const name = quoteIdentifier(column.name);
      const coarse = day === undefined
        ? { where: undefined, params: [] }
        : { where: `(${windowCondition(name, { from: "?" })} OR ${name} LIKE '+%')`, params: [day] };
      return { ...coarse, isWanted: isWanted(index, column.type, window) };
    }
    case "time":
    case "decimal":
    case "hugeint":
      return { where: undefined, params: [], isWanted: isWanted(index, column.type, window) };
    default:
      throw new AppError(
        "invalid",
        `Cannot read ${plan.shown}: column "${column.name}" of type ${column.type.text} cannot be an update_key`,
      );
  }
}

interface SimpleOrder {
  readonly expression: string;
  readonly valueOf: (text: string) => SqliteValue;
  /** Infinite values, and those that do not fit the column: a bound must not hide them. */
  readonly endless: string;
}

/** The order of columns that SQL compares as it is stored in DuckDB. */
function simpleOrder({ name, type }: Column): SimpleOrder | undefined {
  const column = quoteIdentifier(name);
  const binary = `${column} COLLATE BINARY`;
  switch (type.kind) {
    case "integer":
      return { expression: column, valueOf: BigInt, endless: `typeof(${column}) <> 'integer'` };
    case "real": {
      const endless = `(typeof(${column}) NOT IN ('integer', 'real') OR ${column} = 9e999)`;
      return { expression: column, valueOf: Number, endless };
    }
    case "text":
      return { expression: binary, valueOf: String, endless: `typeof(${column}) <> 'text'` };
    case "date": {
      const endless = `(typeof(${column}) <> 'text' OR ${column} NOT GLOB '[0-9]*')`;
      return { expression: binary, valueOf: String, endless };
    }
    default:
      return undefined;
  }
}

/** A day before the cursor's, as zones move a time by less; undefined where texts do not sort by time. */
function dayBefore(cursor: string): string | undefined {
  const days = parseDate(cursor.slice(0, 10));
  return days === undefined ? undefined : formatDate(days - 1);
}

function isWanted(index: number, type: ColumnType, { cursor, until }: Window): (row: SqliteRow) => boolean {
  const comparing = (bound: { readonly value: string } | undefined) => {
    if (bound === undefined) return undefined;
    const limit = integerOf(bound.value, type);
    return (value: Exclude<SqliteValue, null>) => {
      const found = integerOf(value, type);
      return found < limit ? -1 : found === limit ? 0 : 1;
    };
  };
  const window = {
    from: comparing(cursor),
    until: comparing(until),
    isRange: until?.isRange,
    isEndless: (value: Exclude<SqliteValue, null>) => isInfinite(value, type),
  };
  return (row) => {
    try {
      return isInWindow(row[index] ?? null, window);
    } catch (error) {
      // It is refused when it is appended, with its place.
      if (error instanceof MisfitError) return until?.isRange !== true;
      throw error;
    }
  };
}

function isInfinite(value: Exclude<SqliteValue, null>, type: ColumnType): boolean {
  return type.kind.startsWith("timestamp") && integerOf(value, type) === MAX_INT64;
}

/** The greatest finite value of the column; undefined where there is none, and where its type cannot be a cursor. */
export async function greatestOf(
  database: SqliteReader,
  plan: Plan,
  name: string,
): Promise<Omit<Until, "isRange"> | undefined> {
  const column = plan.columns.find((other) => other.name.toLowerCase() === name.toLowerCase());
  if (column === undefined) return undefined;
  const found = await greatestText(database, plan, column);
  return found === undefined ? undefined : { column: column.name, value: found, type: column.type.text };
}

async function greatestText(database: SqliteReader, plan: Plan, column: Column): Promise<string | undefined> {
  const simple = simpleOrder(column);
  if (simple !== undefined) {
    const { expression, endless } = simple;
    const [row] = await database.all(
      `SELECT max(${expression}) FROM ${plan.relation} WHERE NOT (${endless})`,
    );
    const value = row?.[0] ?? null;
    return value === null ? undefined : String(value);
  }
  if (!["timestamp", "timestamptz", "time", "decimal", "hugeint"].includes(column.type.kind)) {
    return undefined;
  }
  let greatest: bigint | undefined;
  let text: string | undefined;
  const select = `SELECT ${quoteIdentifier(column.name)} FROM ${plan.relation}`;
  for await (const rows of database.slices(select, [], `read ${plan.shown}`)) {
    for (const [value = null] of rows) {
      if (value === null) continue;
      try {
        if (isInfinite(value, column.type)) continue;
        const found = integerOf(value, column.type);
        if (greatest !== undefined && found <= greatest) continue;
        greatest = found;
        text = typeof value === "number" ? pointed(found, column.type.scale) : String(value);
      } catch (error) {
        if (!(error instanceof MisfitError)) throw error;
      }
    }
  }
  return text;
}

/** A decimal's text, of its digits without the point. */
function pointed(unscaled: bigint, scale: number): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, "0");
  const at = digits.length - scale;
  return `${unscaled < 0n ? "-" : ""}${digits.slice(0, at)}${scale === 0 ? "" : `.${digits.slice(at)}`}`;
}
