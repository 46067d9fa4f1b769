import { type FollowProgress, StreamsFailed } from "../../../contract/connector/changes.ts";
import type { FollowedStream, Source } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import type { RunJob } from "../../../contract/jobs/run_job.ts";
import { followedStreams } from "../../../contract/pipeline/followed_streams.ts";
import type { Step } from "../../../contract/run.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { followerToken } from "../../warehouse/followers.ts";
import { tableColumns } from "../../warehouse/raw_table.ts";
import { readState } from "../../warehouse/stream_state.ts";
import type { Connections } from "../connections.ts";
import type { PlannedExtract, PlannedStep } from "../plan.ts";
import { pointsOf } from "../points.ts";
import { type Reporter, startStep } from "../reporter.ts";
import type { SessionPool } from "../session_pool.ts";
import { ChangeSink } from "./change_sink.ts";
import { FollowStatus } from "./follow_status.ts";
import { followStreams, workOf } from "./follow_streams.ts";

export interface FollowedStepsOptions {
  readonly job: RunJob;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  readonly sessions: SessionPool;
  readonly connections: Connections;
  /** Marks the step as done, in the session's transaction; returns it with its end. */
  readonly record: (
    session: DuckSession,
    planned: PlannedExtract,
    step: Step,
    change: Partial<Step>,
  ) => Promise<Step>;
}

/**
 * The steps of one attempt whose streams follow changes: those of one connector are carried out together,
 * by the first of them that is run, since their system has one log for all. The others wait for that.
 */
export class FollowedSteps {
  readonly #options: FollowedStepsOptions;
  readonly #planned: readonly PlannedExtract[];
  readonly #groups = new Map<string, Promise<ReadonlyMap<string, Step | AppError>>>();
  readonly #started = new Map<string, Step>();

  /** Of `planned`, those that follow changes and are to be done. */
  constructor(options: FollowedStepsOptions, planned: readonly PlannedStep[]) {
    this.#options = options;
    this.#planned = planned.flatMap((step) =>
      step.kind === "extract" && step.stream.mode === "cdc" ? [step] : []
    );
  }

  /** The step with its end. Throws what following the stream failed with, or all of its connector's. */
  async carryOut(planned: PlannedExtract, step: Step): Promise<Step> {
    this.#started.set(step.name, step);
    const { connector } = planned.stream;
    const group = this.#groups.get(connector) ?? this.#follow(connector);
    this.#groups.set(connector, group);
    const ended = (await group).get(step.name) ?? step;
    if (ended instanceof AppError) throw ended;
    return ended;
  }

  /** Follows without those that cannot be followed, as soon as they are known. */
  async #follow(connector: string): Promise<ReadonlyMap<string, Step | AppError>> {
    const { job, reporter, sessions, connections } = this.#options;
    // What is wrong with the connector itself is no stream's fault.
    await connections.connection(connector);
    let group = this.#planned.filter(({ stream }) => stream.connector === connector);
    await using lease = await sessions.lease();
    const { session } = lease;
    const token = await followerToken(session, connector);
    const streams = followedStreams(job.definition, connector).map(([name]) => name);
    const status = new FollowStatus({ connector, token, streams, reporter });
    await status.readStates(session);
    const ended = new Map<string, Step | AppError>();
    while (group.length > 0) {
      try {
        await this.#followTogether(session, token, group, status, ended);
        break;
      } catch (error) {
        if (!(error instanceof StreamsFailed)) throw error;
        const { errors } = error;
        const left = group.filter(({ name }) => !errors.has(name));
        if (left.length === group.length) throw new AppError("internal", error.message, { cause: error });
        for (const { name, step } of group) {
          const failure = errors.get(name);
          if (failure === undefined) continue;
          status.fail(name, failure);
          ended.set(step.name, failure);
        }
        group = left;
      }
    }
    status.send();
    return ended;
  }

  async #followTogether(
    session: DuckSession,
    token: string,
    group: readonly PlannedExtract[],
    status: FollowStatus,
    ended: Map<string, Step | AppError>,
  ): Promise<void> {
    const { job, reporter, signal, record } = this.#options;
    const points = pointsOf(job.dieAt);
    const sinks = new Map<string, ChangeSink>();
    const streams: FollowedStream[] = [];
    let source: Source | undefined;
    for (const planned of group) {
      const asked = await workOf(planned.name, () => this.#ask(session, planned));
      source = asked.source;
      sinks.set(planned.name, asked.sink);
      streams.push({ ...asked.request, ...await asked.sink.position() });
    }
    const [first] = group;
    if (source === undefined || first === undefined) return;
    const resting = await this.#resting(session, first.stream.connector, group);
    const recordAll = async () => {
      for (const planned of group) {
        const { name, step } = planned;
        const { rows, sizeBytes } = sinks.get(name)?.counts ?? { rows: 0, sizeBytes: 0 };
        points.reach(step.name, "after read");
        reporter.send({ type: "columns", stream: name, columns: await tableColumns(session, "raw", name) });
        const started = this.#started.get(step.name) ?? startStep(step, job.attempt, Date.now());
        const isWarned = planned === first && status.hasWarned;
        const state = isWarned ? "warned" : "succeeded";
        ended.set(
          step.name,
          await record(session, planned, started, { state, rows, size_bytes: sizeBytes, rejects: 0 }),
        );
      }
    };
    const context = {
      session,
      pipeline: job.pipeline,
      token,
      signal,
      log: (level: Parameters<Reporter["log"]>[0], stream: string | null, message: string) =>
        reporter.log(level, `extract:${stream ?? first.name}`, message),
      onProgress: (progress: FollowProgress) => status.take(progress, sinks),
      reach: (point: "before checkpoint" | "after checkpoint" | "after read") =>
        points.reach(first.step.name, point),
    };
    await followStreams(context, source, sinks, streams, resting, recordAll);
    points.reach(first.step.name, "after commit");
  }

  async #ask(session: DuckSession, { name, step, stream }: PlannedExtract) {
    const { job: { runId, fullRefresh }, reporter, connections } = this.#options;
    const { source, request } = await connections.source(name, stream);
    const shape = await connections.shape(name, stream);
    const sink = await ChangeSink.open({
      session,
      name,
      stream,
      shape,
      source,
      runId,
      fullRefresh,
      onProgress: (rows, sizeBytes) => reporter.progress(step.name, rows, sizeBytes),
    });
    const primaryKey = stream.primary_key?.map((key) => shape.sourceName(key));
    return {
      source,
      sink,
      request: { ...shape.request(request, source), ...(primaryKey === undefined ? {} : { primaryKey }) },
    };
  }

  /** The pipeline's other streams that follow the connector, as far as they are. */
  async #resting(
    session: DuckSession,
    connector: string,
    group: readonly PlannedExtract[],
  ): Promise<readonly FollowedStream[]> {
    const { job, connections } = this.#options;
    const others = followedStreams(job.definition, connector).filter(([name]) =>
      !group.some((planned) => planned.name === name)
    );
    return await Promise.all(others.map(async ([name, stream]) => {
      const { request } = await connections.source(name, stream);
      const { source } = await readState(session, name);
      return source === undefined ? request : { ...request, state: source };
    }));
  }
}
