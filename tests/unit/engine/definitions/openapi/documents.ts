import { equal } from "node:assert/strict";
import * as v from "valibot";
import { http } from "../../../../../connectors/http/connector.ts";
import { ownKeys, pipelineSchema } from "../../../../../contract/pipeline/pipeline.ts";
import { apiDefinitionSchema } from "../../../../../engine/definitions/apis/api_definition.ts";
import { type OpenApiReading, readOpenApi } from "../../../../../engine/definitions/openapi/read_openapi.ts";

/** Small documents in the styles of real APIs, and what is read of them. */

export const text = { type: "string" };
export const integer = { type: "integer" };
export const flag = { type: "boolean" };
export const time = { type: "string", format: "date-time" };

export const array = (items: unknown) => ({ type: "array", items });
export const object = (properties: Record<string, unknown>, required: readonly string[] = []) => ({
  type: "object",
  properties,
  ...(required.length === 0 ? {} : { required }),
});

/** A parameter of the query. */
export const query = (name: string, schema: unknown = text, more: Record<string, unknown> = {}) => ({
  name,
  in: "query",
  schema,
  ...more,
});

/** A GET that returns the schema as JSON; path parameters of the path are told of. */
export const get = (
  schema: unknown,
  parameters: readonly unknown[] = [],
  more: Record<string, unknown> = {},
) => ({
  get: {
    parameters,
    responses: { "200": { description: "ok", content: { "application/json": { schema } } } },
    ...more,
  },
});

/** A document of OpenAPI 3.1 with a server. */
export const openapi = (paths: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
  openapi: "3.1.0",
  info: { title: "Shop", version: "1.2" },
  servers: [{ url: "https://api.shop.example/v1" }],
  paths,
  ...more,
});

/** Reads it as `shop`, and sees to it that connector and streams are what their schemas want. */
export function read(document: unknown, baseUrl?: string): OpenApiReading {
  const source = typeof document === "string" ? document : JSON.stringify(document);
  const reading = readOpenApi(source, { file: "api.json", name: "shop", baseUrl });
  const { connector: { type, ...config }, streams } = v.parse(apiDefinitionSchema, reading.api);
  equal(type, "http");
  v.parse(http.configSchema, config);
  const entries = Object.entries(streams).map(([name, stream]) => [name, { connector: "shop", ...stream }]);
  const { extract } = v.parse(pipelineSchema, { extract: Object.fromEntries(entries) });
  for (const stream of Object.values(extract)) v.parse(http.streamSchema, ownKeys(stream));
  return reading;
}

/** The endpoint of the one stream of a document with one path. */
export function endpointOf(path: string, operation: unknown): Record<string, unknown> {
  const { api } = read(openapi({ [path]: operation }));
  const [stream] = Object.values(api.streams);
  return Object(stream?.["endpoint"]);
}
