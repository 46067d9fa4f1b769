import {
  addressText,
  loadTargets,
  type PipelineDefinition,
  type StreamDefinition,
} from "../../contract/pipeline.ts";
import type { LoadDefinition } from "../../contract/pipeline.ts";
import type { PipelineStep } from "../../contract/run.ts";
import { quoteIdentifier } from "../../contract/sql.ts";
import { type Check, checksOf } from "../../sql/build/checks.ts";
import type { Graph } from "../../sql/language/graph.ts";
import type { Model } from "../../sql/language/model.ts";
import { rawTable } from "../warehouse/warehouse.ts";

/** What a run of a pipeline does, in the order in which it does it. */
export interface Plan {
  readonly extracts: readonly PlannedExtract[];
  readonly models: readonly PlannedModel[];
  /** Checks that read a model which is built after their own: run when all models are there. */
  readonly lateChecks: readonly PlannedCheck[];
  readonly loads: readonly PlannedLoad[];
}

export interface PlannedExtract {
  readonly step: PipelineStep;
  readonly name: string;
  readonly stream: StreamDefinition;
}

export interface PlannedModel {
  readonly step: PipelineStep;
  readonly model: Model;
  /** Run before the model is committed: where one fails, the model is not. */
  readonly checks: readonly PlannedCheck[];
}

export interface PlannedCheck {
  readonly step: PipelineStep;
  readonly check: Check;
  readonly model: Model;
}

export interface PlannedLoad {
  readonly step: PipelineStep;
  /** The graph's node whose rows are loaded, as `model:daily`. */
  readonly node: string;
  /** The quoted table or view in the warehouse. */
  readonly relation: string;
  readonly target: LoadDefinition;
}

export function planRun(definition: PipelineDefinition, models: readonly Model[], graph: Graph): Plan {
  const byName = new Map(models.map((model) => [`model:${model.name}`, model]));
  const plannedModels: PlannedModel[] = [];
  const lateChecks: PlannedCheck[] = [];
  const there = new Set<string>();
  for (const node of graph.order) {
    there.add(node);
    const model = byName.get(node);
    if (model === undefined) continue;
    const checks = checksOf(model).map((check) => planCheck(model, check, graph));
    const isReady = (check: PlannedCheck) => check.step.depends.every((name) => there.has(name));
    plannedModels.push({ model, step: planModel(model, graph), checks: checks.filter(isReady) });
    lateChecks.push(...checks.filter((check) => !isReady(check)));
  }
  return {
    extracts: Object.entries(definition.extract).map(([name, stream]) => ({
      name,
      stream,
      step: planExtract(name, stream),
    })),
    models: plannedModels,
    lateChecks,
    loads: planLoads(definition, new Set(byName.keys())),
  };
}

/** All steps of a plan, for the page before the first run. */
export function stepsOf(plan: Plan): PipelineStep[] {
  return [
    ...plan.extracts.map((extract) => extract.step),
    ...plan.models.flatMap((model) => [model.step, ...model.checks.map((check) => check.step)]),
    ...plan.lateChecks.map((check) => check.step),
    ...plan.loads.map((load) => load.step),
  ];
}

function planExtract(name: string, stream: StreamDefinition): PipelineStep {
  const by = stream.update_key === undefined ? "" : ` by ${stream.update_key}`;
  return {
    name: `extract:${name}`,
    kind: "extract",
    depends: [],
    summary: `${stream.connector}: ${addressText(stream)}, ${stream.mode}${by}`,
    file: null,
    sql: typeof stream["query"] === "string" ? stream["query"] : null,
  };
}

function planModel(model: Model, graph: Graph): PipelineStep {
  const name = `model:${model.name}`;
  return {
    name,
    kind: "model",
    depends: [...(graph.nodes.get(name)?.depends ?? [])],
    summary: model.description ?? model.materialized,
    file: model.path,
    sql: model.sql,
  };
}

function planCheck(model: Model, check: Check, graph: Graph): PlannedCheck {
  const name = `check:${model.name}.${check.name}`;
  const step: PipelineStep = {
    name,
    kind: "check",
    depends: [...(graph.checkDepends.get(name) ?? [`model:${model.name}`])],
    summary: check.severity === "warn" ? "warns" : "stops the run",
    file: model.path,
    sql: check.sql,
  };
  return { check, model, step };
}

function planLoads(definition: PipelineDefinition, models: ReadonlySet<string>): PlannedLoad[] {
  const names = new Set<string>();
  return Object.entries(definition.load).flatMap(([table, load]) =>
    loadTargets(load).map((target) => {
      const node = models.has(`model:${table}`) ? `model:${table}` : `extract:${table}`;
      const base = `load:${table}→${target.connector}`;
      let name = base;
      for (let count = 2; names.has(name); count += 1) name = `${base}#${count}`;
      names.add(name);
      return {
        node,
        target,
        relation: node.startsWith("model:") ? `main.${quoteIdentifier(table)}` : rawTable(table),
        step: {
          name,
          kind: "load" as const,
          depends: [node],
          summary: `${target.connector}: ${addressText(target)}, ${target.mode}`,
          file: null,
          sql: null,
        },
      };
    })
  );
}
