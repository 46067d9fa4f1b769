import { ulid } from "ulid";
import type { Clock } from "../../contract/clock.ts";
import { AppError } from "../../contract/errors.ts";
import type { Log } from "../../contract/log.ts";
import { loadTargets } from "../../contract/pipeline/load.ts";
import type { PipelineDefinition } from "../../contract/pipeline/pipeline.ts";
import type { Range } from "../../contract/range.ts";
import { RETRY_WITHIN_DAYS, type Run, type RunDetail } from "../../contract/run.ts";
import { isTerminal } from "../../contract/run_state.ts";
import { resolveParams } from "../../sql/build/variables.ts";
import type { RunQueue } from "../runs/run_queue.ts";
import type { NewRun, PipelineRecord, RevisionHead, Store } from "../store/store.ts";
import type { TriggerRequest, WindowRequest } from "./engine.ts";
import { requireSelection } from "./run_selection.ts";

const DAY_MS = 86_400_000;

export interface RunRequestsContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly queue: RunQueue;
  /** Throws not_found. */
  readonly pipeline: (name: string) => Promise<PipelineRecord>;
  /** A run was queued or changed: whoever works or watches should look. */
  readonly onChange: () => void;
}

/** What people, schedules and programs ask of runs: to start, to stop, to try again. */
export class RunRequests {
  readonly #context: RunRequestsContext;

  constructor(context: RunRequestsContext) {
    this.#context = context;
  }

  /** Throws not_found, invalid for what does not fit, or conflict for an idempotency key used otherwise. */
  async trigger(pipeline: string, request: TriggerRequest): Promise<Run> {
    return await this.#enqueue(pipeline, request, this.#context.clock.now());
  }

  /** The run of a schedule's firing; none where `overlap: skip` leaves it out. */
  async fire(pipeline: string, atMs: number): Promise<void> {
    const { store, log } = this.#context;
    const record = await this.#context.pipeline(pipeline);
    const found = record.revision === null ? undefined : await store.revisions.head(record.revision);
    const at = new Date(atMs).toISOString();
    if (found?.definition.overlap === "skip" && await store.runs.isActive(pipeline)) {
      log("info", "a firing was left out: a run is still going on", { pipeline, at });
    } else {
      const request = { trigger: "schedule", triggeredBy: at, idempotencyKey: `schedule ${at}` } as const;
      await this.#enqueue(pipeline, request, atMs);
    }
    await store.pipelines.setFired(pipeline, atMs);
  }

  async cancel(id: string, by: string): Promise<Run> {
    const { store, clock, queue, onChange } = this.#context;
    for (;;) {
      const cancelled = await store.runs.cancelQueued(id, clock.now(), "cancelled", by);
      if (cancelled !== undefined) {
        onChange();
        return cancelled;
      }
      const run = await this.#run(id);
      if (isTerminal(run.state)) throw new AppError("conflict", `Run ${id} has ended: it is ${run.state}`);
      if (run.state === "running" && await queue.cancel(id, by)) return run;
      // Either its server died, or another one has it, or it went on meanwhile: from running to queued
      // for its next attempt, or the other way.
      const ended = run.state === "running" ? await queue.cancelOrphan(id, by) : undefined;
      if (ended !== undefined) return ended;
      if (await store.runs.askCancel(id, by)) return run;
    }
  }

  async retry(id: string): Promise<Run> {
    const { store, clock, onChange } = this.#context;
    const run = await this.#run(id);
    const refusal = await this.#retryRefusal(run);
    if (refusal !== undefined) throw refusal;
    const retried = await store.runs.retry(id, clock.now());
    if (retried === undefined) {
      throw new AppError(
        "conflict",
        `Run ${id} is ${run.state}: only a failed or cancelled run can be retried`,
      );
    }
    onChange();
    return retried;
  }

  /** Whether a retry of the run would be taken now. */
  async canRetry(run: Run): Promise<boolean> {
    if (run.state !== "failed" && run.state !== "cancelled") return false;
    return await this.#retryRefusal(run) === undefined;
  }

