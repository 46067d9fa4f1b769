import * as v from "valibot";
import type { Part, StreamRequest, Until } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import { findColumn } from "../../column_choice.ts";
import { windowCondition } from "../../cursor.ts";
import type { Session } from "../session/session.ts";
import { quoteName } from "../table_name.ts";
import type { PlannedColumn, ReadPlan } from "./plan.ts";
import { isDate, isString } from "./types.ts";

/** Conditions on a column by values that its order is kept with, in DuckDB as here: cursors and parts. */

/** The key of a part's column in messages. */
export const PART_COLUMN = "the column of its parts,";

/** A column that a stream can be read along. */
export interface OrderedColumn {
  readonly name: string;
  /** To compare and to sort by. */
  readonly expression: string;
  /** A value as a literal: DuckDB's text of it, or the server's. Throws `invalid` for what is none. */
  literal(value: string): string;
  /** The DuckDB type of its values. */
  readonly duckType: string;
}

/** Throws `invalid` for a column that is not there or has no order that both sides share. */
export function orderedColumn(plan: ReadPlan, name: string, key: string): OrderedColumn {
  const shown = JSON.stringify(name);
  const found = findColumn(plan.known, name);
  if (found === undefined) {
    throw new AppError("invalid", `${plan.action}: ${key} ${shown} is no column of it`);
  }
  const ordered = toOrdered(plan, found);
  if (ordered !== undefined) return ordered;
  throw new AppError(
    "invalid",
    `${plan.action}: ${key} ${shown} has a type whose order its text does not keep; ` +
      `cast it in a query, as DECIMAL(38, 9), DATETIME(6) or CHAR`,
  );
}

function toOrdered(plan: ReadPlan, column: PlannedColumn): OrderedColumn | undefined {
  const { name, decode, source } = column;
  const quoted = quoteName(name);
  const ordered = (
    expression: string,
    pattern: RegExp,
    toLiteral: (text: string) => string,
    duckType: string,
  ) => ({
    name,
    expression,
    duckType,
    literal: (value: string) => {
      if (pattern.test(value)) return toLiteral(value);
      throw new AppError("invalid", `${plan.action}: ${JSON.stringify(value)} is no value of column ${name}`);
    },
  });
  const asIs = (text: string) => text;
  switch (decode.kind) {
    case "int":
    case "int8":
      return ordered(quoted, /^-?\d+$/, asIs, decode.kind === "int" ? "BIGINT" : "DECIMAL(20,0)");
    case "bits":
      return ordered(`${quoted} + 0`, /^\d+$/, asIs, "UBIGINT");
    case "bool":
      return ordered(
        `${quoted} + 0`,
        /^(?:true|false|[01])$/,
        (text) => /^[t1]/.test(text) ? "1" : "0",
        "BOOLEAN",
      );
    case "decimal":
      return ordered(quoted, /^-?\d*\.?\d+$/, asIs, `DECIMAL(${decode.precision},${decode.scale})`);
    case "float4":
      return ordered(`${quoted} * 1e0`, NUMBER, (text) => doubleLiteral(Math.fround(Number(text))), "FLOAT");
    case "float8":
      return ordered(quoted, NUMBER, (text) => doubleLiteral(Number(text)), "DOUBLE");
    case "date":
      return ordered(quoted, TIME_TEXT, timeLiteral, "DATE");
    case "timestamp":
      return ordered(quoted, TIME_TEXT, timeLiteral, "TIMESTAMP");
    case "timestamptz":
      return ordered(quoted, TIME_TEXT, timeLiteral, "TIMESTAMP WITH TIME ZONE");
    case "time":
      return ordered(quoted, TIME_TEXT, timeLiteral, "TIME");
    case "uuid":
      return ordered(bytesOf(`CAST(${quoted} AS CHAR(36))`), /^[0-9a-f-]{36}$/, hexLiteral, "UUID");
    case "text":
      if (isDate(source)) return ordered(quoted, TIME_TEXT, timeLiteral, "VARCHAR");
      if (!isString(source)) return undefined;
      // DuckDB orders text by its bytes; the column's collation may not, nor see spaces at the end.
      return ordered(bytesOf(`CONVERT(${quoted} USING utf8mb4)`), /^[^]*$/, hexLiteral, "VARCHAR");
    default:
      return undefined;
  }
}

