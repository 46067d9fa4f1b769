import assert from "node:assert/strict";
import { join } from "node:path";
import { connectors } from "../../connectors/registry.ts";
import { AUDIT_ACTIONS } from "../../contract/audit/entry.ts";
import { commonConnectorSchema } from "../../contract/connector/entry.ts";
import { createApiSchema } from "../../engine/definitions/json_schema/api_schema.ts";
import { createProjectSchemas } from "../../engine/definitions/json_schema/schemas.ts";
import {
  BUILT_IN_ROLES,
  PERMISSION_NAMES,
  PERMISSIONS,
  permissionsOf,
} from "../../contract/access/permissions.ts";
import { COMMANDS } from "../../server/cli/commands.ts";

/** What users can write must be in the manual: a key, an option, a variable or a route that is not there fails here. */

const ROOT = join(import.meta.dirname ?? ".", "../..");
const manual = (page: string) => Deno.readTextFile(join(ROOT, "docs", page));

/** Every key of `properties` below a JSON Schema. */
function keysOf(schema: unknown, found = new Set<string>()): Set<string> {
  if (Array.isArray(schema)) { for (const item of schema) keysOf(item, found); }
  else if (typeof schema === "object" && schema !== null) {
    for (const [key, value] of Object.entries(schema)) {
      if (key === "properties" && typeof value === "object" && value !== null) {
        for (const [name, inner] of Object.entries(value)) {
          found.add(name);
          keysOf(inner, found);
        }
      } else if (key !== "default" && key !== "enum") keysOf(value, found);
    }
  }
  return found;
}

/** The part of a page below a heading, up to the next one of that level. */
function section(page: string, heading: string): string {
  const start = page.indexOf(`\n${heading}\n`);
  assert.notEqual(start, -1, `the page has no heading "${heading}"`);
  const level = heading.slice(0, heading.indexOf(" ") + 1);
  const end = page.indexOf(`\n${level}`, start + 1);
  return page.slice(start, end === -1 ? undefined : end);
}

/** In a table's first column, or in code anywhere else. */
function mentions(page: string, name: string): boolean {
  return page.includes(`\`${name}\``) || page.includes(`\`${name}:`) || page.includes(`\`${name} `);
}

function assertMentioned(page: string, names: Iterable<string>, where: string): void {
  assert.deepEqual([...names].filter((name) => !mentions(page, name)), [], `not in ${where}`);
}

async function* sources(folder: string): AsyncIterable<string> {
  for await (const entry of Deno.readDir(join(ROOT, folder))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* sources(path);
    else if (/\.tsx?$/.test(entry.name)) yield path;
  }
}

Deno.test("every key of a pipeline is in docs/pipelines.md", async () => {
  // The options are the connectors': their page lists them.
  const { pipeline } = createProjectSchemas([]);
  const pages = await manual("pipelines.md") + await manual("checks.md");
  assertMentioned(pages, keysOf(pipeline), "docs/pipelines.md or docs/checks.md");
});

Deno.test("every key of a model's header is in docs/models.md", async () => {
  const { model } = createProjectSchemas([]);
  const pages = await manual("models.md") + await manual("checks.md");
  assertMentioned(pages, keysOf(model), "docs/models.md or docs/checks.md");
});

Deno.test("every key of project.yaml is in the manual", async () => {
  const { project } = createProjectSchemas(connectors);
  const named = [...keysOf(project)].filter((key) => key !== "$schema");
  const pages = ["project.md", "environments.md", "pipelines.md"].map(manual);
  assertMentioned((await Promise.all(pages)).join("\n"), named, "docs/project.md or docs/environments.md");
});

for (const connector of connectors) {
  Deno.test(`every key and option of the ${connector.name} connector is in docs/connectors.md`, async () => {
    const schemas = createProjectSchemas([connector]);
    const manualPage = await manual("connectors.md");
    // Connectors of files have those of their formats in common, which one section tells.
    const hasFiles = keysOf(schemas.pipeline.properties?.["extract"]).has("hive_partitioning");
    const page = section(manualPage, `## ${connector.name}`) +
      (hasFiles ? section(manualPage, "## file") : "");
    const config = keysOf(schemas.connectors);
    for (const key of ["type", "$schema", ...Object.keys(commonConnectorSchema.entries)]) config.delete(key);
    const pipelineKeys = keysOf(createProjectSchemas([]).pipeline);
    const { extract, load } = schemas.pipeline.properties ?? {};
    const options = new Set([...keysOf(extract), ...keysOf(load)].filter((key) => !pipelineKeys.has(key)));
    assertMentioned(page, [...config, ...options], `docs/connectors.md, ${connector.name}`);
  });
}

