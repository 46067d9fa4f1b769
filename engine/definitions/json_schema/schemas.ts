import { type ConversionConfig, type JsonSchema, toJsonSchema } from "@valibot/to-json-schema";
import type { GenericSchema } from "valibot";
import type { Connector } from "../../../contract/connector/connector.ts";
import { NOTIFIER_TYPES, notifierSchemas } from "../../../contract/alerts/notifiers.ts";
import { PIPELINE_NAME_PATTERN } from "../../../contract/names.ts";
import { commonConnectorSchema } from "../../../contract/connector/entry.ts";
import { BUILT_IN_CONNECTORS } from "../../../contract/pipeline/scripts.ts";
import { projectSchema } from "../../../contract/project/project_file.ts";
import { unitTestsSchema } from "../../../contract/testing/unit_test.ts";
import { streamSchemasSchema } from "../../../contract/project/stream_schemas.ts";
import { pipelineSchema } from "../../../contract/pipeline/pipeline.ts";
import { defaultsSchema, modelHeaderSchema, seedSchema } from "../../../sql/language/model_header.ts";
import { loadRules, MODEL_RULES, streamRules } from "./schema_rules.ts";

/**
 * The JSON Schemas (draft 7, which editors know) of what users write, made from the schemas that validate it. What
 * JSON Schema cannot say (a cron expression, which keys go with which connector) is left to `sluice check`.
 */
export type ProjectSchemas = Readonly<
  Record<
    "pipeline" | "connectors" | "notifiers" | "project" | "model" | "defaults" | "seed" | "tests" | "streams",
    JsonSchema
  >
>;

const CONVERSION: ConversionConfig = { typeMode: "input", errorMode: "ignore", target: "draft-07" };

/** The schemas with the keys and options of the given connectors, as docs/schema/ publishes them. */
export function createProjectSchemas(connectorTypes: readonly Connector[]): ProjectSchemas {
  return {
    pipeline: pipelineJsonSchema(connectorTypes),
    connectors: connectorsJsonSchema(connectorTypes),
    notifiers: notifiersJsonSchema(),
    project: { ...toJsonSchema(projectSchema, CONVERSION), title: "What a Sluice project's pipelines share" },
    model: {
      ...toJsonSchema(modelHeaderSchema, CONVERSION),
      title: "The header of a Sluice model",
      allOf: [...MODEL_RULES],
    },
    defaults: toJsonSchema(defaultsSchema, CONVERSION),
    seed: toJsonSchema(seedSchema, CONVERSION),
    tests: toJsonSchema(unitTestsSchema, CONVERSION),
    streams: {
      ...toJsonSchema(streamSchemasSchema, CONVERSION),
      title: "The columns of a Sluice pipeline's streams, as their sources have them",
    },
  };
}

/** A stream or load may have the keys of any connector: an editor cannot look into connectors.yaml. */
function pipelineJsonSchema(connectorTypes: readonly Connector[]): JsonSchema {
  const schema = toJsonSchema(pipelineSchema, CONVERSION);
  const streams = connectorTypes.flatMap((type) => type.streamSchema ?? []);
  const loads = connectorTypes.flatMap((type) => type.loadSchema ?? []);
  const properties = mapProperties(schema.properties, (key, value) => {
    if (key === "extract") return withOwnKeys(value, streams.map(inner), streamRules);
    return key === "load" ? withOwnKeys(value, loads.map(inner), loadRules) : value;
  });
  return { ...schema, title: "A Sluice pipeline", properties };
}

/**
 * The schema with every object below it that names a connector having the keys of the given ones too, and
 * the rules for them.
 */
function withOwnKeys(
  schema: JsonSchema,
  own: readonly JsonSchema[],
  rules: (addresses: readonly string[]) => JsonSchema[],
): JsonSchema {
  const visit = (value: JsonSchema) => withOwnKeys(value, own, rules);
  if (schema.properties?.["connector"] !== undefined) {
    const { options, ...properties } = schema.properties;
    const keys = [...new Set(own.flatMap((one) => Object.keys(one.properties ?? {})))];
    const description = isSchema(options) ? options.description ?? "" : "";
    const builtIn = Object.keys(BUILT_IN_CONNECTORS).filter((key) => keys.includes(key));
    const hasScripts = builtIn.length > 0;
    return {
      ...schema,
      ...(hasScripts ? { required: schema.required?.filter((key) => key !== "connector") ?? [] } : {}),
      properties: {
        ...properties,
        ...Object.fromEntries(
          keys.map((key) => [key, anyOf(key, own, key === "options" ? description : "")]),
        ),
      },
      additionalProperties: false,
      allOf: [
        ...rules([...new Set(own.flatMap(addressesOf))]),
        ...(hasScripts ? [{ anyOf: ["connector", ...builtIn].map((key) => ({ required: [key] })) }] : []),
      ],
    };
  }
  return {
    ...schema,
    ...(isSchema(schema.additionalProperties)
      ? { additionalProperties: visit(schema.additionalProperties) }
      : {}),
    ...(isSchema(schema.items) ? { items: visit(schema.items) } : {}),
    ...(schema.anyOf === undefined ? {} : { anyOf: schema.anyOf.filter(isSchema).map(visit) }),
  };
}

