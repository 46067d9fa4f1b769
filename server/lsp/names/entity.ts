import { BUILT_IN_CONNECTORS } from "../../../contract/pipeline/scripts.ts";
import { parsePublishedName, PUBLISHED_CONNECTOR } from "../../../contract/snapshots/source.ts";
import { isSameName, nameKey } from "../../../contract/sql.ts";
import type { LivePipeline } from "../../../engine/definitions/live/live_checker.ts";
import { kindOf, modelName } from "../../../sql/language/files/kinds.ts";
import type { DocumentPath } from "../../../text/yaml_document.ts";
import { type YamlScalar, yamlScalars } from "../../../text/yaml_scalars.ts";
import type { ProjectSpace } from "../project_space.ts";
import { streamsOf } from "../sql/sql_view.ts";
import {
  declaration,
  keyReference,
  valueReference,
  type YamlKind,
  type YamlReference,
} from "../yaml/yaml_references.ts";

/** Something of a project that many texts name. */
export type Entity =
  /** A model or a seed, by its file. */
  | { readonly kind: "table"; readonly name: string; readonly path: string }
  | { readonly kind: "stream"; readonly name: string; readonly pipeline: string }
  | {
    readonly kind: "connector" | "notifier" | "pipeline" | "folder" | "macro";
    readonly name: string;
  }
  /** A file, by its path in the project. */
  | { readonly kind: "file"; readonly name: string };

export function isSameEntity(one: Entity, other: Entity): boolean {
  if (one.kind === "table" && other.kind === "table") return one.path === other.path;
  if (one.kind === "stream" && other.kind === "stream") {
    return one.pipeline === other.pipeline && isSameName(one.name, other.name);
  }
  return one.kind === other.kind && one.name === other.name;
}

/** A text of YAML: a file, or a header of a model, which begins at `base` in its file. */
export interface YamlText {
  readonly path: string;
  readonly kind: YamlKind;
  readonly text: string;
  readonly base: number;
}

/** Where YAML names something; UTF-16 offsets in its file. */
export interface YamlName {
  readonly entity: Entity;
  /** Of its own name, without the schema or the pipeline before it. */
  readonly start: number;
  readonly end: number;
  /** Of all that is written. */
  readonly wholeStart: number;
  /** Gives it the name. */
  readonly isDeclaration: boolean;
}

/** Everything of the project that a text of YAML names, in its order. */
export function namesInYaml(space: ProjectSpace, file: YamlText): YamlName[] {
  const scalars = yamlScalars(file.text);
  return scalars.flatMap((scalar) => {
    const { kind } = file;
    const declared = scalar.isKey ? declaration(kind, scalar.path) : undefined;
    const reference = declared ??
      (scalar.isKey ? keyReference(kind, scalar.path) : valueReference(kind, scalar.path));
    if (reference === undefined || !scalar.isPlain) return [];
    const entity = entityNamed(space, file, scalars, { ...scalar, reference });
    if (entity === undefined) return [];
    const hasPrefix = ["table", "model", "published"].includes(reference);
    const prefix = hasPrefix ? scalar.value.lastIndexOf(".") + 1 : 0;
    return [{
      entity,
      start: file.base + scalar.start + prefix,
      end: file.base + scalar.end,
      wholeStart: file.base + scalar.start,
      isDeclaration: declared !== undefined,
    }];
  });
}

