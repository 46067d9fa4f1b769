import type { Attempt, Run, Step } from "../../../contract/run.ts";
import type { RevisionHead } from "../../store/ports/definitions.ts";
import type { Store } from "../../store/store.ts";

/** All that is kept of a run, as it was when it had ended. */
export interface RunStory {
  readonly run: Run;
  /** Since it was asked for, or since the last retry that was: in their order. */
  readonly attempts: readonly AttemptStory[];
  /** Undefined where it is forgotten. */
  readonly revision: RevisionHead | undefined;
  /** The run that caused it. */
  readonly cause: Run | undefined;
}

/** `steps`: those that it worked on, in the order in which the run first saw them. */
export interface AttemptStory extends Attempt {
  readonly steps: readonly Step[];
}

/** `run` is as its end left it: it may have been retried since. Undefined where it is forgotten. Throws what the store throws. */
export async function readStory(
  store: Pick<Store, "runs" | "revisions" | "figures">,
  run: Run,
): Promise<RunStory | undefined> {
  const detail = await store.runs.get(run.id);
  if (detail === undefined) return undefined;
  const steps = await store.figures.allSteps(run.id);
  const attempts = detail.attempts.filter(({ attempt }) =>
    attempt > (run.retried_after ?? 0) && attempt <= run.attempt
  );
  return {
    run,
    attempts: attempts.map((attempt) => ({
      ...attempt,
      steps: steps.filter((step) => step.attempt === attempt.attempt),
    })),
    revision: await store.revisions.head(run.revision),
    cause: run.parent === null ? undefined : await store.runs.get(run.parent),
  };
}
