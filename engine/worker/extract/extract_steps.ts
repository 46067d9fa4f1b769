import { inputsOf, parentsOf } from "../../../contract/pipeline/parents.ts";
import type { SourceTotal } from "../../../contract/jobs/reports.ts";
import type { RunJob } from "../../../contract/jobs/run_job.ts";
import type { Step } from "../../../contract/run.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import type { ThreadCount } from "../../duckdb/thread_count.ts";
import { readSchema } from "../../warehouse/schema_history.ts";
import type { Connections } from "../connections.ts";
import type { PlannedExtract } from "../plan.ts";
import { type Point, pointsOf } from "../points.ts";
import { type Reporter, tellTraffic } from "../reporter.ts";
import type { SessionLease } from "../session_pool.ts";
import { stepsAtOnce } from "../steps/steps_at_once.ts";
import { extractStream, type RowTap } from "./extract.ts";
import { inputRows, inputSchemas } from "./others/input_rows.ts";
import { parentRows } from "./others/parent_rows.ts";
import { extractParts } from "./parts.ts";
import type { Extracted } from "./sink/stream_sink.ts";

export interface ExtractStepsOptions {
  readonly job: RunJob;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  readonly connections: Connections;
  readonly threads: ThreadCount;
  /** A session of the step, for what is read beside its own. */
  lease(planned: PlannedExtract): Promise<SessionLease>;
  /** Marks the step as done, in the session's transaction; returns it with its end. */
  readonly record: (
    session: DuckSession,
    planned: PlannedExtract,
    step: Step,
    change: Partial<Step>,
  ) => Promise<Step>;
}

/** The steps of one attempt that read a stream, but for those that follow changes. */
export class ExtractSteps {
  readonly #options: ExtractStepsOptions;
  readonly #files = new Map<string, number>();

  constructor(options: ExtractStepsOptions) {
    this.#options = options;
  }

  /** How many files a step's stream was read from, where it was read from files. */
  filesOf(step: string): number | undefined {
    return this.#files.get(step);
  }

  /** The step with its end. `tap` takes the rows while they are read. Throws what the read failed with. */
  async carryOut(
    session: DuckSession,
    planned: PlannedExtract,
    step: Step,
    tap: RowTap | undefined,
  ): Promise<Step> {
    const { job, reporter, signal, connections, threads, lease } = this.#options;
    const { name, stream } = planned;
    const { runId, attempt, fullRefresh, range } = job;
    const { source, request: own } = await connections.source(name, stream);
    const [parent] = parentsOf(stream);
    const { pipeline, params, windowStartMs, windowEndMs } = job;
    const run = { runId, pipeline, params, windowStartMs, windowEndMs };
    const asked = { ...own, run, onTraffic: tellTraffic(reporter, step.name) };
    const inputs = inputsOf(stream);
    const request = {
      ...asked,
      ...(parent === undefined ? {} : {
        parentRows: (columns: readonly string[], included: readonly string[]) =>
          parentRows(session, parent.stream, columns, included),
      }),
      ...(inputs.length === 0 ? {} : {
        inputRows: (batchRows: number) => inputRows(() => lease(planned), inputs, batchRows, signal),
        inputSchemas: () => inputSchemas(() => lease(planned), inputs),
      }),
    };
    const points = pointsOf(job.dieAt);
    const context = {
      session,
      name,
      stream,
      runId,
      attempt,
      fullRefresh,
      shape: await connections.shape(name, stream),
      signal,
      threads,
      ...(range === undefined || range === null ? {} : { range }),
      ...(tap === undefined ? {} : { tap }),
      onProgress: (rows: number, sizeBytes: number | null, total?: SourceTotal) =>
        reporter.progress(step.name, rows, sizeBytes, total),
      log: reporter.logger(step.name),
      onWarning: (message: string) => reporter.log("warn", step.name, message),
      onCheckpoint: (point: Point) => points.reach(step.name, point),
    };
    let ended = step;
    let changed: readonly string[] = [];
    const record = async (extracted: Extracted) => {
      const { rows, sizeBytes, rejects, columns, files, deletes, children, hasNewSchema, isUnchanged } =
        extracted;
      const tables = [{ table: name, columns, hasNewSchema }, ...children];
      changed = tables.filter((one) => one.hasNewSchema).map(({ table }) => table);
      if (files !== undefined) this.#files.set(step.name, files);
      points.reach(step.name, "after read");
      for (const written of tables) {
        if (written.columns.length === 0) continue;
        reporter.send({ type: "columns", stream: written.table, columns: written.columns });
      }
      ended = await this.#options.record(session, planned, step, {
        rows,
        size_bytes: sizeBytes,
        rejects,
        ...(deletes === undefined ? {} : { deleted: deletes }),
        ...(isUnchanged === true ? { unchanged: true } : {}),
      });
      points.reach(step.name, "before commit");
    };
    const parts = stream.partition === undefined ? undefined : await extractParts(
      { ...context, lease: () => lease(planned), atOnce: this.#partsAtOnce(stream.connector) },
      source,
      request,
      stream.partition,
      record,
    );
    if (parts === undefined) await extractStream(context, source, request, record);
    points.reach(step.name, "after commit");
    for (const table of changed) {
      reporter.send({ type: "schema", schema: await readSchema(session, table) });
    }
    return ended;
  }

  #partsAtOnce(connector: string): number {
    const { job: { definition: { resources } }, connections } = this.#options;
    return Math.min(
      connections.limits(connector).uses,
      stepsAtOnce(resources, navigator.hardwareConcurrency),
    );
  }
}
