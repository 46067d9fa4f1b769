import { duckdbWindowCondition } from "../../../connectors/cursor.ts";
import type { StreamRequest } from "../../../contract/connector/source.ts";
import { type Column, findColumn, type SqlValue } from "../../../contract/sql.ts";
import type { StreamShape } from "./stream_shape.ts";

/**
 * What holds of the rows of a relation that the stream has: its `where`, and the window. `position` is by the names of
 * the stored columns, `columns` are the relation's.
 */
export function rowConditions(
  shape: StreamShape,
  position: Pick<StreamRequest, "cursor" | "until">,
  columns: readonly Column[],
  bind: (value: SqlValue) => string,
): string[] {
  const { cursor, until } = shape.inSource(position);
  const bound = cursor ?? until;
  const type = bound === undefined ? undefined : findColumn(columns, bound.column)?.type;
  const window = duckdbWindowCondition(cursor, until, bind, type);
  return [...shape.where, ...window === undefined ? [] : [window]];
}
