import type { PipelineLineage } from "../../../contract/lineage/lineage.ts";
import type { KnownColumn } from "./context/rendering.ts";

/** The columns of models as the compile gate has found them, by the models' names. */
export function foundColumns(
  lineage: PipelineLineage | undefined,
): ReadonlyMap<string, readonly KnownColumn[]> {
  return new Map(
    (lineage?.tables ?? []).filter(({ kind, columns }) => kind === "model" && columns.length > 0).map((
      { name, columns },
    ) => [name, columns.map(({ name, type }) => ({ name, type }))]),
  );
}
