import { join } from "node:path";
import type { JsonSchema } from "@valibot/to-json-schema";
import { DEFAULTS_FILE, SEEDS_FOLDER } from "../../sql/language/files/kinds.ts";

/** Where a project keeps the JSON Schemas of its files, for editors. */
const FOLDER = "schema";
const SUFFIX = ".schema.json";

/** Writes the schemas into the project and returns their paths in it. */
export async function writeProjectSchemas(
  projectDir: string,
  schemas: Readonly<Record<string, JsonSchema>>,
): Promise<string[]> {
  await Deno.mkdir(join(projectDir, FOLDER), { recursive: true });
  const paths: string[] = [];
  for (const [name, schema] of Object.entries(schemas)) {
    const path = `${FOLDER}/${name}${SUFFIX}`;
    await Deno.writeTextFile(join(projectDir, path), `${JSON.stringify(schema, null, 2)}\n`);
    paths.push(path);
  }
  return paths;
}

/** The first line of a project's file by which editors find its schema; undefined for files without one. */
export function schemaLine(path: string): string | undefined {
  const parts = path.split("/");
  const name = ["connectors.yaml", "notifiers.yaml", "project.yaml"].includes(path)
    ? path.replace(".yaml", "")
    : parts[0] === "pipelines" && /\.ya?ml$/.test(path)
    ? "pipeline"
    : parts[0] === "tests" && /\.ya?ml$/.test(path)
    ? "tests"
    : parts[0] === "schemas" && /\.ya?ml$/.test(path)
    ? "streams"
    : parts.at(-1) === DEFAULTS_FILE
    ? "defaults"
    : parts[0] === SEEDS_FOLDER && /\.ya?ml$/.test(path)
    ? "seed"
    : undefined;
  if (name === undefined) return undefined;
  return `# yaml-language-server: $schema=${"../".repeat(parts.length - 1)}${FOLDER}/${name}${SUFFIX}\n`;
}
