import { deepEqual, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { Ajv } from "ajv";
import { parse } from "yaml";
import { connectors as connectorTypes } from "../../connectors/registry.ts";
import { type ApiDefinition } from "../../engine/definitions/apis/api_definition.ts";
import { readCatalogue } from "../../engine/definitions/apis/catalogue.ts";
import { planInstallation } from "../../engine/definitions/apis/install_api.ts";
import { createApiSchema } from "../../engine/definitions/json_schema/api_schema.ts";
import { loadProject } from "../../engine/definitions/load.ts";
import { CATALOGUE } from "../../server/cli/completion/words.ts";
import { ROOT } from "./module_graph.ts";

/** Every definition of the catalogue is one that a project can have: by the checks that `sluice check` makes without data. */

const FOLDER = join(ROOT, "catalogue");
const catalogue = await readCatalogue(FOLDER);

const valuesOf = ({ values }: ApiDefinition): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, { example }]) => [name, example]));

for (const [name, api] of catalogue) {
  Deno.test(`the definition of ${name} makes a project that passes the checks`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "sluice-catalogue-" });
    try {
      const plan = await planInstallation(folder, api, { name, values: valuesOf(api), streams: undefined });
      await Deno.mkdir(join(folder, "pipelines"));
      for (const { path, content } of plan.files) await Deno.writeTextFile(join(folder, path), content);
      const { faults, pipelines } = await loadProject(folder, { connectorTypes });
      deepEqual([...faults, ...pipelines.flatMap(({ faults }) => faults)], []);
      ok(Object.keys(pipelines[0]?.definition?.extract ?? {}).length >= 2, "it has streams");
      ok(plan.files.every(({ content }) => !/\{\s*values\./.test(content)), "a value is left open");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("every stream of the catalogue has a description and a key, and one that is incremental a window", () => {
  const wrong: string[] = [];
  for (const [name, { streams }] of catalogue) {
    for (const [stream, { description, ...keys }] of Object.entries(streams)) {
      if (!/^\p{Lu}.*\.$/u.test(description)) wrong.push(`${name}.${stream}: a description is a sentence`);
      if (!Array.isArray(keys["primary_key"])) wrong.push(`${name}.${stream}: it has no primary_key`);
      const endpoint = JSON.stringify(keys["endpoint"]);
      const hasWindow = /"start_param"|\{incremental\.start_value\}/.test(endpoint);
      if ((keys["mode"] === "incremental") !== hasWindow) {
        wrong.push(`${name}.${stream}: mode incremental and a window go together`);
      }
      if (!/"paginator"/.test(endpoint)) wrong.push(`${name}.${stream}: it does not say how it is paged`);
    }
  }
  deepEqual(wrong, []);
});

Deno.test("every definition fits the published schema, names it, and has a limit", async () => {
  const schema: object = JSON.parse(
    JSON.stringify(createApiSchema(connectorTypes.filter(({ name }) => name === "http"))),
  );
  const accepts = new Ajv({ strict: false, allErrors: true }).compile(schema);
  for (const [name, api] of catalogue) {
    const text = await Deno.readTextFile(join(FOLDER, `${name}.yaml`));
    ok(accepts(parse(text)), `${name}: ${JSON.stringify(accepts.errors?.slice(0, 3))}`);
    match(text, /^# yaml-language-server: \$schema=\.\.\/docs\/schema\/api\.schema\.json\n/);
    ok("rate_limit" in api.connector, `${name} has no rate_limit`);
    ok(URL.canParse(api.documentation ?? ""), `${name} does not say where the API is documented`);
  }
});

Deno.test("the shells and the manual know all of the catalogue", async () => {
  deepEqual([...catalogue.keys()], CATALOGUE);
  const page = await Deno.readTextFile(join(ROOT, "docs/connectors.md"));
  const [, table = ""] = page.split("\n## Catalogue\n");
  for (const [name, { values, secrets, streams }] of catalogue) {
    const row = table.split("\n").find((line) => line.startsWith(`| \`${name}\``)) ?? "";
    const said = [...row.matchAll(/`([^`]+)`/g)].map(([, word]) => word);
    const needed = Object.entries(values).filter(([, value]) => value.default === undefined);
    deepEqual(said, [
      name,
      ...needed.map(([value]) => value),
      ...Object.keys(secrets),
      ...Object.keys(streams),
    ]);
  }
});
