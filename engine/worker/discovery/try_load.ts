import type { DeliveryRequest } from "../../../contract/connector/destination.ts";
import { AppError } from "../../../contract/errors.ts";
import type { RejectedRow, ScriptJob } from "../../../contract/jobs/script_job.ts";
import type { LoadDefinition } from "../../../contract/pipeline/load.ts";
import type { Connections } from "../connections.ts";
import type { JobContext } from "../job_context.ts";
import type { TrialInputs } from "./trial_inputs.ts";

/** Gives the rows of files to a script that takes rows, as a load would, and reports what it did not want. */
export async function tryLoad(
  { name, run, limit, inputs: given }: ScriptJob,
  load: LoadDefinition,
  inputs: TrialInputs,
  connections: Connections,
  { reporter, signal }: JobContext,
): Promise<void> {
  const { destination, target } = await connections.destination(load);
  if (destination.kind !== "delivering" || given === undefined) {
    throw new AppError("internal", "A script that takes rows is tried with some");
  }
  const request: Omit<DeliveryRequest, "idempotencyKey"> = {
    loadId: "trial",
    target,
    mode: "append",
    primaryKey: [],
    run,
    log: (level, message) => reporter.log(level, name, message),
  };
  const rejects: RejectedRow[] = [];
  let count = 0;
  let rejectCount = 0;
  let batches = 0;
  for await (const { batch } of inputs.rows(destination.batchRows(target))) {
    if (batch.numRows === 0) continue;
    batches++;
    const results = await destination.deliver(
      [batch],
      { ...request, idempotencyKey: `trial-${batches}` },
      signal,
    );
    for (const [at, result] of results.entries()) {
      if (result.type === "ok") continue;
      rejectCount++;
      if (rejects.length < limit) rejects.push({ row: count + at + 1, reason: result.reason });
    }
    count += batch.numRows;
  }
  if (batches > 0) await destination.finish?.(request, signal);
  reporter.send({ type: "tried", columns: [], rows: [], count, isWhole: true, rejects, rejectCount });
}
