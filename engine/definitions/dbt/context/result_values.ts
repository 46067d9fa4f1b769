import { AppError } from "../../../../contract/errors.ts";
import { type JinjaObject, textOf, type Value } from "../jinja/values.ts";
import { momentValue } from "./moments.ts";
import type { Answer } from "./rendering.ts";

/** The rows of a query as templates look at them: a table of Python's agate. */
export function answerValue({ columns, rows }: Answer): JinjaObject {
  const values = rows.map((row) => row.map((cell, at) => cellValue(cell, columns[at]?.type ?? "VARCHAR")));
  const names = columns.map(({ name }) => name);
  const table: JinjaObject = {
    get(key) {
      switch (key) {
        case "columns":
          return listValue(names, names.map((_, at) => listValue([], values.map((row) => row[at]))));
        case "rows":
        case "data":
          return rowsOf();
        case "table":
          return table;
        case "column_names":
          return names;
        case "print_table":
          return () => "";
        default:
          return rowsOf().get(key);
      }
    },
    items: () => values.map((row) => listValue(names, row)),
    text: () => textOf(values),
  };
  const rowsOf = () => listValue([], values.map((row) => listValue(names, row)));
  return table;
}

/** A list that has names for its items, too. */
function listValue(names: readonly string[], items: readonly Value[]): JinjaObject {
  const named = (key: string): number => {
    const at = names.indexOf(key);
    return at >= 0 ? at : names.findIndex((name) => name.toLowerCase() === key.toLowerCase());
  };
  return {
    get(key) {
      if (/^-?\d+$/.test(key)) return items.at(Number(key));
      const at = named(key);
      if (at >= 0) return items[at];
      switch (key) {
        case "values":
          return () => [...items];
        case "keys":
          return () => [...names];
        case "items":
          return () => names.map((name, at) => [name, items[at]]);
        case "get":
          return ([name]) => items[named(textOf(name))];
        case "dict":
          return () => new Map<Value, Value>(names.map((name, at) => [name, items[at]]));
      }
      return undefined;
    },
    items: () => [...items],
    slice: (start, stop) => items.slice(start, stop),
    text: () => textOf([...items]),
  };
}

const NUMBER = /^(?:U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?|FLOAT|DOUBLE|DECIMAL.*)$/;

/** Numbers that JavaScript has not exactly are their digits. */
function cellValue(cell: string | null, type: string): Value {
  if (cell === null) return null;
  if (type === "BOOLEAN") return cell === "true";
  if (NUMBER.test(type)) return String(Number(cell)) === cell ? Number(cell) : cell;
  const at = /^(?:DATE|TIMESTAMP)/.test(type) ? Date.parse(`${cell.slice(0, 19).replace(" ", "T")}Z`) : NaN;
  const day = type === "DATE" ? Date.parse(cell) : NaN;
  if (!Number.isNaN(day)) return momentValue(day, cell, true);
  return Number.isNaN(at) ? cell : momentValue(at, cell);
}

/** A query of whose rows a template makes something. */
export const asksRows = (): never => {
  throw new AppError(
    "invalid",
    "a query asks the database for rows while dbt compiles: write what it gives into the SQL",
  );
};
