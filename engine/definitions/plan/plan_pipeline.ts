import { isDeepStrictEqual } from "node:util";
import type { CheckReport } from "../../../contract/jobs/check_job.ts";
import type { ModelChange, PartChange, PipelinePlan } from "../../../contract/plan/plan.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import type { PipelineStep } from "../../../contract/run.ts";
import { type Column, isSameName } from "../../../contract/sql.ts";
import type { Model } from "../../../sql/language/model.ts";
import { columnChanges } from "../../../sql/plan/column_changes.ts";
import { gatheredRows } from "../../../sql/plan/gathered_rows.ts";
import { type DirectChange, directChanges } from "../../../sql/plan/model_changes.ts";
import { partChanges } from "../../../sql/plan/part_changes.ts";
import { listWords } from "../../../text/suggest.ts";
import { modelsOf, type PlanSide } from "./plan_side.ts";

/** What of two versions differs, before either is compiled. */
export interface PipelineChanges {
  readonly before: PlanSide | undefined;
  readonly after: PlanSide | undefined;
  readonly parts: Pick<PipelinePlan, "settings" | "streams" | "loads" | "connectors" | "scripts">;
  readonly models: ReadonlyMap<string, DirectChange>;
  /** Models of the two, by name; of one that is in both the new one. */
  readonly beforeModels: readonly Model[];
  readonly afterModels: readonly Model[];
  readonly isChanged: boolean;
}

const EMPTY_SIDE = { files: [], scripts: [], connectors: {}, text: undefined } as const;

/** Compares what is written; comments, white space and the order of keys are no change. */
export function changesOf(before: PlanSide | undefined, after: PlanSide | undefined): PipelineChanges {
  const [was, is] = [before ?? EMPTY_SIDE, after ?? EMPTY_SIDE];
  const [old, now] = [definitionOf(before), definitionOf(after)];
  const { extract: oldStreams, load: oldLoads, ...oldSettings } = old;
  const { extract: newStreams, load: newLoads, ...newSettings } = now;
  const parts = {
    settings: before === undefined || after === undefined ? [] : partChanges(oldSettings, newSettings),
    streams: partChanges(oldStreams ?? {}, newStreams ?? {}),
    loads: partChanges(oldLoads ?? {}, newLoads ?? {}),
    connectors: connectorChanges(was.connectors, is.connectors),
    scripts: scriptChanges(was, is),
  };
  const [beforeModels, afterModels] = [modelsOf(was), modelsOf(is)];
  const models =
    isDeepStrictEqual([was.files, old.params, old.functions], [is.files, now.params, now.functions])
      ? new Map<string, DirectChange>()
      : directChanges(
        { models: beforeModels, files: was.files, params: old.params ?? {}, functions: old.functions ?? {} },
        { models: afterModels, files: is.files, params: now.params ?? {}, functions: now.functions ?? {} },
      );
  const isChanged = before === undefined || after === undefined || models.size > 0 ||
    Object.values(parts).some((changes) => changes.length > 0);
  return { before, after, parts, models, beforeModels, afterModels, isChanged };
}

/** Their values may be secrets: what has changed is told by the names of keys alone. */
function connectorChanges(before: PlanSide["connectors"], after: PlanSide["connectors"]): PartChange[] {
  if (before === undefined || after === undefined) return [];
  return partChanges(before, after).map(({ keys, ...change }) => ({
    ...change,
    keys: keys.map(({ key }) => ({ key, before: null, after: null })),
  }));
}

const definitionOf = (side: PlanSide | undefined): Partial<PipelineDefinition> => side?.definition ?? {};

function scriptChanges(
  before: Pick<PlanSide, "scripts">,
  after: Pick<PlanSide, "scripts">,
): PartChange[] {
  const texts = ({ scripts }: Pick<PlanSide, "scripts">) =>
    Object.fromEntries(scripts.map(({ path, content }) => [path, content]));
  // A script's text is in the diff of its file.
  return partChanges(texts(before), texts(after)).map((change) => ({ ...change, keys: [] }));
}

/** What was found when the two versions were compiled; undefined for one that was not, or could not be. */
export interface Compiled {
  readonly before: CheckReport | undefined;
  readonly after: CheckReport | undefined;
}

/** Keys of a stream that say nothing about its rows. */
const NO_ROWS_OF_STREAM: ReadonlySet<string> = new Set([
  "description",
  "tags",
  "retry",
  "timeout",
  "freshness",
  "rate_limit",
  "max_rejects",
]);

