import { AppError } from "../../contract/errors.ts";
import type { ReadableRevision } from "../../contract/revision.ts";
import type { PipelineStep } from "../../contract/run.ts";
import { selectSteps } from "../../sql/language/selector.ts";
import { stepGraph } from "../definitions/plan/step_graph.ts";

/**
 * Throws invalid for a selection that is none, or that selects nothing of the revision: who asks for it
 * learns that before there is a run. The revision's steps say enough, without DuckDB.
 */
export function requireSelection(
  select: string,
  { revision, steps }: { readonly revision: ReadableRevision; readonly steps: readonly PipelineStep[] },
): void {
  try {
    selectSteps(select, stepGraph(revision, steps));
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError(error.code, `${error.message} (pipeline "${revision.pipeline}")`);
  }
}
