import { isRecord } from "../../../../text/is_record.ts";
import type { DbtProject, Dict } from "./read_project.ts";
import { optionalText } from "./settings.ts";

/** The target of profiles.yml in the project that is the default; undefined where there is none. */
export function targetOf(
  { root, profiles }: DbtProject,
): { readonly name: string; readonly output: Dict } | undefined {
  const profile = profiles[String(root.settings["profile"] ?? root.name)];
  const outputs = isRecord(profile) && isRecord(profile["outputs"]) ? profile["outputs"] : {};
  const target = isRecord(profile) ? optionalText(profile["target"]) : undefined;
  const name = target !== undefined && target in outputs
    ? target
    : "dev" in outputs
    ? "dev"
    : Object.keys(outputs)[0];
  const output = name === undefined ? undefined : outputs[name];
  return name === undefined || !isRecord(output) ? undefined : { name, output };
}

/** The schema that dbt builds into. */
export function targetSchemaOf(project: DbtProject): string | undefined {
  const output = targetOf(project)?.output;
  const schema = optionalText(output?.["schema"]);
  if (output === undefined || schema?.includes("{{") === true) return undefined;
  return schema ?? (output["type"] === "duckdb" ? "main" : undefined);
}

/** What dbt calls its database: of DuckDB it is the file's name. */
export function databaseOf(output: Dict): string {
  const path = optionalText(output["path"]);
  const file = path === undefined ? undefined : /([^/\\]+?)(?:\.\w+)?$/.exec(path)?.[1];
  return optionalText(output["database"]) ?? optionalText(output["dbname"]) ??
    (file === ":memory:" ? "memory" : file) ??
    "main";
}
