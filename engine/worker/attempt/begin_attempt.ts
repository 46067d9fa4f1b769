import type { RunJob } from "../../../contract/jobs/run_job.ts";
import type { Step } from "../../../contract/run.ts";
import { appendsRows } from "../../../sql/build/model_change.ts";
import type { Graph } from "../../../sql/language/graph.ts";
import { namesState } from "../../../sql/language/selector.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { committedSteps } from "../../warehouse/steps/step_ledger.ts";
import { chooseSteps, requireTables } from "../models/chosen_steps.ts";
import { type EarlierRuns, lookBack } from "../models/earlier_runs.ts";
import { stepStates } from "../models/step_states.ts";
import type { Plan, PlannedStep } from "../plan.ts";

/** What an attempt knows before its first step. */
export interface BegunAttempt {
  readonly plan: Plan;
  /** Those of the plan that the run was asked for. */
  readonly steps: readonly PlannedStep[];
  /** What earlier attempts of the run have done and is done still, by step. */
  readonly committed: ReadonlyMap<string, Step>;
  readonly earlier: EarlierRuns;
}

/** Throws `invalid` where a step that was chosen reads a table that is not there. */
export async function beginAttempt(
  session: DuckSession,
  job: RunJob,
  plan: Plan,
  graph: Graph,
): Promise<BegunAttempt> {
  const { select, runId } = job;
  const states = select === null || !namesState(select) ? undefined : await stepStates(session, runId, plan);
  const steps = chooseSteps(plan, graph, select, states);
  if (select !== null) await requireTables(session, steps, plan, graph);
  const marked = await committedSteps(session, runId);
  const committed = job.isOvertaken ? stillDone(marked, steps) : marked;
  return { plan, steps, committed, earlier: await lookBack(session, job, { plan, graph, committed }) };
}

/**
 * What still counts as done where another run has been at the tables since: what a destination has, what was read
 * straight into one, and what was appended to a table, where it still is. All else is in tables that are the other
 * run's by now.
 */
function stillDone(
  committed: ReadonlyMap<string, Step>,
  steps: readonly PlannedStep[],
): ReadonlyMap<string, Step> {
  const kept = steps.filter((planned) =>
    planned.kind === "load" || (planned.kind === "extract" && !planned.stream.store) ||
    (planned.kind === "model" && appendsRows(planned.model))
  );
  return new Map(kept.flatMap(({ step }) => {
    const done = committed.get(step.name);
    return done === undefined ? [] : [[step.name, done] as const];
  }));
}
