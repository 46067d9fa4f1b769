import type { Fault } from "../../contract/errors.ts";
import {
  loadTargets,
  type ParamDefinition,
  type PipelineDefinition,
  type RevisionFile,
} from "../../contract/pipeline.ts";
import { hasReference, visitTexts } from "./references.ts";
import { pathText } from "../../contract/schema_faults.ts";
import { didYouMean, listWords } from "../../contract/suggest.ts";
import type { DocumentPath } from "../../contract/yaml_document.ts";

/** A fault of a definition whose shape is right. */
export interface PipelineFault {
  readonly path: DocumentPath;
  readonly at: "key" | "value";
  readonly message: string;
  readonly severity: Fault["severity"];
}

/** The models of a pipeline, and what is wrong with their folder. */
export interface ModelFiles {
  readonly files: readonly RevisionFile[];
  readonly faults: readonly Fault[];
  /** False where transforms/<folder>/ does not exist. */
  readonly exists: boolean;
}

/** DuckDB variables that every run sets: a param of that name would be overwritten. */
export const RUN_VARIABLES = ["run_start", "run_end", "cursor", "full_refresh"] as const;

export function checkParams({ params }: PipelineDefinition): PipelineFault[] {
  const faults: PipelineFault[] = [];
  for (const [name, param] of Object.entries(params)) {
    const path = ["params", name];
    if (RUN_VARIABLES.some((variable) => variable === name.toLowerCase())) {
      faults.push(error(path, "key", `every run sets ${name} itself: choose another name`));
    }
    const value = param.default;
    if (value === undefined || value === null) continue;
    if (!fitsType(value, param.type)) {
      const shown = JSON.stringify(value);
      faults.push(error([...path, "default"], "value", `${shown} is no ${param.type}`));
    } else if (param.enum !== undefined && !param.enum.some((allowed) => allowed === value)) {
      const words = listWords(param.enum.map(String), "or");
      faults.push(error([...path, "default"], "value", `${JSON.stringify(value)} is not in enum: ${words}`));
    }
  }
  return faults;
}

function fitsType(value: string | number | boolean, type: ParamDefinition["type"]): boolean {
  switch (type) {
    case "string":
      return typeof value === "string";
    case "integer":
      return Number.isSafeInteger(value);
    case "number":
      return typeof value === "number" && Number.isFinite(value);
    case "boolean":
      return typeof value === "boolean";
    case "date":
      return typeof value === "string" && isDate(value);
    case "timestamp":
      return typeof value === "string" && isDate(value.slice(0, 10)) && !Number.isNaN(Date.parse(value));
  }
}

function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

/** A reference in a pipeline would stay as it is: they belong into connectors.yaml. */
export function checkTexts(definition: PipelineDefinition): PipelineFault[] {
  const faults: PipelineFault[] = [];
  visitTexts({ extract: definition.extract, load: definition.load }, (text, path) => {
    if (!hasReference(text)) return;
    const message =
      "references such as ${env:NAME} are replaced in connectors.yaml only; here it is plain text";
    faults.push({ path, at: "value", message: `${pathText(path)}: ${message}`, severity: "warning" });
  });
  return faults;
}

/** Names that must be one of a kind, and names that must be known. */
export function checkNames(definition: PipelineDefinition, models: ModelFiles): PipelineFault[] {
  const faults: PipelineFault[] = [];
  if (definition.transform !== undefined && !models.exists) {
    faults.push(
      error(["transform"], "value", `the folder transforms/${definition.transform}/ does not exist`),
    );
  }
  const streams = Object.keys(definition.extract);
  for (const [index, name] of streams.entries()) {
    const twin = streams.slice(0, index).find((other) => other.toLowerCase() === name.toLowerCase());
    if (twin !== undefined) {
      faults.push(error(["extract", name], "key", `"${twin}" and "${name}" would be the same table`));
    }
  }
  const modelNames = models.files.map((file) => modelName(file.path));
  const known = [...modelNames, ...streams];
  for (const name of Object.keys(definition.load)) {
    if (known.some((other) => other.toLowerCase() === name.toLowerCase())) continue;
    const hint = didYouMean(name, known) || "; the names in load are models or streams of this pipeline";
    faults.push(error(["load", name], "key", `nothing here is called "${name}"${hint}`));
  }
  for (const [name, load] of Object.entries(definition.load)) faults.push(...checkTwinTargets(name, load));
  if (streams.length === 0 && modelNames.length === 0) {
    faults.push({
      path: [],
      at: "key",
      message: "it has nothing to do: no stream, no model",
      severity: "warning",
    });
  }
  return faults;
}

/** The same target twice under one name: the two would undo each other. */
function checkTwinTargets(name: string, load: PipelineDefinition["load"][string]): PipelineFault[] {
  const seen = new Set<string>();
  return loadTargets(load).flatMap((target, index) => {
    const key = JSON.stringify([target.connector, target.table, target.path]);
    if (!seen.has(key)) {
      seen.add(key);
      return [];
    }
    return [error(["load", name, index], "key", "the same target stands here twice")];
  });
}

/** `transforms/orders/daily.sql` → daily. */
export function modelName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).replace(/\.sql$/, "");
}

function error(path: DocumentPath, at: "key" | "value", message: string): PipelineFault {
  return { path, at, message: `${pathText(path)}: ${message}`, severity: "error" };
}