function entityNamed(
  space: ProjectSpace,
  file: YamlText,
  scalars: readonly YamlScalar[],
  { reference, value, path, isKey }: YamlScalar & { readonly reference: YamlReference },
): Entity | undefined {
  const { pipelines, project } = space.state;
  switch (reference) {
    case "connector":
      return Object.hasOwn(BUILT_IN_CONNECTORS, value) || !Object.hasOwn(project.connectors, value)
        ? undefined
        : { kind: "connector", name: value };
    case "notifier":
      return Object.hasOwn(project.notifiers.notifiers, value)
        ? { kind: "notifier", name: value }
        : undefined;
    case "pipeline":
      return pipelines.has(value) ? { kind: "pipeline", name: value } : undefined;
    case "folder":
      return { kind: "folder", name: value };
    case "script":
      return { kind: "file", name: value };
    case "file":
      return /\.csv$/i.test(value) ? { kind: "file", name: besideFile(file.path, value) } : undefined;
    case "stream": {
      const pipeline = modelName(file.path);
      return pipelines.has(pipeline) ? { kind: "stream", name: value, pipeline } : undefined;
    }
    case "published": {
      const connector = textAt(scalars, [...path.slice(0, -1), "connector"]);
      const read = connector === PUBLISHED_CONNECTOR ? parsePublishedName(value) : undefined;
      const pipeline = read === undefined ? undefined : pipelines.get(read.pipeline);
      return pipeline === undefined ? undefined : tableOf(space, pipeline, read?.model ?? "");
    }
    case "column":
      return undefined;
    case "model":
    case "table": {
      const all = pipelinesOf(space, file, scalars, path[0]);
      const isLoad = file.kind === "pipeline" && isKey;
      // `shop.daily` of a test.
      const name = file.kind === "tests" && reference === "model"
        ? value.slice(value.indexOf(".") + 1)
        : value;
      for (const pipeline of all) {
        const found = tableOf(space, pipeline, name) ??
          (isLoad && reference === "table" ? streamOf(pipeline, name) : undefined);
        if (found !== undefined) return found;
      }
      return undefined;
    }
  }
}

/** A path from a file of the project, as one from the project. */
const besideFile = (path: string, relative: string): string =>
  new URL(relative, `file:///${path}`).pathname.slice(1);

/** The value at a path of a text. */
export const textAt = (scalars: readonly YamlScalar[], path: DocumentPath): string | undefined =>
  scalars.find((scalar) => !scalar.isKey && scalar.path.join("\n") === path.join("\n"))?.value;

/** The pipelines whose tables a text means by their names alone. */
function pipelinesOf(
  space: ProjectSpace,
  { path, kind }: YamlText,
  scalars: readonly YamlScalar[],
  index: string | number | undefined,
): LivePipeline[] {
  const all = [...space.state.pipelines.values()];
  if (kind === "pipeline" || kind === "streams") {
    return all.filter(({ loaded }) => loaded.path === path || loaded.name === modelName(path));
  }
  if (kind === "tests") {
    return index === undefined ? [] : pipelinesOfTest(space, scalars, index);
  }
  return space.pipelinesWith(path);
}

/** The pipelines that a test of a file may be of: one, where it is right. */
export function pipelinesOfTest(
  space: ProjectSpace,
  scalars: readonly YamlScalar[],
  index: string | number,
): LivePipeline[] {
  const model = textAt(scalars, [index, "model"]) ?? "";
  const dot = model.indexOf(".");
  const named = dot === -1 ? textAt(scalars, [index, "pipeline"]) : model.slice(0, dot);
  return [...space.state.pipelines.values()].filter((pipeline) =>
    named === undefined ? space.tableFiles(pipeline).has(model.toLowerCase()) : pipeline.loaded.name === named
  );
}

/** `daily`, `main.daily` or `raw.orders` of a pipeline. */
export function tableOf(space: ProjectSpace, pipeline: LivePipeline, text: string): Entity | undefined {
  const parts = text.split(".");
  const name = parts.at(-1) ?? "";
  if (parts.length > 1 && nameKey(parts[0] ?? "") === "raw") return streamOf(pipeline, name);
  const file = space.tableFiles(pipeline).get(name.toLowerCase());
  return file === undefined ? undefined : { kind: "table", name: modelName(file.path), path: file.path };
}

export function streamOf(pipeline: LivePipeline, name: string): Entity | undefined {
  const own = streamsOf(pipeline).find((one) => isSameName(one, name));
  return own === undefined ? undefined : { kind: "stream", name: own, pipeline: pipeline.loaded.name };
}

/** What a file of the project makes: where it begins is where its table gets its name. */
export function entityOfFile(space: ProjectSpace, path: string): Entity | undefined {
  const kind = kindOf(path);
  const [pipeline] = space.pipelinesWith(path);
  return (kind === "model" || kind === "seed") && pipeline !== undefined
    ? { kind: "table", name: modelName(path), path }
    : undefined;
}
