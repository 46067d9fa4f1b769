import type { JsonSchema } from "@valibot/to-json-schema";
import { BUILT_IN_CONNECTORS } from "../../../contract/pipeline/scripts.ts";
import type { LivePipeline } from "../../../engine/definitions/live/live_checker.ts";
import { kindOf, modelName } from "../../../sql/language/files/kinds.ts";
import { publishedModels } from "../../../contract/pipeline/publish.ts";
import { PUBLISHED_CONNECTOR } from "../../../contract/snapshots/source.ts";
import { type Column, isSameName } from "../../../contract/sql.ts";
import { yamlScalars } from "../../../text/yaml_scalars.ts";
import { pipelinesOfTest, textAt } from "../names/entity.ts";
import type { ProjectSpace } from "../project_space.ts";
import { streamsOf } from "../sql/sql_view.ts";
import type { YamlKind, YamlReference } from "./yaml_references.ts";

/** A text of YAML that is being written: a file, or the header of a model. */
export interface YamlView {
  readonly space: ProjectSpace;
  /** Of the file that it is in. */
  readonly path: string;
  /** Of the file, or of the header alone. */
  readonly text: string;
  readonly kind: YamlKind;
  readonly schema: JsonSchema;
  readonly pipeline: LivePipeline | undefined;
}

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

type Path = readonly (string | number)[];

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
    case "file":
      return [];
    case "published":
      return publishedNames(view, path);
    case "stream":
      return pipeline === undefined
        ? []
        : streamsOf(pipeline).map((name) => ({ name, detail: `raw.${name}` }));
    case "column":
      return columnsFor(view, path).map(({ name, type }) => ({ name, detail: type }));
    default:
      return view.kind === "tests"
        ? tablesOfTests(view, reference, path)
        : tablesOf(pipeline === undefined ? [] : [pipeline], reference, space);
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

/** What other pipelines publish, for a stream that reads such. */
function publishedNames({ space, path: file, text }: YamlView, path: Path) {
  if (textAt(yamlScalars(text), [...path.slice(0, -1), "connector"]) !== PUBLISHED_CONNECTOR) return [];
  return [...space.state.pipelines.values()].filter(({ loaded }) => loaded.path !== file).flatMap(
    ({ loaded }) =>
      publishedModels(loaded.sketch?.definition.publish).map(({ model }) => ({
        name: `${loaded.name}.${model}`,
        detail: `published by ${loaded.name}`,
      })),
  );
}

/** Models by their pipelines' names; what a test gives by the names that its model reads. */
function tablesOfTests({ space, text }: YamlView, reference: "model" | "table", [index = 0]: Path) {
  const all = [...space.state.pipelines.values()];
  if (reference === "model") {
    return all.flatMap((pipeline) =>
      tablesOf([pipeline], "model", space).map(({ name, detail }) => ({
        name: `${pipeline.loaded.name}.${name}`,
        detail,
      }))
    );
  }
  const own = pipelinesOfTest(space, yamlScalars(text), index);
  return (own.length === 0 ? all : own).flatMap((pipeline) => [
    ...tablesOf([pipeline], "model", space),
    ...streamsOf(pipeline).map((name) => ({ name: `raw.${name}`, detail: "stream" })),
  ]);
}

/** The columns that a name may be one of: of the model of a header, of a stream, of what a load writes. */
function columnsFor({ kind, pipeline, path: file, space, text }: YamlView, path: Path): readonly Column[] {
  if (kind === "tests") {
    const [index = 0, part, given = ""] = path;
    const scalars = yamlScalars(text);
    const [own] = pipelinesOfTest(space, scalars, index);
    const model = textAt(scalars, [index, "model"]) ?? "";
    const table = part === "given" ? String(given) : model.slice(model.indexOf(".") + 1);
    return own === undefined ? [] : columnsOfName(own, table);
  }
  if (pipeline === undefined) return [];
  const { modelColumns, streamColumns } = pipeline;
  if (kind === "model" || kind === "seed") {
    const model = Object.keys(modelColumns).find((name) => isSameName(name, modelName(file)));
    return modelColumns[model ?? ""] ?? [];
  }
  const name = String(path[1]);
  return path[0] === "extract" ? streamColumns[name] ?? [] : modelColumns[name] ?? streamColumns[name] ?? [];
}

/** Of `daily`, `main.daily` or `raw.orders`. */
function columnsOfName({ modelColumns, streamColumns }: LivePipeline, table: string): readonly Column[] {
  const name = table.replace(/^(?:main|raw)\./, "");
  const columns = table.startsWith("raw.") ? streamColumns : modelColumns;
  return Object.entries(columns).find(([one]) => isSameName(one, name))?.[1] ?? [];
}
