import { placedName } from "../../../contract/environments/pipeline_name.ts";
import { AppError } from "../../../contract/errors.ts";
import type { PromotedWarehouse } from "../../../contract/jobs/run_job.ts";
import type { Log } from "../../../contract/log.ts";
import type { Run } from "../../../contract/run.ts";
import { openScratchFolder } from "./copies_folder.ts";
import { type CopyContext, copyWarehouse } from "./copy_warehouse.ts";

/** How long it waits for a run of the environment's pipeline to end. */
const WAIT_MS = 60_000;

export interface PromotedContext extends CopyContext {
  readonly log: Log;
}

/** A copy of a warehouse to take tables from; it is gone when it is disposed of. */
export interface PromotedCopy extends AsyncDisposable {
  readonly warehouse: PromotedWarehouse;
}

/**
 * A copy of the warehouse that the run's pipeline has in the environment that it promotes; undefined where it promotes none.
 * Throws as `copyWarehouse` does, and `conflict` where there is none any more: the run must not build what it was to take.
 */
export async function promotedWarehouse(
  context: PromotedContext,
  { pipeline, promotes: environment }: Pick<Run, "pipeline" | "promotes">,
  signal: AbortSignal,
): Promise<PromotedCopy | undefined> {
  if (environment === undefined) return undefined;
  const { log } = context;
  const name = placedName({ pipeline, environment });
  const scratch = await openScratchFolder(context.dataDir);
  try {
    const copy = await copyWarehouse(context, {
      pipeline: name,
      folder: scratch.path,
      purpose: `take tables of ${name} over`,
      waitMs: WAIT_MS,
      onWait: () => log("info", `waiting for a run of ${name} to end, to copy its warehouse`, { pipeline }),
    }, signal);
    if (copy === undefined) {
      throw new AppError(
        "conflict",
        `Cannot take tables of ${name} over: it has no warehouse any more; run ${pipeline} to build them`,
      );
    }
    const { path, key } = copy;
    return {
      warehouse: { environment, path, ...(key === undefined ? {} : { key }) },
      [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose](),
    };
  } catch (error) {
    await scratch[Symbol.asyncDispose]();
    throw error;
  }
}