const bytesOf = (text: string): string => `CAST(${text} AS BINARY)`;
const hexLiteral = (text: string): string => `X'${new TextEncoder().encode(text).toHex()}'`;

const NUMBER = /^-?\d*\.?\d+(?:[eE][-+]?\d+)?$/;
/** Of digits and what stands between them, with DuckDB's mark of years before 1 and its zone. */
const TIME_TEXT = /^[\d:. -]+(?: \(BC\)[\d:. ]*)?(?:[+-]\d\d(?::\d\d)*)?$/;

/** With an exponent, which makes it a DOUBLE. */
function doubleLiteral(value: number): string {
  const text = String(value);
  return text.includes("e") ? text : `${text}e0`;
}

/** DuckDB writes the year 0 as `0001-01-01 (BC)`, and a zone behind a TIMESTAMP WITH TIME ZONE. */
function timeLiteral(value: string): string {
  const text = value.includes(" (BC)") ? value.replace(" (BC)", "").replace(/^0001/, "0000") : value;
  const [, local = text, sign, hours = "0", minutes = "0"] =
    /^(.+ [\d:.]+)([+-])(\d\d)(?::(\d\d))?/.exec(text) ?? [];
  const offsetMinutes = (Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -1 : 1);
  return offsetMinutes === 0 ? `'${local}'` : `('${local}' - INTERVAL ${offsetMinutes} MINUTE)`;
}

export function cursorFilter(
  plan: ReadPlan,
  { cursor, until }: Pick<StreamRequest, "cursor" | "until">,
): string | undefined {
  const column = cursor?.column ?? until?.column;
  if (column === undefined) return undefined;
  const { expression, literal, name } = orderedColumn(plan, column, "update_key");
  const window = windowCondition(expression, {
    from: cursor === undefined ? undefined : literal(cursor.value),
    until: until === undefined ? undefined : literal(until.value),
    isRange: until?.isRange,
  });
  const source = findColumn(plan.known, name)?.source;
  if (window === undefined || until?.isRange === true || !plan.zeroIsNull) return window;
  // What is read as NULL comes again like NULL.
  return source !== undefined && isDate(source) ? `(${window} OR ${expression} = '0000-00-00')` : window;
}

/** The greatest value of the column, as the server's text; undefined where there is none, or no order. */
export async function greatestOf(
  session: Session,
  plan: ReadPlan,
  name: string,
): Promise<Omit<Until, "isRange"> | undefined> {
  const found = findColumn(plan.known, name);
  // The read itself says what is wrong with it.
  const ordered = found === undefined ? undefined : toOrdered(plan, found);
  if (ordered === undefined) return undefined;
  const { expression } = ordered;
  const { rows: [row] } = await session.query(
    `SELECT ${expression} FROM ${plan.relation} WHERE ${expression} IS NOT NULL ORDER BY ${expression} DESC LIMIT 1`,
  );
  const value = row?.[0];
  if (value === undefined || value === null) return undefined;
  return { column: ordered.name, value, type: ordered.duckType };
}

const boundsSchema = v.strictObject({
  column: v.string(),
  /** Null for the first part. */
  after: v.nullable(v.string()),
  /** Null for the part of the rows without a value. */
  to: v.nullable(v.string()),
});

/** The rows of a part: `column` beyond `after` and up to `to`, in the server's text; or those without a value. */
export type PartBounds = v.InferOutput<typeof boundsSchema>;

/** `IS NULL` is true of zero dates too where a column is NOT NULL; this is not. */
export const isNullCondition = (expression: string): string => `${expression} <=> NULL`;

export function partFilter(plan: ReadPlan, part: Part | undefined): string | undefined {
  if (part === undefined) return undefined;
  const { column, after, to } = v.parse(boundsSchema, part.bounds);
  const { expression, literal } = orderedColumn(plan, column, PART_COLUMN);
  if (to === null) return `(${isNullCondition(expression)})`;
  const lower = after === null ? "" : `${expression} > ${literal(after)} AND `;
  return `(${lower}${expression} <= ${literal(to)})`;
}
