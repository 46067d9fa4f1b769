import { AppError, toAppError } from "../../../contract/errors.ts";
import type { RunJob } from "../../../contract/jobs/run_job.ts";
import type { Step } from "../../../contract/run.ts";
import type { Column } from "../../../contract/sql.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import type { ThreadCount } from "../../duckdb/thread_count.ts";
import { dropTables } from "../../warehouse/raw_table.ts";
import { readSchema } from "../../warehouse/schema_history.ts";
import { writeState } from "../../warehouse/stream_state.ts";
import type { Connections } from "../connections.ts";
import { tellSchema } from "../extract/tell_schema.ts";
import { changeOf } from "../loads/load_change.ts";
import type { PlannedExtract, PlannedLoad, PlannedStep } from "../plan.ts";
import { pointsOf } from "../points.ts";
import { failStep, type Reporter, tellTraffic } from "../reporter.ts";
import { retryConflicts } from "../retry_conflicts.ts";
import { partOfRun } from "./part_of_run.ts";
import { PassingLoad } from "./passing_load.ts";
import { columnsOfOtherTypes, schemaAsGiven } from "./schema_as_stored.ts";
import { type StraightLoad, straightLoad } from "./straight_load.ts";
import { type Passed, readStraight } from "./straight_read.ts";

export interface StraightStepsOptions {
  readonly job: RunJob;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  readonly connections: Connections;
  readonly threads: ThreadCount;
  /** Reports the beginning of a load's step. */
  readonly start: (planned: PlannedLoad) => Step;
  /** Marks the step as done, in the session's transaction; returns it with its end. */
  readonly record: (
    session: DuckSession,
    planned: PlannedExtract | PlannedLoad,
    step: Step,
    change: Partial<Step>,
  ) => Promise<Step>;
}

/**
 * Streams with `store: false`: the rows go straight to the load that takes them, and the warehouse keeps none.
 *
 * The destination commits first, with the load's id in a ledger of its own; then both steps are marked as done in
 * one transaction of the warehouse. An attempt that dies between the two is followed by one that finds the load
 * in that ledger, reads nothing and marks the steps. Where the stream breaks before its end, nothing is committed
 * anywhere.
 */
export class StraightSteps {
  readonly #options: StraightStepsOptions;
  readonly #steps: readonly PlannedStep[];
  /** The steps of loads that have ended, by name. */
  readonly #loads = new Map<string, Step>();

  /** `steps` are all those of the run. */
  constructor(options: StraightStepsOptions, steps: readonly PlannedStep[]) {
    this.#options = options;
    this.#steps = steps;
  }

  /** The load that the stream's rows go straight to; undefined where they are stored, or where there is none. */
  loadOf(planned: PlannedExtract): PlannedLoad | undefined {
    return planned.stream.store ? undefined : this.#find(planned).load;
  }

  /** The load's step where it is done, or has failed. */
  endOf(load: string): Step | undefined {
    return this.#loads.get(load);
  }

  /** Reads, loads and marks both steps as done; returns the extract's with its end. Throws what either failed with. */
  async carryOut(session: DuckSession, planned: PlannedExtract, step: Step): Promise<Step> {
    const straight = this.#find(planned);
    const { load: target, fault } = straight;
    if (fault !== undefined) throw new AppError("invalid", `Stream "${planned.name}": ${fault}`);
    this.#requirePlaces(planned, target);
    const { job, start, record, reporter } = this.#options;
    const points = pointsOf(job.dieAt);
    const onWarning = (message: string) => reporter.log("warn", step.name, message);
    let loadStep: Step | undefined;
    await using load = this.#loadOf(planned, target, () => loadStep = start(target));
    try {
      await load.open();
      load.check();
      const passed = load.isLoaded
        ? undefined
        : await this.#read(session, planned, step, load, straight.isCopied);
      points.reach(step.name, "after read");
      const receipt = await load.finish(() => Promise.resolve({ rows: passed?.rows ?? 0, hash: null }));
      // Where the destination had the rows from an earlier attempt, nobody knows their columns.
      const { rows, sizeBytes, columns } = passed ?? { ...receipt, columns: undefined };
      const [extracted, loaded, hasNewSchema] = await retryConflicts(
        reporter,
        step.name,
        () =>
          session.transaction(async () => {
            await dropTables(session, planned.name);
            await writeState(session, planned.name, {}, job.runId);
            const hasNewSchema = columns !== undefined &&
              await tellSchema({ session, name: planned.name, runId: job.runId, onWarning }, {
                columns,
                missing: [],
              });
            const read = await record(session, planned, step, { rows, size_bytes: sizeBytes, rejects: 0 });
            const done = await record(session, target, loadStep ?? start(target), changeOf(receipt));
            points.reach(step.name, "before commit");
            return [read, done, hasNewSchema] as const;
          }),
      );
      points.reach(step.name, "after commit");
      this.#loads.set(target.step.name, loaded);
      if (receipt.repeated) {
        reporter.log("info", target.step.name, "The destination had this load from an earlier attempt");
      }
      if (hasNewSchema) reporter.send({ type: "schema", schema: await readSchema(session, planned.name) });
      if (columns !== undefined) this.#tell(planned, target, extracted, columns);
      return extracted;
    } catch (error) {
      if (loadStep === undefined || !load.hasFailed && !this.#options.signal.aborted) throw error;
      this.#fail(target, loadStep, error);
      throw load.hasFailed ? asFailureOf(target.step.name, error) : error;
    }
  }

  #find(planned: PlannedExtract): StraightLoad {
    return straightLoad(planned, this.#steps, this.#options.connections);
  }

  /** The stream and the load are open at the same time. */
  #requirePlaces({ name, stream }: PlannedExtract, { target }: PlannedLoad): void {
    const { uses } = this.#options.connections.limits(stream.connector);
    if (stream.connector !== target.connector || uses > 1) return;
    throw new AppError(
      "invalid",
      `Stream "${name}": store: false reads and loads at the same time, and "${stream.connector}" allows one ` +
        "connection: raise its max_connections, or leave store: false out",
    );
  }

