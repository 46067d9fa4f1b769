import { join } from "node:path";
import { connectors } from "../../../connectors/registry.ts";
import { createApiSchema } from "./api_schema.ts";
import { createProjectSchemas } from "./schemas.ts";

/** `deno task schema`: writes the published JSON Schemas into docs/schema/. */
if (import.meta.main) {
  const folder = join(import.meta.dirname ?? ".", "../../../docs/schema");
  await Deno.mkdir(folder, { recursive: true });
  const https = connectors.filter(({ name }) => name === "http");
  const schemas = { ...createProjectSchemas(connectors), api: createApiSchema(https) };
  for (const [name, schema] of Object.entries(schemas)) {
    await Deno.writeTextFile(join(folder, `${name}.schema.json`), `${JSON.stringify(schema, null, 2)}\n`);
  }
}
