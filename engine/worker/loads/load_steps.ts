import type { LoadReceipt } from "../../../contract/connector/destination.ts";
import { AppError } from "../../../contract/errors.ts";
import type { RunJob } from "../../../contract/jobs/run_job.ts";
import { addressText } from "../../../contract/pipeline/pipeline.ts";
import type { Step } from "../../../contract/run.ts";
import type { Traffic } from "../../../contract/streams/traffic.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import type { Connections } from "../connections.ts";
import { loadIdOf, loadRelation } from "../load.ts";
import type { PassingLoads } from "../pass_through/passing_loads.ts";
import type { PlannedLoad } from "../plan.ts";
import { pointsOf } from "../points.ts";
import { type Reporter, tellTraffic } from "../reporter.ts";
import { retryConflicts } from "../retry_conflicts.ts";
import { lookAtRejects } from "../rejects/look.ts";
import { changeOf } from "./load_change.ts";
import { ChangedRows } from "./changed_rows.ts";
import { keepRejectedRows, type RejectedRow } from "./rejected_rows.ts";
import { rowsToLoad } from "./rows_to_load.ts";
import { verifyLoad } from "./verify.ts";

export interface LoadStepsOptions {
  readonly job: RunJob;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  readonly connections: Connections;
  /** Loads that have taken their rows while those were read. */
  readonly passing: PassingLoads;
  /** Marks the step as done, in the session's transaction; returns it with its end. */
  readonly record: (
    session: DuckSession,
    planned: PlannedLoad,
    step: Step,
    change: Partial<Step>,
  ) => Promise<Step>;
}

/** The steps of one attempt that load a table into its target. */
export class LoadSteps {
  readonly #options: LoadStepsOptions;

  constructor(options: LoadStepsOptions) {
    this.#options = options;
  }

  /** The step with its end. Throws what the load failed with. */
  async carryOut(session: DuckSession, planned: PlannedLoad, step: Step): Promise<Step> {
    const { reporter, passing } = this.#options;
    const changes = await this.#changesOf(session, planned);
    const loaded = await passing.finish(session, planned) ??
      await this.#loadTable(session, planned, changes);
    if (loaded.repeated) {
      reporter.log("info", step.name, "The destination had this load from an earlier attempt");
    }
    const verified = planned.target.verify ? await this.#verify(session, planned) : undefined;
    const change = { ...changeOf(loaded), ...(verified === undefined ? {} : { verified }) };
    const record = async () => {
      await changes?.record(loaded.repeated);
      return await this.#options.record(session, planned, step, change);
    };
    const recorded = await retryConflicts(reporter, step.name, () => session.transaction(record));
    await changes?.end();
    return recorded;
  }

  /** Throws `conflict` where the target does not hold what was loaded. */
  async #verify(session: DuckSession, { step, relation, target: load }: PlannedLoad): Promise<true> {
    const { reporter, signal, connections } = this.#options;
    const target = await connections.readBack(load);
    const subject = `${addressText(load)} of ${load.connector}`;
    if (typeof target === "string") throw new AppError("invalid", `Cannot verify ${subject}: ${target}`);
    const chosen = await rowsToLoad(session, relation, load);
    const { rows, notCompared } = await verifyLoad({ session, signal, load, subject }, target, chosen);
    const but = notCompared.length === 0 ? "" : `, ${notCompared.join(", ")} not compared`;
    reporter.log(
      "info",
      step.name,
      `Verified: the target has ${rows} rows, and what was loaded is among them${but}`,
    );
    return true;
  }

  /** Of a load that sends only what changed: notes that it begins. */
  async #changesOf(
    session: DuckSession,
    { step, target: load }: PlannedLoad,
  ): Promise<ChangedRows | undefined> {
    if (!load.changed_only) return undefined;
    const { reporter, job: { runId, connectors, fullRefresh, dieAt } } = this.#options;
    const log = reporter.logger(step.name);
    const options = {
      session,
      stepName: step.name,
      loadId: loadIdOf(runId, step.name),
      load,
      place: JSON.stringify(connectors[load.connector] ?? null),
      sendsAll: fullRefresh,
      log: (message: string) => log("info", message),
    };
    const changes = await retryConflicts(reporter, step.name, () => ChangedRows.begin(options));
    pointsOf(dieAt).reach(step.name, "after note");
    return changes;
  }

  async #loadTable(
    session: DuckSession,
    planned: PlannedLoad,
    changes: ChangedRows | undefined,
  ): Promise<LoadReceipt> {
    const { job, reporter, signal, connections } = this.#options;
    const { step: { name }, relation } = planned;
    const { destination, target } = await connections.destination(planned.target);
    let sent = 0;
    const { runId, pipeline, params, windowStartMs, windowEndMs } = job;
    const context = {
      session,
      runId,
      run: { runId, pipeline, params, windowStartMs, windowEndMs },
      atMs: job.windowEndMs,
      ...(changes === undefined ? {} : { changes }),
      signal,
      points: pointsOf(job.dieAt),
      onProgress: (rows: number, totalRows: number) =>
        reporter.progress(name, sent = rows, null, { rows: totalRows }),
      onTraffic: (traffic: Traffic) => tellTraffic(reporter, name)(traffic, sent),
      log: reporter.logger(name),
      keepRejected: async (rejected: readonly RejectedRow[]) => {
        const origin = { stream: name, runId: job.runId, attempt: job.attempt };
        await retryConflicts(reporter, name, () => keepRejectedRows(session, origin, rejected));
        reporter.send({ type: "rejects", rejects: await lookAtRejects(session, name, job.runId) });
      },
    };
    return await loadRelation(context, destination, target, name, relation, planned.target);
  }
}
