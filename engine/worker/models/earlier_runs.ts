import type { RunJob } from "../../../contract/job.ts";
import type { SqlSession } from "../../../contract/sql.ts";
import type { Graph } from "../../../sql/language/graph.ts";
import { noteNewSteps, readStepWindows } from "../../warehouse/step_windows.ts";
import type { Plan } from "../plan.ts";
import type { Reporter } from "../reporter.ts";
import { definitionOf, type ModelDefinition } from "../../../sql/build/model_change.ts";
import type { Model } from "../../../sql/language/model.ts";
import { dropLeftTables, type LeftTable, leftTables } from "./renamed_models.ts";
import { StepWindows } from "./windows.ts";

/** What earlier runs left in the warehouse, as a run has to know it before its first step. */
export interface EarlierRuns {
  readonly windows: StepWindows;
  /** Tables of models that are not in the pipeline any more. */
  readonly left: readonly LeftTable[];
  /** What each incremental model is made by now, with what it reads; by the models' names. */
  readonly definitions: ReadonlyMap<string, ModelDefinition>;
}

/** Steps that are new are noted, so that what they miss from now on comes to them later. */
export async function lookBack(
  session: SqlSession,
  job: RunJob,
  plan: Plan,
  graph: Graph,
): Promise<EarlierRuns> {
  const windows = new StepWindows(job, plan, graph, await readStepWindows(session));
  await noteNewSteps(session, windows.newSteps(), job.runId);
  const models = plan.steps.flatMap((planned) => planned.kind === "model" ? [planned.model] : []);
  return {
    windows,
    left: await leftTables(session, models),
    definitions: await definitionsOf(models, graph),
  };
}

/** A table or a view is what its own models make of streams; an incremental one has a history of its own. */
async function definitionsOf(models: readonly Model[], graph: Graph): Promise<Map<string, ModelDefinition>> {
  const definitions = new Map<string, ModelDefinition>();
  for (const model of models) definitions.set(model.name, await definitionOf(model));
  const sourcesOf = (node: string, found: Record<string, string>) => {
    for (const other of graph.nodes.get(node)?.depends ?? []) {
      const name = other.replace(/^model:/, "");
      const definition = other.startsWith("model:") ? definitions.get(name) : undefined;
      if (definition === undefined || definition.materialized === "incremental" || name in found) continue;
      found[name] = definition.sql;
      sourcesOf(other, found);
    }
    return found;
  };
  for (const [name, definition] of definitions) {
    if (definition.materialized !== "incremental") continue;
    definitions.set(name, { ...definition, sources: sourcesOf(`model:${name}`, {}) });
  }
  return definitions;
}

/** At the end of a run that succeeded: what no model makes any more goes, where all of them ran. */
export async function clearAway(
  session: SqlSession,
  { select, fullRefresh }: RunJob,
  { left }: EarlierRuns,
  reporter: Reporter,
): Promise<void> {
  if (select !== null || left.length === 0) return;
  const lines = await session.transaction(() => dropLeftTables(session, left, fullRefresh));
  for (const { level, message } of lines) reporter.log(level, null, message);
}
