import { AppError } from "../../../../contract/errors.ts";
import { attributeOf, compare, contains } from "./filters.ts";
import { isEqual, isObject, isUnknown, MAX_TEXT, textOf, type Value } from "./values.ts";

/** Python's operators on values. */

export function itemAt(of: Value, index: Value): Value {
  if (of instanceof Map) return of.get(index);
  if (typeof of === "string") return Array.from(of).at(Number(index));
  if (Array.isArray(of)) return of.at(Number(index));
  return attributeOf(of, index);
}

/** What goes with a value that the database alone knows: it becomes part of a text, and it is not None. */
function withUnknown(operator: string, left: Value, right: Value, line: number): Value {
  const isNone = left === null || right === null || left === undefined || right === undefined;
  if (operator === "~" || operator === "+" && (typeof left === "string" || typeof right === "string")) {
    return textOf(left) + textOf(right);
  }
  if (isNone && operator === "==") return false;
  if (isNone && operator === "!=") return true;
  throw new AppError(
    "invalid",
    `line ${line}: ${operator} with what a query gives, which the database knows when the model runs`,
  );
}

export function binary(operator: string, left: Value, right: Value, line: number): Value {
  if (isUnknown(left) || isUnknown(right)) return withUnknown(operator, left, right, line);
  switch (operator) {
    case "==":
      return isEqual(left, right);
    case "!=":
      return !isEqual(left, right);
    case "<":
      return compare(left, right) < 0;
    case ">":
      return compare(left, right) > 0;
    case "<=":
      return compare(left, right) <= 0;
    case ">=":
      return compare(left, right) >= 0;
    case "in":
      return contains(right, left);
    case "not in":
      return !contains(right, left);
    case "~":
      return textOf(left) + textOf(right);
    case "+":
      if (isObject(left) && left.plus !== undefined) return left.plus(right, 1);
      if (Array.isArray(left) && Array.isArray(right)) return [...left, ...right];
      if (typeof left === "string" || typeof right === "string") return textOf(left) + textOf(right);
      return Number(left) + Number(right);
    case "-":
      if (isObject(left) && left.plus !== undefined) return left.plus(right, -1);
      return Number(left) - Number(right);
    case "*":
      return typeof left === "string" ? repeated(left, Number(right)) : Number(left) * Number(right);
    case "/":
      return Number(left) / Number(right);
    case "//":
      return Math.floor(Number(left) / Number(right));
    case "**":
      return Number(left) ** Number(right);
    case "%":
      if (typeof left === "string") return percentFormat(left, right);
      return ((Number(left) % Number(right)) + Number(right)) % Number(right);
    default:
      throw new AppError("invalid", `line ${line}: the operator ${operator} is not known`);
  }
}

function repeated(text: string, count: number): string {
  if (text.length * count > MAX_TEXT) {
    throw new AppError("invalid", `"${text.slice(0, 20)}" * ${count} is more than ${MAX_TEXT} letters`);
  }
  return text.repeat(Math.max(0, Math.trunc(count)));
}

function percentFormat(text: string, value: Value): string {
  const values = Array.isArray(value) ? [...value] : [value];
  return text.replace(
    /%(?:\((\w+)\))?0?(\d*)([sdif%])/g,
    (_, name: string | undefined, width: string, kind) => {
      if (kind === "%") return "%";
      const given = name === undefined ? values.shift() : value instanceof Map ? value.get(name) : undefined;
      return textOf(given).padStart(Math.min(Number(width), MAX_TEXT), kind === "s" ? " " : "0");
    },
  );
}
