import { type JsonSchema, toJsonSchema } from "@valibot/to-json-schema";
import type { Connector } from "../../../contract/connector/connector.ts";
import { apiDefinitionSchema } from "../apis/api_definition.ts";
import { createProjectSchemas } from "./schemas.ts";

/**
 * The JSON Schema (draft 7) of an API's definition in the catalogue, with the keys that entries and streams of the given
 * connectors have in a project.
 */
export function createApiSchema(connectorTypes: readonly Connector[]): JsonSchema {
  const schema = toJsonSchema(apiDefinitionSchema, {
    typeMode: "input",
    errorMode: "ignore",
    target: "draft-07",
  });
  const { connectors, pipeline } = createProjectSchemas(connectorTypes);
  const { connector, streams } = schema.properties ?? {};
  return {
    ...schema,
    title: "A Sluice definition of an API",
    properties: {
      ...schema.properties,
      connector: { ...objectOf(connector), ...objectOf(connectors.additionalProperties) },
      streams: {
        ...objectOf(streams),
        additionalProperties: streamJsonSchema(
          objectOf(objectOf(streams).additionalProperties),
          objectOf(objectOf(pipeline.properties?.["extract"]).additionalProperties),
        ),
      },
    },
  };
}

/** A stream as a pipeline has it, without its connector and with what the definition adds. */
function streamJsonSchema(own: JsonSchema, stream: JsonSchema): JsonSchema {
  const { connector: _connector, ...properties } = stream.properties ?? {};
  return {
    ...stream,
    properties: { ...properties, ...own.properties },
    required: own.required ?? [],
  };
}

/** Nothing where it is no schema of its own. */
const objectOf = (schema: JsonSchema[keyof JsonSchema]): JsonSchema =>
  typeof schema === "object" && schema !== null && !Array.isArray(schema) ? { ...schema } : {};