  #loadOf({ name }: PlannedExtract, target: PlannedLoad, onStart: () => void): PassingLoad {
    const { job: { runId, windowEndMs: atMs, dieAt }, connections, reporter, signal } = this.#options;
    return new PassingLoad({
      ...partOfRun({ runId, atMs, connections, reporter, signal, points: pointsOf(dieAt) }, target),
      schemaOf: (schema) => {
        const names = columnsOfOtherTypes(schema).join(", ");
        if (names !== "") throw notStraight(name, `${names} has a type that only a table makes ready for it`);
        return schemaAsGiven(schema);
      },
      onStart,
      onGiveUp: (why) => {
        throw notStraight(name, why);
      },
    });
  }

  async #read(
    session: DuckSession,
    { name, stream }: PlannedExtract,
    step: Step,
    load: PassingLoad,
    isCopied: boolean,
  ): Promise<Passed> {
    const { connections, threads, signal, reporter } = this.#options;
    const { source, request } = await connections.source(name, stream);
    return await readStraight({
      session,
      name,
      source,
      request: { ...request, onTraffic: tellTraffic(reporter, step.name) },
      shape: await connections.shape(name, stream),
      load,
      isCopied,
      threads,
      signal,
      log: reporter.logger(step.name),
      onProgress: (rows, sizeBytes, total) => reporter.progress(step.name, rows, sizeBytes, total),
    });
  }

  /** In the place of a look at the table. */
  #tell(
    { name, stream }: PlannedExtract,
    { target }: PlannedLoad,
    step: Step,
    columns: readonly Column[],
  ): void {
    const { reporter, job: { runId } } = this.#options;
    reporter.send({ type: "columns", stream: name, columns });
    reporter.send({
      type: "table",
      table: {
        name: `raw.${name}`,
        step: step.name,
        description: stream.description ?? null,
        columns: columns.map((column) => ({ ...column, description: null })),
        row_count: step.rows,
        cursor: null,
        changed_at: step.finished_at,
        run: runId,
        rows: [],
        note: `store: false: its rows went straight to ${target.connector}, and none is kept here`,
      },
    });
  }

  #fail({ step: { name } }: PlannedLoad, step: Step, error: unknown): void {
    const { signal, reporter } = this.#options;
    const failure = signal.aborted ? toAppError(signal.reason) : toAppError(error);
    const ended = failStep(step, failure, Date.now());
    this.#loads.set(name, ended);
    // No step is skipped then, which would tell it.
    if (signal.aborted) reporter.send({ type: "step", step: ended });
  }
}

function asFailureOf(step: string, error: unknown): AppError {
  const { code, message, detail, reason, faults } = toAppError(error);
  return new AppError(code, `${step}: ${message}`, {
    ...(detail === undefined ? {} : { detail }),
    ...(reason === undefined ? {} : { reason }),
    faults,
    cause: error,
  });
}

function notStraight(name: string, why: string): AppError {
  return new AppError(
    "invalid",
    `Stream "${name}" cannot go straight to its destination: ${why}; leave store: false out, so that the rows are ` +
      "loaded from a table",
  );
}