Deno.test("every key of an API's definition is in docs/connectors.md", async () => {
  const keys = keysOf(createApiSchema([]));
  for (const schema of Object.values(createProjectSchemas([]))) {
    for (const key of keysOf(schema)) if (key !== "description") keys.delete(key);
  }
  const page = section(await manual("connectors.md"), "## Catalogue");
  assertMentioned(page, keys, "docs/connectors.md, Catalogue");
});

Deno.test("every key that all connectors have is in docs/connectors.md", async () => {
  const keys = Object.keys(commonConnectorSchema.entries);
  const page = (await manual("connectors.md")).split("## References")[0] ?? "";
  assertMentioned(page, keys, "docs/connectors.md, above References");
});

Deno.test("every command and option is in docs/cli.md", async () => {
  const page = await manual("cli.md");
  const missing: string[] = [];
  for (const command of COMMANDS) {
    if (!new RegExp(`^## .*\\b${command.name}\\b`, "m").test(page)) missing.push(command.name);
    for (const [name, option] of Object.entries(command.options)) {
      if (!mentions(page, `--${name}`)) missing.push(`${command.name} --${name}`);
      if (option.env !== undefined && !mentions(page, option.env)) missing.push(option.env);
    }
  }
  assert.deepEqual(missing, [], "not in docs/cli.md");
});

Deno.test("every variable of the environment is in docs/operations.md", async () => {
  const names = new Set<string>();
  for (const folder of ["server", "engine", "ui", "connectors", "sql", "contract"]) {
    for await (const path of sources(folder)) {
      const text = await Deno.readTextFile(join(ROOT, path));
      for (const [name] of text.matchAll(/\bSLUICE_[A-Z][A-Z_]*[A-Z]\b/g)) names.add(name);
    }
  }
  names.delete("SLUICE_SECRET");
  assert(names.has("SLUICE_TOKEN"));
  assertMentioned(await manual("operations.md"), names, "docs/operations.md");
});

/** Commands of others in the manual, whose options are theirs. */
const FOREIGN =
  /\b(?:useradd|COPY|duckdb|curl|docker|podman|openssl|git|nginx|caddy|psql|npx|npm|systemctl|ulimit|tap|catalog_flag)\b/;

Deno.test("every option and variable in the manual is one of the code", async () => {
  const options = new Set([
    "--help",
    "--version",
    ...COMMANDS.flatMap(({ options }) => Object.keys(options).map((name) => `--${name}`)),
  ]);
  const variables = new Set<string>();
  for (const folder of ["server", "engine", "ui", "connectors", "sql", "contract", "build", "tests"]) {
    for await (const path of sources(folder)) {
      for (const [name] of (await Deno.readTextFile(join(ROOT, path))).matchAll(/\bSLUICE_[A-Z_]*[A-Z]\b/g)) {
        variables.add(name);
      }
    }
  }
  const unknown: string[] = [];
  const pages = ["README.md", "examples/quickstart/README.md", "examples/starter/README.md"];
  for await (const { name } of Deno.readDir(join(ROOT, "docs"))) {
    // Decisions tell of what was, too.
    if (name.endsWith(".md") && name !== "decisions.md") pages.push(`docs/${name}`);
  }
  for (const page of pages) {
    const text = await Deno.readTextFile(join(ROOT, page));
    // In code alone: spans, and lines of blocks.
    const code = [...text.matchAll(/```[\s\S]*?```|`[^`\n]+`/g)].flatMap(([found]) => found.split("\n"));
    for (const line of code.filter((line) => !FOREIGN.test(line))) {
      for (const [option] of line.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)) {
        if (!options.has(option)) unknown.push(`${page}: ${option}`);
      }
      for (const [name] of line.matchAll(/\bSLUICE_[A-Z_]*[A-Z]\b/g)) {
        if (!variables.has(name) && name !== "SLUICE_SECRET") unknown.push(`${page}: ${name}`);
      }
    }
  }
  assert.deepEqual(unknown, []);
});

Deno.test("every route of the API is in docs/api.md", async () => {
  const page = await manual("api.md");
  const routes: string[] = [];
  for await (const path of sources("server/routes")) {
    const text = await Deno.readTextFile(join(ROOT, path));
    for (const [, method = "", route = ""] of text.matchAll(/method: "(\w+)",\s+path: "([^"]+)"/g)) {
      routes.push(`${method.toUpperCase()} ${route}`);
    }
  }
  assert(routes.length > 10);
  assertMentioned(page, routes, "docs/api.md");
});

Deno.test("the table of roles in docs/security.md is the code's", async () => {
  const page = section(await manual("security.md"), "### Roles");
  for (const permission of PERMISSION_NAMES) {
    const words = PERMISSIONS[permission];
    const row = page.split("\n").find((line) => line.startsWith(`| \`${permission}\` `)) ??
      assert.fail(`no row of ${permission}`);
    const [, , text = "", ...cells] = row.split("|").map((cell) => cell.trim());
    assert.equal(text, words);
    const roles = BUILT_IN_ROLES.toReversed();
    assert.deepEqual(
      cells.slice(0, roles.length).map((cell) => cell === "yes"),
      roles.map((role) => permissionsOf(role).has(permission)),
      permission,
    );
  }
});

