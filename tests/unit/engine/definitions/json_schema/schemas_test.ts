import assert from "node:assert/strict";
import { createProjectSchemas } from "../../../../../engine/definitions/json_schema/schemas.ts";
import { CONNECTOR_TYPES } from "../project_fixture.ts";

Deno.test("createProjectSchemas() offers the options of every connector", () => {
  const text = JSON.stringify(createProjectSchemas(CONNECTOR_TYPES).pipeline);
  assert(text.includes('"header"'), "an option of a stream");
  assert(text.includes('"parquet"'), "an option of a load");
});

Deno.test("createProjectSchemas() has one entry a type, which may hold a reference for a text with a format", () => {
  const { connectors } = createProjectSchemas(CONNECTOR_TYPES);
  const { additionalProperties } = connectors;
  assert(typeof additionalProperties === "object");
  const types = additionalProperties.anyOf?.map((type) => typeof type === "object" ? type : {}) ?? [];
  assert.deepEqual(types.map((type) => type.title), ["folder", "database", "reader", "writer"]);
  const url = types[1]?.properties?.["url"];
  assert(typeof url === "object" && url.anyOf?.length === 2);
  assert.deepEqual(types[1]?.required, ["type", "url"]);
  assert.equal(types[1]?.additionalProperties, false);
});
