import type { JsonSchema } from "@valibot/to-json-schema";
import { BUILT_IN_CONNECTORS } from "../../../contract/pipeline/scripts.ts";
import type { ProjectSchemas } from "../../../engine/definitions/json_schema/schemas.ts";
import type { LivePipeline } from "../../../engine/definitions/live/live_checker.ts";
import { kindOf, modelName } from "../../../sql/language/files/kinds.ts";
import { isSameName } from "../../../contract/sql.ts";
import type { ProjectSpace } from "../project_space.ts";
import { streamsOf } from "../sql/sql_view.ts";

/** A text of YAML that is being written: a file, or the header of a model. */
export interface YamlView {
  readonly space: ProjectSpace;
  /** Of the file that it is in. */
  readonly path: string;
  readonly kind: YamlKind;
  readonly schema: JsonSchema;
  readonly pipeline: LivePipeline | undefined;
}

export type YamlKind = keyof ProjectSchemas;

/** What a file of YAML is to a project; undefined for one that is nothing to it. */
export function yamlKind(path: string): YamlKind | undefined {
  if (!/\.ya?ml$/.test(path)) return undefined;
  if (kindOf(path) === "seed header") return "seed";
  if (kindOf(path) === "defaults" || path === "transforms/_defaults.yaml") return "defaults";
  const [folder, ...below] = path.split("/");
  if (below.length === 0) {
    return path === "connectors.yaml"
      ? "connectors"
      : path === "notifiers.yaml"
      ? "notifiers"
      : path === "project.yaml"
      ? "project"
      : undefined;
  }
  if (folder === "tests") return "tests";
  if (below.length > 1) return undefined;
  return folder === "pipelines" ? "pipeline" : folder === "schemas" ? "streams" : undefined;
}

/** A name in YAML that stands for something of the project. */
export type YamlReference =
  | "connector"
  | "notifier"
  | "table"
  | "model"
  | "folder"
  | "pipeline"
  | "column"
  | "script";

type Path = readonly (string | number)[];

/** Where values are names, by the end of their paths; `*` is any one segment, `[]` an item of a list. */
const REFERENCES: Readonly<Partial<Record<YamlKind, readonly (readonly [string, YamlReference])[]>>> = {
  pipeline: [
    ["extract.*.connector", "connector"],
    ["load.*.connector", "connector"],
    ["load.*.[].connector", "connector"],
    ["transform", "folder"],
    ["publish.[]", "model"],
    ["extract.*.script", "script"],
    ["extract.*.primary_key.[]", "column"],
    ["extract.*.primary_key", "column"],
    ["extract.*.update_key", "column"],
    ["load.*.primary_key.[]", "column"],
    ["load.*.primary_key", "column"],
    ["load.*.[].primary_key.[]", "column"],
    ["after", "pipeline"],
    ["after.[]", "pipeline"],
    ["notify.[].to", "notifier"],
    ["notify.[].to.[]", "notifier"],
  ],
  model: [
    ["primary_key.[]", "column"],
    ["update_key", "column"],
    ["partition_by", "column"],
    ["partition_by.[]", "column"],
    ["depends.[]", "table"],
    ["columns.*.checks.[].relationships.to", "table"],
    ["checks.[].relationships.to", "table"],
  ],
  seed: [["primary_key.[]", "column"]],
  tests: [["[].model", "model"], ["[].pipeline", "pipeline"]],
};

/** Where keys are names. */
const KEY_REFERENCES: typeof REFERENCES = {
  pipeline: [["load", "table"]],
  model: [["columns", "column"]],
  seed: [["columns", "column"]],
  tests: [["[].given", "table"]],
  streams: [["streams", "table"]],
};

function matches(pattern: string, path: Path): boolean {
  const parts = pattern.split(".");
  return parts.length === path.length && parts.every((part, index) => {
    const segment = path[index];
    return part === "*"
      ? typeof segment === "string"
      : part === "[]"
      ? typeof segment === "number"
      : part === segment;
  });
}

/** What the value at the path is the name of. */
export function valueReference(kind: YamlKind, path: Path): YamlReference | undefined {
  return REFERENCES[kind]?.find(([pattern]) => matches(pattern, path))?.[1];
}

/** What the keys of the map at the path are the names of. */
export function keyReference(kind: YamlKind, path: Path): YamlReference | undefined {
  return KEY_REFERENCES[kind]?.find(([pattern]) => matches(pattern, path))?.[1];
}

/** The names that there are, each with what it is. */
export function namesFor(
  view: YamlView,
  reference: YamlReference,
  path: Path,
): { readonly name: string; readonly detail: string }[] {
  const { space, pipeline } = view;
  const { project, pipelines } = space.state;
  switch (reference) {
    case "connector":
      return [
        ...Object.entries(project.connectors).map(([name, { type }]) => ({ name, detail: type })),
        ...Object.keys(BUILT_IN_CONNECTORS).map((name) => ({ name, detail: "built in" })),
      ];
    case "notifier":
      return Object.keys(project.notifiers.notifiers).map((name) => ({ name, detail: "notifier" }));
    case "pipeline":
      return [...pipelines.keys()].map((name) => ({ name, detail: "pipeline" }));
    case "folder":
      return [
        ...new Set(
          [...pipelines.values()].flatMap(({ loaded }) =>
            loaded.files.flatMap(({ path: file }) => /^transforms\/([^/]+)\//.exec(file)?.[1] ?? [])
          ),
        ),
      ].map((name) => ({ name, detail: "folder of transforms/" }));
    case "script":
      return [];
    case "column":
      return columnsFor(view, path).map(({ name, type }) => ({ name, detail: type }));
    default:
      return tablesOf(
        view.kind === "tests" ? [...pipelines.values()] : pipeline === undefined ? [] : [pipeline],
        reference,
        space,
      );
  }
}

function tablesOf(pipelines: readonly LivePipeline[], reference: "model" | "table", space: ProjectSpace) {
  return pipelines.flatMap((pipeline) => {
    const models = [...space.tableFiles(pipeline).values()].map(({ path }) => ({
      name: modelName(path),
      detail: path.startsWith("seeds/") ? "seed" : "model",
    }));
    // A load names a stream by its own name, all else by that of its table.
    const streams = streamsOf(pipeline).map((name) => ({ name, detail: "stream" }));
    return reference === "model" ? models : [...models, ...streams];
  });
}

/** The columns that a name may be one of: of the model of a header, of a stream, of what a load writes. */
function columnsFor({ kind, pipeline, path: file }: YamlView, path: Path) {
  if (pipeline === undefined) return [];
  const { modelColumns, streamColumns } = pipeline;
  if (kind === "model" || kind === "seed") {
    const model = Object.keys(modelColumns).find((name) => isSameName(name, modelName(file)));
    return modelColumns[model ?? ""] ?? [];
  }
  const name = String(path[1]);
  return path[0] === "extract" ? streamColumns[name] ?? [] : modelColumns[name] ?? streamColumns[name] ?? [];
}
