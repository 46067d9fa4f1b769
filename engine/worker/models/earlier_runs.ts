import type { RunJob } from "../../../contract/jobs/run_job.ts";
import type { Step } from "../../../contract/run.ts";
import type { SqlSession } from "../../../contract/sql.ts";
import type { Graph } from "../../../sql/language/graph.ts";
import type { ModelDefinition } from "../../../sql/build/model_change.ts";
import { readBuiltModels } from "../../warehouse/models/built_models.ts";
import type { Macro } from "../../../sql/language/macros/parse_macros.ts";
import { dropMacrosBut } from "../../warehouse/models/kept_macros.ts";
import { stepsInBatches } from "../../warehouse/models/model_batches.ts";
import { noteNewSteps, readStepWindows } from "../../warehouse/steps/step_windows.ts";
import type { Plan } from "../plan.ts";
import type { Reporter } from "../reporter.ts";
import { Ephemerals } from "./ephemerals.ts";
import { InputFacts } from "./input_facts.ts";
import { KnownRelations } from "./known_relations.ts";
import { ModelDefinitions } from "./model_definitions.ts";
import { Recipes } from "./recipes.ts";
import { dropLeftTables, type LeftTable, leftTables } from "./renamed_models.ts";
import { StepWindows } from "./windows.ts";

/** What earlier runs left in the warehouse, as a run has to know it before its first step. */
export interface EarlierRuns {
  readonly windows: StepWindows;
  /** What stands in main. */
  readonly relations: KnownRelations;
  /** Tables of models that are not in the pipeline any more. */
  readonly left: readonly LeftTable[];
  readonly definitions: ModelDefinitions;
  readonly recipes: Recipes;
  /** What the tables and views were made by, by nameKey. */
  readonly built: ReadonlyMap<string, ModelDefinition>;
  /** Steps of models that a run has left half done, in batches. */
  readonly inBatches: ReadonlySet<string>;
  readonly ephemerals: Ephemerals;
  /** What this run has built so far, and what it reads of others. */
  readonly inputs: InputFacts;
  /** The macros that views of the pipeline call. */
  readonly viewMacros: readonly Macro[];
  readonly hasDisabled: boolean;
}

/** What of a run's job it goes by. */
export type LookingBack = Pick<
  RunJob,
  "runId" | "definition" | "params" | "windowStartMs" | "windowEndMs" | "isWindowGiven" | "fullRefresh"
>;

/** Steps that are new are noted, so that what they miss from now on comes to them later. */
export async function lookBack(
  session: SqlSession,
  job: LookingBack,
  { plan, graph, committed }: {
    readonly plan: Plan;
    readonly graph: Graph;
    /** What earlier attempts of this run have done, by step. */
    readonly committed: ReadonlyMap<string, Step>;
  },
): Promise<EarlierRuns> {
  const known = await readStepWindows(session);
  const windows = new StepWindows(job, plan, graph, known);
  await noteNewSteps(session, windows.newSteps(), job.runId);
  const models = plan.steps.flatMap((planned) => planned.kind === "model" ? [planned.model] : []);
  const built = await readBuiltModels(session);
  const ephemerals = new Ephemerals(models, graph);
  const definitions = new ModelDefinitions(models, graph);
  return {
    windows,
    relations: await KnownRelations.read(session, models),
    built,
    left: leftTables(built, models, graph.disabled.keys()),
    definitions,
    recipes: new Recipes(models, graph, definitions, job),
    inBatches: await stepsInBatches(session),
    ephemerals,
    inputs: new InputFacts(models, graph, committed.values()),
    viewMacros: models.filter(({ materialized }) => materialized === "view")
      .flatMap((model) => ephemerals.macrosOf(model)),
    hasDisabled: graph.disabled.size > 0,
  };
}

/** At the end of a run that succeeded: what no model makes any more goes, where all of them ran. */
export async function clearAway(
  session: SqlSession,
  { select, fullRefresh }: RunJob,
  { left, viewMacros, hasDisabled }: EarlierRuns,
  reporter: Reporter,
): Promise<void> {
  if (select !== null) return;
  const lines = await session.transaction(async () => {
    // A view that is switched off stays, and calls what it called.
    if (!hasDisabled) await dropMacrosBut(session, viewMacros);
    return left.length === 0 ? [] : await dropLeftTables(session, left, fullRefresh);
  });
  for (const { level, message } of lines) reporter.log(level, null, message);
}
