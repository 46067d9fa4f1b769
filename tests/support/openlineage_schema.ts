/**
 * A RunEvent of OpenLineage 2-0-2 with the facets that we send, as a JSON Schema of our own, after
 * https://openlineage.io/apidocs/openapi and https://openlineage.io/docs/spec/facets: stricter than theirs, which takes
 * any other facet and key.
 */

const text = { type: "string", minLength: 1 };
const time = { type: "string", format: "date-time" };
const uuid = {
  type: "string",
  pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
};
const count = { type: "integer", minimum: 0 };

function object(
  required: Readonly<Record<string, unknown>>,
  optional: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    type: "object",
    required: Object.keys(required),
    properties: { ...required, ...optional },
    additionalProperties: false,
  };
}

const facet = (name: string, required: Record<string, unknown>, optional: Record<string, unknown> = {}) =>
  object({
    _producer: { type: "string", format: "uri" },
    _schemaURL: {
      type: "string",
      pattern: `^https://openlineage\\.io/spec/facets/\\d+-\\d+-\\d+/${name}\\.json#/\\$defs/${name}$`,
    },
    ...required,
  }, optional);
const list = (items: unknown) => ({ type: "array", items });
const place = { namespace: text, name: text };
const parent = { run: object({ runId: uuid }), job: object(place) };

const inputFields = list(object({
  ...place,
  field: text,
  transformations: list(
    object({ type: { enum: ["DIRECT", "INDIRECT"] } }, { subtype: text, masking: { type: "boolean" } }),
  ),
}));

const datasetFacets = object({}, {
  schema: facet("SchemaDatasetFacet", {
    fields: list(object({ name: text }, { type: text, description: { type: "string" } })),
  }),
  columnLineage: facet("ColumnLineageDatasetFacet", {
    fields: {
      type: "object",
      additionalProperties: object({ inputFields }),
    },
  }, { dataset: inputFields }),
});

const statistics = { rowCount: count, size: count };

export const RUN_EVENT_SCHEMA = object({
  eventType: { enum: ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"] },
  eventTime: time,
  producer: { type: "string", format: "uri" },
  schemaURL: { const: "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent" },
  run: object({
    runId: uuid,
    facets: object({}, {
      errorMessage: facet("ErrorMessageRunFacet", { message: text, programmingLanguage: text }),
      nominalTime: facet("NominalTimeRunFacet", { nominalStartTime: time }, { nominalEndTime: time }),
      parent: facet("ParentRunFacet", parent, { root: object(parent) }),
      processing_engine: facet("ProcessingEngineRunFacet", { version: text }, { name: text }),
      tags: facet("TagsRunFacet", { tags: list(object({ key: text, value: text }, { source: text })) }),
    }),
  }),
  job: object({
    ...place,
    facets: object({}, {
      documentation: facet("DocumentationJobFacet", { description: text }),
      jobType: facet("JobTypeJobFacet", {
        processingType: { enum: ["BATCH", "STREAMING"] },
        integration: text,
      }, {
        jobType: text,
      }),
      sql: facet("SQLJobFacet", { query: text }, { dialect: text }),
    }),
  }),
  inputs: list(object(place, {
    facets: datasetFacets,
    inputFacets: object({}, { inputStatistics: facet("InputStatisticsInputDatasetFacet", {}, statistics) }),
  })),
  outputs: list(object(place, {
    facets: datasetFacets,
    outputFacets: object({}, {
      outputStatistics: facet("OutputStatisticsOutputDatasetFacet", {}, statistics),
    }),
  })),
});
