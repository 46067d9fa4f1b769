import type { Column } from "../../../../contract/sql.ts";
import type { KnownColumn } from "../context/rendering.ts";

/** The columns of models as the compile gate has found them, by the models' names. */
export function foundColumns(
  models: Readonly<Record<string, readonly Column[]>>,
): ReadonlyMap<string, readonly KnownColumn[]> {
  return new Map(
    Object.entries(models).filter(([, columns]) => columns.length > 0).map(([name, columns]) => [
      name,
      columns.map(({ name, type }) => ({ name, type })),
    ]),
  );
}
