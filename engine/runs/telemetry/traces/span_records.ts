import type { ErrorRecord } from "../../../../contract/errors.ts";
import type { Run, Step } from "../../../../contract/run.ts";
import { parseTraceparent, type TraceParent } from "../../../../contract/runs/traceparent.ts";
import type { AttemptStory, RunStory } from "../run_story.ts";
import { type StepAddress, stepAddress } from "../step_address.ts";
import { attemptSpanId, runSpanId, spanIdOf, traceIdOf } from "../trace_ids.ts";

type AttributeValue = string | number | boolean;
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** A span that has ended. Times are epoch milliseconds. */
export interface SpanRecord {
  readonly id: string;
  /** Undefined of the first one: the trace's own parent is its, if there is one. */
  readonly parentId?: string;
  readonly name: string;
  /** `client`: it asked another system. */
  readonly kind: "internal" | "client";
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  /** What kind of failure it ended with; never a message, which may have values of rows in it. */
  readonly error?: string;
  /** Spans that caused it. */
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
}

export interface TraceRecord {
  readonly traceId: string;
  /** What came with the request of the run. */
  readonly parent?: TraceParent;
  /** Each behind its parent, the run's own first. */
  readonly spans: readonly SpanRecord[];
}

/** The run, its attempts, and the steps that each of them worked on. The same story gives the same spans. */
export function traceOf(story: RunStory): TraceRecord {
  const { run, attempts } = story;
  const parent = parseTraceparent(run.traceparent);
  const root = runSpan(story);
  const spans = attempts.flatMap((attempt) => {
    const span = attemptSpan(run, attempt, root);
    return [span, ...attempt.steps.flatMap((step) => stepSpans(story, attempt, step, span))];
  });
  return { traceId: traceIdOf(run), ...(parent === undefined ? {} : { parent }), spans: [root, ...spans] };
}

function runSpan({ run, attempts, cause }: RunStory): SpanRecord {
  // When it was asked to be tried again is not kept: the first attempt since then began at once, or soon.
  const beginning = run.retried_after === undefined ? run.created_at : attempts[0]?.started_at;
  const startMs = Date.parse(beginning ?? run.created_at);
  return {
    id: runSpanId(run),
    name: `run ${run.pipeline}`,
    kind: "internal",
    ...span(startMs, run.finished_at),
    attributes: known({
      "sluice.pipeline": run.pipeline,
      "sluice.run.id": run.id,
      "sluice.run.state": run.state,
      "sluice.run.trigger": run.trigger,
      "sluice.run.attempts": run.attempt,
      "sluice.run.group": run.group,
      "sluice.run.window_start": run.window_start,
      "sluice.run.window_end": run.window_end,
      "sluice.run.full_refresh": run.full_refresh,
      "sluice.run.warnings": run.warnings,
      "sluice.revision": run.revision,
      "vcs.ref.head.revision": run.git_commit,
      "sluice.rows.extracted": run.rows_extracted,
      "sluice.rows.loaded": run.rows_loaded,
      ...errorAttributes(run.error),
    }),
    ...(run.state === "failed" ? { error: run.error?.code ?? "internal" } : {}),
    ...(cause === undefined ? {} : { links: [{ traceId: traceIdOf(cause), spanId: runSpanId(cause) }] }),
  };
}

function attemptSpan(run: Run, attempt: AttemptStory, root: SpanRecord): SpanRecord {
  const { state, error } = attempt;
  const isFailed = state === "failed" || state === "lost";
  return {
    id: attemptSpanId(run.id, attempt.attempt),
    parentId: root.id,
    name: "attempt",
    kind: "internal",
    ...span(Date.parse(attempt.started_at), attempt.finished_at ?? run.finished_at),
    attributes: known({
      "sluice.pipeline": run.pipeline,
      "sluice.run.id": run.id,
      "sluice.attempt": attempt.attempt,
      "sluice.attempt.state": state,
      "sluice.worker": attempt.worker,
      "sluice.peak_memory_bytes": attempt.peak_rss_bytes,
      ...errorAttributes(error),
    }),
    ...(isFailed ? { error: error?.code ?? state } : {}),
  };
}

/** None of a step that did not begin. */
function stepSpans(
  { run, revision }: RunStory,
  attempt: AttemptStory,
  step: Step,
  parent: SpanRecord,
): SpanRecord[] {
  if (step.started_at === null) return [];
  const address = revision && stepAddress(revision, step);
  const isCutOff = step.finished_at === null;
  const error = step.state === "failed"
    ? step.error?.code ?? "internal"
    : isCutOff
    ? attempt.state
    : undefined;
  return [{
    id: spanIdOf(run.id, "attempt", attempt.attempt, step.name),
    parentId: parent.id,
    name: step.name,
    kind: step.kind === "extract" || step.kind === "load" ? "client" : "internal",
    ...span(Date.parse(step.started_at), step.finished_at ?? attempt.finished_at ?? run.finished_at),
    attributes: known({
      "sluice.pipeline": run.pipeline,
      "sluice.run.id": run.id,
      "sluice.attempt": attempt.attempt,
      "sluice.step": step.name,
      "sluice.step.kind": step.kind,
      "sluice.step.state": step.state,
      "sluice.rows": step.rows,
      "sluice.bytes": step.size_bytes,
      "sluice.rows.inserted": step.inserted,
      "sluice.rows.updated": step.updated,
      "sluice.rows.deleted": step.deleted,
      "sluice.rows.rejected": step.rejects,
      "sluice.unchanged": step.unchanged,
      "sluice.http.requests": step.traffic?.requests,
      "sluice.http.retries": step.traffic?.retries,
      "sluice.http.waited_ms": step.traffic?.waited_ms,
      ...addressAttributes(address),
      // A warning has the shape of an error, and is none.
      ...errorAttributes(step.state === "failed" ? step.error : null),
    }),
    ...(error === undefined ? {} : { error }),
  }];
}

/** OpenTelemetry's names for systems: https://opentelemetry.io/docs/specs/semconv/registry/attributes/db/ */
const DB_SYSTEMS: Readonly<Record<string, string>> = {
  postgres: "postgresql",
  mysql: "mysql",
  sqlite: "sqlite",
  libsql: "sqlite",
  duckdb: "duckdb",
};

function addressAttributes(address: StepAddress | undefined): Record<string, AttributeValue | undefined> {
  if (address === undefined) return {};
  const { connector, type, part } = address;
  const [mode, place] = part.kind === "stream"
    ? [part.stream.mode, part.stream["stream"]]
    : [part.target.mode, part.target["table"]];
  const system = DB_SYSTEMS[type];
  return {
    "sluice.connector": connector,
    "sluice.connector.type": type,
    "sluice.mode": mode,
    ...(system === undefined ? {} : {
      "db.system.name": system,
      ...(typeof place === "string" ? { "db.collection.name": place } : {}),
    }),
  };
}

function errorAttributes(error: ErrorRecord | null): Record<string, AttributeValue | undefined> {
  return error === null ? {} : { "error.type": error.code, "sluice.error.reason": error.reason };
}

/** A clock that was set back makes a span of no length, and none that ends before it begins. */
function span(startMs: number, end: string | null): Pick<SpanRecord, "startMs" | "endMs"> {
  return { startMs, endMs: Math.max(startMs, end === null ? startMs : Date.parse(end)) };
}

function known(attributes: Readonly<Record<string, AttributeValue | null | undefined>>): Attributes {
  const found: Record<string, AttributeValue> = {};
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) found[key] = value;
  }
  return found;
}
