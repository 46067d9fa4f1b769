import * as v from "valibot";
import type { Part, StreamRequest, Until } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { findColumn } from "../../column_choice.ts";
import { windowCondition } from "../../cursor.ts";
import type { Session } from "../session/session.ts";
import type { PlannedColumn, ReadPlan } from "./plan.ts";
import { type DecodeKind, isBuiltIn } from "./types.ts";

/** Conditions on a column by values that its order is kept with, in DuckDB as here: cursors and parts. */

/** Kinds whose order is DuckDB's too, and whose text of DuckDB PostgreSQL reads back exactly. */
const ORDERED_KINDS: readonly DecodeKind["kind"][] = [
  "bool",
  "int2",
  "int4",
  "int8",
  "oid",
  "float4",
  "float8",
  "numeric",
  "text",
  "date",
  "time",
  "timestamp",
  "timestamptz",
  "uuid",
];

/** The key of a part's column in messages. */
export const PART_COLUMN = "the column of its parts,";

/** A column that a stream can be read along. */
export interface OrderedColumn {
  /** To compare and to sort by. */
  readonly expression: string;
  /** A value as a literal of the column's type. */
  literal(value: string): string;
  /** A condition for values that no bound holds; undefined where the type has none. */
  readonly endless: string | undefined;
}

/** Throws `invalid` for a column that is not there or has no order that both sides share. */
export function orderedColumn(plan: ReadPlan, name: string, key: string): OrderedColumn {
  const shown = JSON.stringify(name);
  const found = findColumn(plan.known, name);
  if (found === undefined) {
    throw new AppError("invalid", `${plan.action}: ${key} ${shown} is no column of it`);
  }
  if (!isOrdered(found)) {
    throw new AppError(
      "invalid",
      `${plan.action}: ${key} ${shown} is ${found.typeName}, whose order its text does not keep; ` +
        `cast it in a query, as numeric(38, 9), timestamptz or text`,
    );
  }
  return toOrdered(found);
}

function toOrdered({ name, decode: { kind }, typeName }: PlannedColumn): OrderedColumn {
  const quoted = quoteIdentifier(name);
  // DuckDB orders text by its bytes; the database's own collation may not.
  const expression = kind === "text" ? `${quoted} COLLATE pg_catalog."C"` : quoted;
  const literal = (value: string) => `${quoteLiteral(value)}::${typeName}`;
  return { expression, literal, endless: endlessOf(kind, expression, literal) };
}

/** NaN is PostgreSQL's greatest number. */
function endlessOf(
  kind: DecodeKind["kind"],
  expression: string,
  literal: (value: string) => string,
): string | undefined {
  switch (kind) {
    case "float4":
    case "float8":
      return `${expression} >= ${literal("Infinity")}`;
    case "numeric":
      return `${expression} = ${literal("NaN")}`;
    case "date":
    case "timestamp":
    case "timestamptz":
      return `${expression} = ${literal("infinity")}`;
    default:
      return undefined;
  }
}

const isOrdered = ({ casts, decode, type }: PlannedColumn): boolean =>
  casts.length === 0 && ORDERED_KINDS.includes(decode.kind) && isBuiltIn(type.oid);

export function cursorFilter(
  plan: ReadPlan,
  { cursor, until }: Pick<StreamRequest, "cursor" | "until">,
): string | undefined {
  const column = cursor?.column ?? until?.column;
  if (column === undefined) return undefined;
  const { expression, literal, endless } = orderedColumn(plan, column, "update_key");
  return windowCondition(expression, {
    from: cursor === undefined ? undefined : literal(postgresText(cursor.value)),
    until: until === undefined ? undefined : literal(postgresText(until.value)),
    isRange: until?.isRange,
    endless,
  });
}

/**
 * The greatest finite value of the column, as PostgreSQL's text; an index on it makes this a look. Undefined
 * where there is none, and for a column that no window can be closed by.
 */
export async function greatestOf(
  session: Session,
  plan: ReadPlan,
  name: string,
): Promise<Omit<Until, "isRange"> | undefined> {
  const found = findColumn(plan.known, name);
  // The read itself says what is wrong with it.
  if (found === undefined || !isOrdered(found)) return undefined;
  const { expression, endless } = toOrdered(found);
  const finite = endless === undefined ? "" : ` AND NOT (${endless})`;
  const { rows: [row] } = await session.query(
    // With a name of its own: ORDER BY means the column, not its text.
    `SELECT ${expression}::pg_catalog.text AS "greatest of it" FROM ${plan.relation}
      WHERE ${expression} IS NOT NULL${finite} ORDER BY ${expression} DESC LIMIT 1`,
  );
  const value = row?.[0];
  if (value === undefined || value === null || /^-?infinity$/i.test(value)) return undefined;
  return { column: found.name, value, type: found.typeName };
}

/** DuckDB writes `0044-03-15 (BC) 12:00:00`, PostgreSQL `0044-03-15 12:00:00 BC`. */
function postgresText(value: string): string {
  return value.includes(" (BC)") ? `${value.replace(" (BC)", "")} BC` : value;
}

const boundsSchema = v.strictObject({
  column: v.string(),
  /** Null for the first part. */
  after: v.nullable(v.string()),
  /** Null for the part of the rows without a value. */
  to: v.nullable(v.string()),
});

/** The rows of a part: `column` beyond `after` and up to `to`, in PostgreSQL's text; or those without a value. */
export type PartBounds = v.InferOutput<typeof boundsSchema>;

export function partFilter(plan: ReadPlan, part: Part | undefined): string | undefined {
  if (part === undefined) return undefined;
  const { column, after, to } = v.parse(boundsSchema, part.bounds);
  const { expression, literal } = orderedColumn(plan, column, PART_COLUMN);
  if (to === null) return `${expression} IS NULL`;
  const lower = after === null ? "" : `${expression} > ${literal(after)} AND `;
  return `(${lower}${expression} <= ${literal(to)})`;
}