  async #retryRefusal({ id, pipeline, created_at }: Run): Promise<AppError | undefined> {
    const { store, clock } = this.#context;
    const later = await store.runs.laterThan(id);
    if (later !== undefined) {
      return new AppError(
        "conflict",
        `Run ${id} is not the newest of "${pipeline}" (that is ${later}): its tables have moved on, start a new run`,
      );
    }
    if (clock.now() - Date.parse(created_at) <= RETRY_WITHIN_DAYS * DAY_MS) return undefined;
    return new AppError(
      "conflict",
      `Run ${id} is older than ${RETRY_WITHIN_DAYS} days: what it did is soon forgotten, start a new run`,
      { reason: "run_too_old" },
    );
  }

  async #run(id: string): Promise<Run> {
    const detail: RunDetail | undefined = await this.#context.store.runs.get(id);
    if (detail === undefined) throw new AppError("not_found", `There is no run "${id}"`);
    const { steps: _steps, attempts: _attempts, ...run } = detail;
    return run;
  }

  async #enqueue(pipeline: string, request: TriggerRequest, windowEndMs: number): Promise<Run> {
    const { store, clock, onChange } = this.#context;
    const record = await this.#context.pipeline(pipeline);
    const revision = record.revision === null ? undefined : await store.revisions.head(record.revision);
    if (revision === undefined) {
      throw new AppError(
        "invalid",
        `Pipeline "${pipeline}" has faults and has never been right: it cannot run`,
        { faults: record.faults },
      );
    }
    if (request.select !== undefined) {
      const whole = await store.revisions.get(revision.id);
      if (whole !== undefined) requireSelection(request.select, whole);
    }
    if (request.range !== undefined) checkRange(request.range, request, revision.definition);
    const asked = request.window ?? windowOf(request.range);
    const window = asked === undefined ? undefined : checkedWindow(asked);
    const key = request.idempotencyKey;
    const { run } = await store.runs.create({
      id: ulid(clock.now()),
      pipeline,
      revision: revision.id,
      trigger: request.trigger,
      triggeredBy: request.triggeredBy ?? null,
      params: resolveParams(revision.definition.params, request.params ?? {}),
      select: request.select ?? null,
      fullRefresh: request.fullRefresh ?? false,
      idempotencyKey: key ?? null,
      requestHash: key === undefined ? null : await hashRequest(request),
      ...(window === undefined ? {} : { window }),
      ...(request.range === undefined ? {} : { range: request.range }),
      windowEndMs,
      createdAtMs: clock.now(),
      ...(request.group === undefined ? {} : { group: request.group }),
      ...(request.parent === undefined ? {} : { parent: request.parent }),
      priority: request.priority ?? 0,
      limits: connectionLimits(revision),
    });
    onChange();
    return run;
  }
}

/** Throws invalid for a range that no stream could be read by. */
function checkRange(
  { from, to }: Range,
  { fullRefresh = false }: TriggerRequest,
  { extract }: PipelineDefinition,
): void {
  if (fullRefresh) {
    throw new AppError("invalid", `A run reads the range from ${from} to ${to} or everything anew, not both`);
  }
  const hasKey = Object.values(extract).some(({ mode, update_key: key }) =>
    mode !== "full" && key !== undefined
  );
  if (!hasKey) {
    throw new AppError(
      "invalid",
      `There is no stream to read the range from ${from} to ${to} of: none keeps its rows and has an update_key`,
    );
  }
}

const TIME = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?$/;

/** A range of times is a window as well, for the models; UTC where no zone is said. */
function windowOf(range: Range | undefined): WindowRequest | undefined {
  if (range === undefined || !TIME.test(range.from) || !TIME.test(range.to)) return undefined;
  const iso = (text: string) => {
    const [, time = text, zone] = /^(.+\d)(Z|[+-]\d\d(?::?\d\d)?)$/.exec(text.length > 10 ? text : "") ?? [];
    if (text.length === 10) return `${text}T00:00:00Z`;
    const minutes = zone === undefined || zone === "Z" || zone.includes(":")
      ? zone
      : `${zone.slice(0, 3)}:${zone.slice(3).padEnd(2, "0")}`;
    return `${time.replace(" ", "T")}${minutes ?? "Z"}`;
  };
  return { start: iso(range.from), end: iso(range.to) };
}

/** Throws invalid for a window that ends before it begins or holds nothing. */
function checkedWindow({ start, end }: WindowRequest): { startMs: number | null; endMs: number } {
  const startMs = start === null ? null : Date.parse(start);
  const endMs = Date.parse(end);
  if (Number.isNaN(startMs) || Number.isNaN(endMs)) {
    throw new AppError("invalid", `The window from ${start} to ${end} needs times as 2026-03-01T00:00:00Z`);
  }
  if (startMs !== null && startMs >= endMs) {
    throw new AppError("invalid", `The window's end ${end} must come after its start ${start}`);
  }
  return { startMs, endMs };
}

/** What was asked for, as hex of SHA-256: the same for the same request, in whatever order its params came. */
async function hashRequest(request: TriggerRequest): Promise<string> {
  const { params = {}, select = null, fullRefresh = false, window = null, group = null } = request;
  const { parent = null, priority = 0, range } = request;
  const sorted = Object.entries(params).sort(([one], [other]) => one < other ? -1 : 1);
  const text = JSON.stringify([
    sorted,
    select,
    fullRefresh,
    window,
    group,
    parent,
    priority,
    ...range === undefined ? [] : [range],
  ]);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}

/**
 * The connectors that say how many connections there may be: over all runs, so that a run needs as many
 * as it can have open at a time. One that says nothing limits each run by itself, in its own process.
 */
function connectionLimits({ connectors, definition }: RevisionHead): NonNullable<NewRun["limits"]> {
  const uses = [
    ...Object.values(definition.extract),
    ...Object.values(definition.load).flatMap((load) => loadTargets(load)),
  ];
  const limits: Record<string, { slots: number; needed: number }> = {};
  for (const [name, { max_connections: slots }] of Object.entries(connectors)) {
    if (typeof slots !== "number") continue;
    const count = uses.filter(({ connector }) => connector === name).length;
    if (count > 0) limits[`connector ${name}`] = { slots, needed: Math.min(count, slots) };
  }
  return limits;
}