/** The keys of which a stream or load has one: those that have to be there, or all where none has to. */
function addressesOf({ required = [], properties = {} }: JsonSchema): string[] {
  const needed = required.filter((key) => key !== "options");
  return needed.length > 0 ? needed : Object.keys(properties).filter((key) => key !== "options");
}

/** What the key is to any of the connectors. */
function anyOf(key: string, own: readonly JsonSchema[], description: string): JsonSchema {
  const found = own.flatMap((one) => one.properties?.[key] ?? []).filter(isSchema);
  const different = [...new Map(found.map((schema) => [JSON.stringify(schema), schema])).values()];
  const [only, other] = different;
  if (only !== undefined && other === undefined) return only;
  const about = description || found.flatMap((schema) => schema.description ?? []).join(" Or: ");
  return { ...(about === "" ? {} : { description: about }), anyOf: different };
}

function connectorsJsonSchema(connectorTypes: readonly Connector[]): JsonSchema {
  const common = orReference(inner(commonConnectorSchema)).properties;
  const types = connectorTypes.map((type): JsonSchema => {
    const config = orReference(inner(type.configSchema));
    return {
      ...config,
      title: type.name,
      description: type.description,
      properties: {
        type: { const: type.name, description: type.description },
        ...config.properties,
        ...common,
      },
      required: ["type", ...config.required ?? []],
    };
  });
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "The connectors of a Sluice project",
    description: "Each entry is a name, a type and what that type needs.",
    type: "object",
    properties: { $schema: { type: "string" } },
    propertyNames: { pattern: `${PIPELINE_NAME_PATTERN.source}|^\\$schema$` },
    additionalProperties: {
      type: "object",
      required: ["type"],
      properties: {
        type: { enum: connectorTypes.map((type) => type.name), description: "What kind of system it is." },
      },
      anyOf: types,
    },
  };
}

function notifiersJsonSchema(): JsonSchema {
  const types = Object.entries(notifierSchemas).map(([name, notifier]): JsonSchema => {
    const schema = orReference(inner(notifier));
    const type = { const: name, description: "Where its messages go." };
    return { ...schema, title: name, properties: { ...schema.properties, type } };
  });
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "The notifiers of a Sluice project",
    description: "Each entry is a name, a type and what that type needs.",
    type: "object",
    properties: { $schema: { type: "string" } },
    propertyNames: { pattern: `${PIPELINE_NAME_PATTERN.source}|^\\$schema$` },
    additionalProperties: {
      type: "object",
      required: ["type"],
      properties: { type: { enum: [...NOTIFIER_TYPES], description: "Where its messages go." } },
      anyOf: types,
    },
  };
}

const REFERENCE: JsonSchema = {
  type: "string",
  pattern: "\\$\\{(env|secret):",
  description: "A reference such as ${env:NAME} or ${secret:NAME}.",
};

/** A text with a format of its own may also be a reference. */
function orReference(schema: JsonSchema): JsonSchema {
  if (schema.type === "string" && (schema.pattern !== undefined || schema.format !== undefined)) {
    const { description, ...rest } = schema;
    return { ...(description === undefined ? {} : { description }), anyOf: [rest, REFERENCE] };
  }
  return {
    ...schema,
    ...(schema.properties === undefined ? {} : {
      properties: mapProperties(schema.properties, (_key, value) => orReference(value)),
    }),
    ...(schema.anyOf === undefined ? {} : { anyOf: schema.anyOf.filter(isSchema).map(orReference) }),
  };
}

function inner(schema: GenericSchema): JsonSchema {
  const { $schema: _dialect, ...rest } = toJsonSchema(schema, CONVERSION);
  return rest;
}

function mapProperties(
  properties: JsonSchema["properties"],
  change: (key: string, value: JsonSchema) => JsonSchema,
): Record<string, JsonSchema> {
  return Object.fromEntries(
    Object.entries(properties ?? {}).map(([key, value]) => [key, isSchema(value) ? change(key, value) : {}]),
  );
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
