import type { Cursor } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteIdentifier } from "../../../contract/sql.ts";
import { cursorCondition, isAtCursor } from "../../cursor.ts";
import type { SqliteRow, SqliteValue } from "../database.ts";
import { formatDate, parseDate } from "../iso_time.ts";
import { MisfitError } from "./column_builder.ts";
import type { ColumnType } from "./column_type.ts";
import type { Plan } from "./plan.ts";
import { integerOf } from "./whole_number.ts";

export interface CursorFilter {
  /** A condition in SQL; undefined where SQL cannot tell. */
  readonly where: string | undefined;
  readonly params: readonly SqliteValue[];
  /** What SQL cannot compare exactly, as times that are written in more than one way. */
  readonly isWanted?: (row: SqliteRow) => boolean;
}

/** How the rows are found that a cursor asks for. Throws `invalid` for a column that does not sort. */
export function cursorFilter(plan: Plan, cursor: Cursor | undefined): CursorFilter {
  if (cursor === undefined) return { where: undefined, params: [] };
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
    where: cursorCondition(column, "?"),
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
        ? { where: undefined, params: [] }
        : { where: `(${cursorCondition(name, "?")} OR ${name} LIKE '+%')`, params: [day] };
      return { ...coarse, isWanted: notBefore(index, column.type, cursor.value) };
    }
    case "time":
    case "decimal":
    case "hugeint":
      return { where: undefined, params: [], isWanted: notBefore(index, column.type, cursor.value) };
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
