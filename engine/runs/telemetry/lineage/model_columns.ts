import type { DatasetName } from "../../../../contract/connector/connector.ts";
import type {
  ColumnAddress,
  ColumnInfluence,
  ColumnSource,
  Influence,
  TableLineage,
  Way,
} from "../../../../contract/lineage/lineage.ts";
import type { Facets, MakeFacet } from "./run_event.ts";

/** As OpenLineage calls them. */
const SUBTYPES: Readonly<Record<Way | Influence, string>> = {
  direct: "IDENTITY",
  transformed: "TRANSFORMATION",
  aggregated: "AGGREGATION",
  filter: "FILTER",
  join: "JOIN",
  group: "GROUP_BY",
  order: "SORT",
  window: "WINDOW",
};

/** Where the columns of a model come from; none where that is not known. `nameOf` names a table of the warehouse. */
export function modelColumnFacets(
  facet: MakeFacet,
  table: TableLineage | undefined,
  nameOf: (id: string) => DatasetName,
): Facets {
  if (table === undefined || table.unknown !== undefined || table.columns.length === 0) return {};
  const field = ({ table, column }: ColumnAddress) => ({ ...nameOf(table), field: column });
  const direct = (source: ColumnSource) => ({
    ...field(source),
    transformations: [{
      type: "DIRECT",
      subtype: SUBTYPES[source.way],
      ...(source.hidden === true ? { masking: true } : {}),
    }],
  });
  const indirect = (influence: ColumnInfluence) => ({
    ...field(influence),
    transformations: influence.influences.map((kind) => ({ type: "INDIRECT", subtype: SUBTYPES[kind] })),
  });
  const fields = table.columns.map(({ name, sources, influences = [] }) =>
    [name, { inputFields: [...sources.map(direct), ...influences.map(indirect)] }] as const
  );
  return facet("columnLineage", {
    fields: Object.fromEntries(fields),
    ...(table.influences.length === 0 ? {} : { dataset: table.influences.map(indirect) }),
  });
}
