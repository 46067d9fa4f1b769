import type { RunJob } from "../../../contract/jobs/run_job.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import { gathersRows } from "../../../sql/build/model_change.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { forgetOldCheckValues } from "../../warehouse/checks/check_values.ts";
import { forgetOldFailedRows } from "../../warehouse/checks/failed_rows.ts";
import { foldJournal } from "../../warehouse/steps/journal.ts";
import { dropTablesBefore } from "../../warehouse/models/tables_before.ts";
import { forgetOldRejects } from "../../warehouse/rejects.ts";
import { forgetOldSteps } from "../../warehouse/steps/step_ledger.ts";
import { letGo } from "../changes/let_go.ts";
import type { Connections } from "../connections.ts";
import type { JobContext } from "../job_context.ts";
import { clearAway } from "../models/earlier_runs.ts";
import type { Plan } from "../plan.ts";
import type { BegunAttempt } from "./begin_attempt.ts";

export interface EndOptions {
  readonly job: RunJob;
  /** The job's definition with its wildcards as they are written. */
  readonly written: PipelineDefinition;
  readonly context: Pick<JobContext, "reporter" | "signal">;
  readonly connections: Pick<Connections, "sourceOf">;
}

/**
 * Puts in order what the attempt has noted, and forgets what is too old. Where all of it succeeded, what no model and no
 * stream of the pipeline makes or follows any more goes.
 */
export async function endAttempt(
  session: DuckSession,
  { job, written, context: { reporter, signal }, connections }: EndOptions,
  { plan, earlier }: BegunAttempt,
  hasSucceeded: boolean,
): Promise<void> {
  await foldJournal(session);
  await forgetOldSteps(session);
  await forgetOldRejects(session);
  await forgetOldFailedRows(session);
  await forgetOldCheckValues(session);
  if (!hasSucceeded) return;
  await clearAway(session, job, earlier, reporter);
  if (job.select === null) await dropTablesBefore(session, keptBefore(job, plan));
  const following = { pipeline: job.pipeline, definition: written };
  await letGo(session, following, (name) => connections.sourceOf(name), reporter, signal);
}

/** The models whose tables are kept as they were before the run. */
function keptBefore({ definition }: RunJob, { steps }: Plan): readonly string[] {
  if (definition.keep_inputs === undefined) return [];
  return steps.flatMap((planned) =>
    planned.kind === "model" && gathersRows(planned.model) ? [planned.model.name] : []
  );
}
