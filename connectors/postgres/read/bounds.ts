import * as v from "valibot";
import type { Cursor, Part } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { cursorCondition } from "../../cursor.ts";
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
}

/** Throws `invalid` for a column that is not there or has no order that both sides share. */
export function orderedColumn(plan: ReadPlan, name: string, key: string): OrderedColumn {
  const shown = JSON.stringify(name);
  const found = plan.known.find((column) => column.name === name) ??
    plan.known.find((column) => column.name.toLowerCase() === name.toLowerCase());
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
  const quoted = quoteIdentifier(found.name);
  return {
    // DuckDB orders text by its bytes; the database's own collation may not.
    expression: found.decode.kind === "text" ? `${quoted} COLLATE pg_catalog."C"` : quoted,
    literal: (value) => `${quoteLiteral(value)}::${found.typeName}`,
  };
}

const isOrdered = ({ casts, decode, type }: PlannedColumn): boolean =>
  casts.length === 0 && ORDERED_KINDS.includes(decode.kind) && isBuiltIn(type.oid);

export function cursorFilter(plan: ReadPlan, cursor: Cursor | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const { expression, literal } = orderedColumn(plan, cursor.column, "update_key");
  return cursorCondition(expression, literal(postgresText(cursor.value)));
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