Deno.test("the table of actions in docs/audit.md is the code's", async () => {
  const page = await manual("audit.md");
  for (const [action, words] of Object.entries(AUDIT_ACTIONS)) {
    assert.match(page, new RegExp(`^\\| \`${action}\` +\\| ${words} +\\|$`, "m"), action);
  }
});

Deno.test("the published JSON Schemas are those of the code", async () => {
  const api = createApiSchema(connectors.filter(({ name }) => name === "http"));
  for (const [name, schema] of Object.entries({ ...createProjectSchemas(connectors), api })) {
    const published = JSON.parse(await manual(`schema/${name}.schema.json`));
    assert.deepEqual(published, JSON.parse(JSON.stringify(schema)), `${name}: run deno task schema`);
  }
});

Deno.test("every link inside the manual leads somewhere", async () => {
  const pages = ["README.md", "CHANGELOG.md", "examples/quickstart/README.md", "examples/starter/README.md"];
  for await (const entry of Deno.readDir(join(ROOT, "docs"))) {
    if (entry.name.endsWith(".md")) pages.push(`docs/${entry.name}`);
  }
  const broken: string[] = [];
  for (const page of pages) {
    const text = await Deno.readTextFile(join(ROOT, page));
    for (const [, link = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? join(ROOT, page) : join(ROOT, page, "..", path);
      const info = await Deno.stat(target).catch(() => undefined);
      if (info === undefined) broken.push(`${page}: ${link}`);
      else if (anchor !== undefined && !anchorsOf(await Deno.readTextFile(target)).has(anchor)) {
        broken.push(`${page}: ${link}`);
      }
    }
  }
  assert.deepEqual(broken, []);
});

/** As GitHub makes them of headings. */
function anchorsOf(page: string): Set<string> {
  return new Set(
    [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
      heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").trim().replaceAll(" ", "-")
    ),
  );
}

Deno.test("the homes of the seven rules are there", async () => {
  const rules = section(await manual("decisions.md"), "## 2026-11-26 · Where each of the seven rules lives");
  const homes = [...rules.matchAll(/`((?:contract|connectors|engine|tests)\/[^`]*)`/g)].map(([, path = ""]) =>
    path
  );
  assert(homes.length > 10);
  const missing: string[] = [];
  for (const path of homes) {
    if (!await Deno.stat(join(ROOT, path)).then(() => true, () => false)) missing.push(path);
  }
  assert.deepEqual(missing, []);
});

Deno.test("docs/asvs.md answers each requirement once, and the tests that it names are there", async () => {
  const page = await manual("asvs.md");
  const rows = [...page.matchAll(/^\| ([\d., ]+?) +\| (yes|partly|no|–) +\| (.*) \|$/gm)];
  const numbers = rows.flatMap(([, numbers = ""]) => numbers.split(",").map((number) => number.trim()));
  assert.deepEqual(numbers.filter((number, index) => numbers.indexOf(number) !== index), []);
  // Those of levels 1 and 2 of version 5.0.0, as the standard's own list counts them.
  assert.equal(numbers.length, 253);
  for (const [, number, state, how = ""] of rows) {
    assert.ok(how.trim() !== "" || state === "–", `${number} says how`);
  }
  const missing: string[] = [];
  for (const [, path = ""] of page.matchAll(/`((?:unit|integration|e2e|meta|crash)\/[^`]*)`/g)) {
    await Deno.stat(join(ROOT, "tests", path)).catch(() => missing.push(path));
  }
  assert.deepEqual(missing, []);
});