/** Of each model that changes, or reads something that does, what changes; in the order of building. */
export function modelChanges(changes: PipelineChanges, compiled: Compiled): ModelChange[] {
  const { beforeModels, afterModels, models } = changes;
  const affected = affectedModels(changes, compiled.after?.steps ?? []);
  const order = orderOf(changes, compiled);
  return order.flatMap((name): ModelChange[] => {
    const direct = models.get(name);
    const reads = affected.get(name);
    if (direct === undefined && reads === undefined) return [];
    const before = modelNamed(beforeModels, name);
    const after = modelNamed(afterModels, name);
    const columns = columnsBetween(name, before, after, compiled);
    return [{
      model: name,
      path: (after ?? before)?.path ?? null,
      change: direct?.change ?? "affected",
      why: [...direct?.why ?? [], ...reads === undefined ? [] : [`reads ${listWords(reads)}`]],
      rows: direct?.rows === true || reads !== undefined,
      columns,
      breaking: breakingTexts(direct, before, after, columns),
      rebuild: before === undefined || after === undefined || direct?.rows === false
        ? null
        : gatheredRows(before, after, direct !== undefined),
      last: null,
      data: null,
    }];
  });
}

function columnsBetween(
  name: string,
  before: Model | undefined,
  after: Model | undefined,
  compiled: Compiled,
): ModelChange["columns"] {
  if (before === undefined || after === undefined) return [];
  const was = columnsOf(compiled.before, name);
  const is = columnsOf(compiled.after, name);
  return was === undefined || is === undefined ? null : columnChanges(was, is);
}

function columnsOf(report: CheckReport | undefined, name: string): readonly Column[] | undefined {
  const found = Object.entries(report?.modelColumns ?? {}).find(([model]) => isSameName(model, name));
  return found?.[1];
}

function breakingTexts(
  direct: DirectChange | undefined,
  before: Model | undefined,
  after: Model | undefined,
  columns: ModelChange["columns"],
): string[] {
  if (direct?.change === "removed") return ["the model is gone"];
  const texts = (columns ?? []).filter(({ breaking }) => breaking).map((column) => {
    const { name, change, before, after } = column;
    if (change === "removed") return `column ${name} is gone`;
    return change === "renamed"
      ? `column ${before} is called ${after}`
      : `column ${name} was ${before} and is ${after}`;
  });
  const [was = [], is = []] = [before?.primaryKey, after?.primaryKey];
  const isSameKey = isDeepStrictEqual([...was].sort(), [...is].sort());
  if (before !== undefined && after !== undefined && was.length > 0 && !isSameKey) {
    texts.push(`its rows are told apart by ${listWords(is)}, and were by ${listWords(was)}`);
  }
  return texts;
}

/** Models behind those, or behind streams, whose rows change: each with what it reads of them. */
function affectedModels(
  { models, parts }: PipelineChanges,
  steps: readonly PipelineStep[],
): ReadonlyMap<string, readonly string[]> {
  const changed = new Map<string, string>();
  for (const [name, { rows, change }] of models) {
    if (rows && change !== "removed") changed.set(`model:${name}`, name);
  }
  for (const { name, change, keys } of parts.streams) {
    const isOfRows = change !== "changed" || keys.some(({ key }) => !NO_ROWS_OF_STREAM.has(key));
    if (isOfRows) changed.set(`extract:${name}`, `raw.${name}`);
  }
  const affected = new Map<string, string[]>();
  // Steps stand behind what they depend on.
  for (const { name, kind, depends } of steps) {
    if (kind !== "model") continue;
    const reads = depends.flatMap((other) => changed.get(other) ?? []);
    if (reads.length === 0) continue;
    const model = name.slice("model:".length);
    affected.set(model, reads);
    changed.set(name, model);
  }
  return affected;
}

/** Names of all models: those of the new version as they are built, then those that are gone. */
function orderOf({ beforeModels, afterModels }: PipelineChanges, { after }: Compiled): string[] {
  const built = (after?.steps ?? []).flatMap(({ kind, name }) =>
    kind === "model" ? [name.slice("model:".length)] : []
  );
  const others = [...afterModels, ...beforeModels].map(({ name }) => name);
  const names: string[] = [];
  for (const name of [...built, ...others]) {
    if (!names.some((known) => isSameName(known, name))) names.push(name);
  }
  return names;
}

export function modelNamed(models: readonly Model[], name: string): Model | undefined {
  return models.find((model) => isSameName(model.name, name));
}
