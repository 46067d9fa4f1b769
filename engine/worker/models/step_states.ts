import { nameKey, type SqlSession } from "../../../contract/sql.ts";
import { definitionOf, isSameDefinition } from "../../../sql/build/model_change.ts";
import type { StepStates } from "../../../sql/language/selector.ts";
import { readModelBuilds } from "../../warehouse/models/built_models.ts";
import type { Plan } from "../plan.ts";

/**
 * What has changed since it was last built: models whose table was made by another definition, or by none yet. Those that
 * this run has built count still, so that each of its attempts selects the same.
 */
export async function stepStates(session: SqlSession, runId: string, plan: Plan): Promise<StepStates> {
  const builds = await readModelBuilds(session);
  const modified = new Set<string>();
  const added = new Set<string>();
  for (const planned of plan.steps) {
    if (planned.kind !== "model") continue;
    const { step, model, macros } = planned;
    const build = builds.get(nameKey(model.name));
    if (build === undefined || build.run === runId) {
      added.add(step.name);
      modified.add(step.name);
    } else if (!isSameDefinition(build.definition, definitionOf(model, macros))) {
      modified.add(step.name);
    }
  }
  return { modified, new: added };
}
