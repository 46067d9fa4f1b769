import type { DatasetName } from "../../../../contract/connector/connector.ts";
import type { TableColumn } from "../../../../contract/table.ts";
import type { Facets, MakeFacet } from "./run_event.ts";

/** The columns of tables by their whole names, as `raw.orders` and `main.daily`. */
export type TableColumns = ReadonlyMap<string, readonly TableColumn[]>;

/** Where each column of a dataset comes from unchanged, or masked. */
export interface ColumnSource {
  readonly dataset: DatasetName;
  /** The source's own name → that under which it is stored. */
  readonly renamed: Readonly<Record<string, string>>;
  /** The source's own names of columns whose values are hidden. */
  readonly masked: Readonly<Record<string, unknown>>;
}

/** Columns of our own, as `_sluice_index`. */
const isOurs = ({ name }: TableColumn): boolean => name.startsWith("_sluice_");

/** None where the columns are not known. */
export function datasetFacets(
  facet: MakeFacet,
  columns: readonly TableColumn[] | undefined,
  source: ColumnSource | undefined,
): Facets {
  if (columns === undefined || columns.length === 0) return {};
  return {
    ...facet("schema", {
      fields: columns.map(({ name, type, description }) => ({
        name,
        type,
        ...(description === null ? {} : { description }),
      })),
    }),
    ...(source === undefined ? {} : facet("columnLineage", { fields: lineageOf(columns, source) })),
  };
}

function lineageOf(columns: readonly TableColumn[], { dataset, renamed, masked }: ColumnSource) {
  const stored = new Map(Object.entries(renamed).map(([own, name]) => [name, own]));
  return Object.fromEntries(
    columns.filter((column) => !isOurs(column)).map(({ name }) => {
      const field = stored.get(name) ?? name;
      const isMasked = Object.hasOwn(masked, field);
      const transformation = isMasked
        ? { type: "DIRECT", subtype: "TRANSFORMATION", masking: true }
        : { type: "DIRECT", subtype: "IDENTITY" };
      return [name, { inputFields: [{ ...dataset, field, transformations: [transformation] }] }];
    }),
  );
}
