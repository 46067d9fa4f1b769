/** Events of OpenLineage 2-0-2: https://openlineage.io/apidocs/openapi */

export const EVENT_SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";

export interface Facet {
  readonly _producer: string;
  readonly _schemaURL: string;
  readonly [key: string]: unknown;
}
export type Facets = Readonly<Record<string, Facet>>;

export interface LineageDataset {
  readonly namespace: string;
  readonly name: string;
  readonly facets?: Facets;
  readonly inputFacets?: Facets;
  readonly outputFacets?: Facets;
}

export type LineageEventType = "START" | "COMPLETE" | "FAIL" | "ABORT";

export interface RunEvent {
  readonly eventType: LineageEventType;
  /** ISO 8601. */
  readonly eventTime: string;
  readonly run: { readonly runId: string; readonly facets: Facets };
  readonly job: { readonly namespace: string; readonly name: string; readonly facets: Facets };
  readonly inputs: readonly LineageDataset[];
  readonly outputs: readonly LineageDataset[];
  readonly producer: string;
  readonly schemaURL: string;
}

/** The versions of facets that are sent, by what they are called in an event. */
const FACETS = {
  columnLineage: "1-2-0/ColumnLineageDatasetFacet",
  documentation: "1-1-0/DocumentationJobFacet",
  errorMessage: "1-0-1/ErrorMessageRunFacet",
  jobType: "2-0-4/JobTypeJobFacet",
  nominalTime: "1-0-1/NominalTimeRunFacet",
  inputStatistics: "1-0-0/InputStatisticsInputDatasetFacet",
  outputStatistics: "1-0-2/OutputStatisticsOutputDatasetFacet",
  parent: "1-2-0/ParentRunFacet",
  processing_engine: "1-1-1/ProcessingEngineRunFacet",
  schema: "1-2-0/SchemaDatasetFacet",
  sql: "1-1-0/SQLJobFacet",
  tags: "1-0-0/TagsRunFacet",
} as const;
export type FacetName = keyof typeof FACETS;

/** Makes facets of one producer, each under its name; undefined makes none. */
export function facetMaker(producer: string) {
  return (name: FacetName, body: Readonly<Record<string, unknown>> | undefined): Facets => {
    if (body === undefined) return {};
    const path = FACETS[name];
    const type = path.slice(path.indexOf("/") + 1);
    const _schemaURL = `https://openlineage.io/spec/facets/${path}.json#/$defs/${type}`;
    return { [name]: { _producer: producer, _schemaURL, ...body } };
  };
}
export type MakeFacet = ReturnType<typeof facetMaker>;
