import { relative, resolve } from "node:path";
import { isRecord } from "../../../../text/is_record.ts";
import { type CheckContext, checksOf } from "../tests/checks.ts";
import type { Findings } from "../findings.ts";
import type { SourceTable } from "../project/properties.ts";
import type { DbtProject, Dict } from "../project/read_project.ts";
import { listOf, optionalText } from "../project/settings.ts";
import { targetOf } from "../project/target.ts";

/** Sources of dbt as streams, and the database of its profile as a connector. */

export interface Connectors {
  readonly entries: Readonly<Record<string, Dict>>;
  /** The one that sources are read from. */
  readonly main: string;
}

const POSTGRES_KEYS: Readonly<Record<string, string>> = {
  host: "host",
  port: "port",
  dbname: "database",
  database: "database",
  user: "user",
  sslmode: "ssl",
};

/** No password is copied: references to secrets stand in their place. */
export function connectorsOf(project: DbtProject, outDir: string, findings: Findings): Connectors {
  const output = targetOf(project)?.output;
  const type = isRecord(output) ? output["type"] : undefined;
  if (isRecord(output) && type === "postgres") {
    const name = "postgres";
    const entry: Record<string, unknown> = { type };
    for (const [key, value] of Object.entries(output)) {
      const ours = POSTGRES_KEYS[key];
      if (ours !== undefined) entry[ours] = referenceOf(value);
    }
    entry["password"] = "${secret:POSTGRES_PASSWORD}";
    findings.hand(
      "profiles.yml",
      "give the password as the secret POSTGRES_PASSWORD: sluice secrets set POSTGRES_PASSWORD",
    );
    return { entries: { [name]: entry }, main: name };
  }
  const path = isRecord(output) && type === "duckdb" ? optionalText(output["path"]) : undefined;
  if (path !== undefined && path !== ":memory:" && !path.includes("{{")) {
    const file = placeOf(path, project, outDir, "profiles.yml", findings);
    return { entries: { source: { type: "duckdb", path: file } }, main: "source" };
  }
  return { entries: { source: { type: "duckdb", path: "data/source.duckdb" } }, main: "source" };
}

/** A path of the dbt project, from the new one. Files outside of a project are read only where the policy allows it. */
function placeOf(
  path: string,
  project: DbtProject,
  outDir: string,
  file: string,
  findings: Findings,
): string {
  if (/^\w+:\/\//.test(path)) {
    findings.hand(file, `${path} is read by a connector of its own (http, s3): see connectors.yaml`);
    return path;
  }
  const place = relative(outDir, resolve(project.root.dir, path)).replaceAll("\\", "/");
  if (place.startsWith("../")) {
    findings.note(
      file,
      `${place} lies outside of the new project: move it there, or name its folder in the policy's file_roots`,
    );
  }
  return place;
}

/** Whether the profile says where sources are. */
export function hasDatabase({ entries }: Connectors): boolean {
  return entries["source"]?.["path"] !== "data/source.duckdb";
}

/** `{{ env_var('HOST') }}` as a reference. */
function referenceOf(value: unknown): unknown {
  if (typeof value !== "string") return value;
  const name = /\{\{\s*env_var\(\s*['"](\w+)['"]/.exec(value)?.[1];
  return name === undefined ? value : `\${env:${name}}`;
}

/** The stream of a table, as `extract` of a pipeline has it. */
export function streamOf(
  { file, source, sourceName, table, name }: SourceTable,
  stream: string,
  { project, connectors, outDir }: { project: DbtProject; connectors: Connectors; outDir: string },
  context: CheckContext,
  findings: Findings,
): { readonly entry: Dict; readonly needsFiles: boolean } {
  const identifier = context.render(optionalText(table["identifier"]) ?? name).trim();
  const schema = context.render(optionalText(source["schema"]) ?? sourceName).trim();
  const location = externalLocation(source, table)?.replaceAll("{name}", name).replaceAll(
    "{identifier}",
    identifier,
  );
  const checks = [
    ...freshness(source, table, file, findings),
    ...columnChecks(table, `raw.${stream}`, context),
  ];
  const path = location === undefined ? undefined : /'([^']+)'/.exec(location)?.[1] ?? location;
  const place = path === undefined
    ? { connector: connectors.main, stream: schema.includes("{{") ? identifier : `${schema}.${identifier}` }
    : { connector: "files", path: placeOf(path, project, outDir, file, findings) };
  if (schema.includes("{{") && path === undefined) {
    findings.hand(
      file,
      `the schema of the source ${sourceName} is a template: write the schema of raw.${stream} into the pipeline`,
    );
  }
  return { entry: { ...place, ...(checks.length === 0 ? {} : { checks }) }, needsFiles: path !== undefined };
}

function externalLocation(...levels: readonly Dict[]): string | undefined {
  return levels.flatMap((level) => [level, level["meta"], level["config"]]).filter(isRecord)
    .map((level) => optionalText(level["external_location"])).findLast((location) => location !== undefined);
}

function columnChecks(table: Dict, name: string, context: CheckContext): unknown[] {
  const ofColumns = listOf(table["columns"]).filter(isRecord).flatMap((column) => {
    const tests = [...listOf(column["tests"]), ...listOf(column["data_tests"])];
    const of = String(column["name"]);
    const { ofColumn, ofTable } = checksOf(tests, { table: name, column: of }, context);
    const named = ofColumn.map((check) => ({
      column: of,
      ...(typeof check === "string" ? { [check]: true } : isRecord(check) ? check : {}),
    }));
    return [...named, ...ofTable];
  });
  const tests = [...listOf(table["tests"]), ...listOf(table["data_tests"])];
  return [...ofColumns, ...checksOf(tests, { table: name, column: undefined }, context).ofTable];
}

const UNITS: Readonly<Record<string, string>> = { minute: "m", hour: "h", day: "d" };

function freshness(source: Dict, table: Dict, file: string, findings: Findings): unknown[] {
  const settings = [source, table].flatMap((level) => [level, level["config"]]).filter(isRecord);
  const said = settings.map((level) => level["freshness"]).findLast((one) => one !== undefined);
  const column = settings.map((level) => optionalText(level["loaded_at_field"])).findLast((one) =>
    one !== undefined
  );
  if (!isRecord(said)) return [];
  if (column === undefined || !/^\w+$/.test(column)) {
    findings.hand(file, `the freshness of ${String(table["name"])} needs a loaded_at_field that is a column`);
    return [];
  }
  const length = (of: unknown) => {
    const unit = isRecord(of) ? UNITS[String(of["period"])] : undefined;
    return isRecord(of) && unit !== undefined ? `${String(of["count"])}${unit}` : undefined;
  };
  const [warn, error] = [length(said["warn_after"]), length(said["error_after"])];
  if (warn === undefined && error === undefined) return [];
  const where = optionalText(said["filter"]);
  return [{
    freshness: {
      column,
      ...(warn === undefined ? {} : { warn_after: warn }),
      ...(error === undefined ? {} : { error_after: error }),
    },
    ...(where === undefined ? {} : { where }),
  }];
}
