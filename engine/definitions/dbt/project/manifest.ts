import { isRecord } from "../../../../text/is_record.ts";
import type { DbtFile, DbtPackage, Dict } from "./read_project.ts";
import { listOf, optionalText } from "./settings.ts";

/** What dbt has written into target/manifest.json: the SQL of models as it compiled them. */
export interface Manifest {
  /** When, as YYYY-MM-DD; undefined where it does not say. */
  readonly date: string | undefined;
  /** Undefined for a model that it does not have, or has not compiled. */
  compiled(packageName: string, model: string): CompiledModel | undefined;
  /** Models of packages that are not among these, by dbt's name of the file. */
  modelsBeside(packages: ReadonlySet<string>): readonly DbtFile[];
}

export interface CompiledModel {
  readonly sql: string;
  readonly config: Dict;
  /** What it reads, by the text that stands for it in the SQL. */
  readonly tables: ReadonlyMap<string, ManifestTable>;
}

export type ManifestTable =
  | { readonly kind: "model"; readonly name: string; readonly version: string | undefined }
  | { readonly kind: "source"; readonly source: string; readonly name: string };

/** `value` is the parsed file. What is no manifest has no models. */
export function readManifest(value: unknown): Manifest {
  const records = (key: string): ReadonlyMap<string, Dict> =>
    new Map(
      Object.entries(isRecord(value) && isRecord(value[key]) ? value[key] : {}).flatMap(([id, node]) =>
        isRecord(node) ? [[id, node] as const] : []
      ),
    );
  const nodes = records("nodes");
  const sources = records("sources");
  const metadata = isRecord(value) && isRecord(value["metadata"]) ? value["metadata"] : {};
  const tableOf = (id: string): (readonly [string, ManifestTable])[] => {
    const node = nodes.get(id) ?? sources.get(id);
    const text = optionalText(node?.["relation_name"]);
    if (node === undefined || text === undefined) return [];
    const name = String(node["name"]);
    if (sources.has(id)) return [[text, { kind: "source", source: String(node["source_name"]), name }]];
    const version = node["version"] ?? undefined;
    return [[text, { kind: "model", name, version: version === undefined ? undefined : String(version) }]];
  };
  const models = [...nodes.values()].filter((node) => node["resource_type"] === "model");
  return {
    date: optionalText(metadata["generated_at"])?.slice(0, 10),
    compiled(packageName, model) {
      const node = models.find((one) => one["package_name"] === packageName && fileName(one) === model);
      // Before dbt 1.3 it had another name.
      const sql = optionalText(node?.["compiled_code"]) ?? optionalText(node?.["compiled_sql"]);
      if (node === undefined || sql === undefined || node["language"] === "python") return undefined;
      const dependsOn = isRecord(node["depends_on"]) ? listOf(node["depends_on"]["nodes"]) : [];
      return {
        sql,
        config: isRecord(node["config"]) ? node["config"] : {},
        tables: new Map(dependsOn.flatMap((id) => tableOf(String(id)))),
      };
    },
    modelsBeside: (packages) =>
      models.flatMap((node) => {
        const name = String(node["package_name"]);
        if (packages.has(name) || node["language"] === "python") return [];
        const of: DbtPackage = { name, dir: "", settings: {} };
        const path = pathOf(node);
        return [{
          package: of,
          path: `dbt_packages/${name}/${path}`,
          folders: path.split("/").slice(1, -1),
          name: fileName(node),
          text: optionalText(node["raw_code"]) ?? optionalText(node["raw_sql"]) ?? "",
          isCompiledOnly: true,
        }];
      }),
  };
}

const pathOf = (node: Dict): string => String(node["original_file_path"] ?? "").replaceAll("\\", "/");

const fileName = (node: Dict): string =>
  (pathOf(node).split("/").at(-1) ?? "").replace(/\.\w+$/, "") || String(node["name"]);
