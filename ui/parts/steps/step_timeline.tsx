import type { RunDetail, Step, StepKind } from "../../../contract/run.ts";
import { type Traffic, trafficText } from "../../../contract/streams/traffic.ts";
import { progressText } from "../../../contract/runs/progress.ts";
import { Code } from "../code/source_code.tsx";
import { formatBytes, formatCount, formatDuration, formatPlural } from "../../../text/format.ts";
import { Icon } from "../icons.tsx";
import { ErrorBox } from "../callouts.tsx";
import { Fact } from "../facts.tsx";
import { Moment } from "../times.tsx";
import { ReceiptFacts } from "../loads/receipt_facts.tsx";
import { waitBefore } from "../runs/run_spans.ts";
import { StateIcon, Warnings } from "../states.tsx";
import { fitting, MOST_STEPS } from "./fitting.ts";
import { DependsFact } from "./depends_fact.tsx";
import { Breakable, checksOf, shortStepName, stepAnchor } from "./step_names.tsx";
import { plainText } from "../plain_text.ts";

const GROUPS = [
  { kind: "extract", title: "Extract" },
  { kind: "model", title: "Transform" },
  { kind: "snapshot", title: "Publish" },
  { kind: "load", title: "Load" },
] as const satisfies readonly { kind: StepKind; title: string }[];

export interface TimelineView {
  readonly run: RunDetail;
  readonly nowMs: number;
  /** Steps with this in their name; all where it is empty. */
  readonly find: string;
}

/**
 * The steps that move rows, each with its part of the run's time. Checks have a list of their own. Of very many those are
 * shown that want a look: what is under way or did not do well, then what took longest.
 */
export function StepTimeline({ run, nowMs, find }: TimelineView) {
  const steps = run.steps.filter(({ kind }) => kind !== "check");
  const { chosen, note } = fitting(
    steps.length > MOST_STEPS ? steps.toSorted((one, other) => urgency(other) - urgency(one)) : steps,
    ({ name }) => name,
    find,
  );
  const shown = new Set(chosen);
  return (
    <>
      {note !== "" && <p class="shown-note">{formatPlural(steps.length, "step")}{note}</p>}
      <div class="card rows steps">
        {GROUPS.map(({ kind, title }) => {
          const steps = run.steps.filter((step) => step.kind === kind && shown.has(step));
          return steps.length > 0 && (
            <>
              <div class="group-head">
                <h3>
                  <Icon name={kind} />
                  {title}
                </h3>
                <span class="number">
                  {kind === "model" ? "Rows" : kind === "extract" ? "Rows in" : "Rows out"}
                </span>
                <span class="number col-size">Size</span>
                <span class="number">Duration</span>
              </div>
              {steps.map((step) => <StepRow step={step} run={run} nowMs={nowMs} />)}
            </>
          );
        })}
      </div>
    </>
  );
}

function urgency({ state, duration_ms }: Step): number {
  const isCalm = state === "succeeded" || state === "pending" || state === "skipped";
  return isCalm ? duration_ms ?? -1 : Infinity;
}

function StepRow({ step, run, nowMs }: { step: Step; run: RunDetail; nowMs: number }) {
  return (
    <details class={`row step step-${step.state}`} id={`row-${step.name}`}>
      <summary>
        <StateIcon state={step.state} />
        <span class="row-name">
          <Breakable text={shortStepName(step.name)} />
          <Warnings
            count={checksOf(step, run.steps).filter(({ state }) => state === "warned").length}
          />
          {step.state === "skipped" && <span class="muted">skipped</span>}
          {step.rejects !== undefined && step.rejects > 0 && (
            <span class="tag" title="Rows that did not fit, kept aside in _sluice.rejects">
              {formatPlural(step.rejects, "reject")}
            </span>
          )}
          {step.unchanged === true && (
            <span class="tag" title="The source has what it had: the rows of before stay">not changed</span>
          )}
          {step.verified === true && (
            <span class="tag" title="The target was read back, and holds what was loaded">verified</span>
          )}
          {step.attempt > 0 && step.attempt < run.attempt && (
            <span class="tag" title="It was done already in an earlier attempt">attempt {step.attempt}</span>
          )}
        </span>
        <span class="number" data-progress={step.name}>
          {formatCount(step.rows ?? (step.progress?.rows || null))}
        </span>
        <span class="number col-size">{formatBytes(step.size_bytes)}</span>
        <span class="number">
          <StepElapsed step={step} nowMs={nowMs} />
        </span>
        <TimelineBar step={step} run={run} nowMs={nowMs} />
        <Icon name="chevron" />
        <ProgressLine step={step} nowMs={nowMs} />
        <TrafficLine step={step} />
        {step.error !== null && <span class="step-error">{plainText(step.error.message)}</span>}
      </summary>
      <div class="row-body" id={stepAnchor(step.name)}>
        <StepBody step={step} waitedMs={waitedMs(step, run, nowMs)} />
      </div>
    </details>
  );
}

function waitedMs(step: Step, run: RunDetail, nowMs: number): number | undefined {
  const wait = waitBefore(step, run, nowMs);
  return wait === undefined ? undefined : wait.endMs - wait.startMs;
}

function StepBody({ step, waitedMs }: { step: Step; waitedMs: number | undefined }) {
  return (
    <>
      {step.error !== null && <ErrorBox error={step.error} />}
      <dl class="facts small">
        <Fact name="State">{step.state}</Fact>
        {step.started_at !== null && (
          <Fact name="Started">
            <Moment at={step.started_at} />
          </Fact>
        )}
        {step.finished_at !== null && (
          <Fact name="Finished">
            <Moment at={step.finished_at} />
          </Fact>
        )}
        {waitedMs !== undefined && <Fact name="Waited to begin">{formatDuration(waitedMs)}</Fact>}
        {step.traffic !== undefined && <TrafficFacts traffic={step.traffic} />}
        <ReceiptFacts step={step} />
        <DependsFact depends={step.depends} />
      </dl>
      {step.sql === null
        ? <p class="muted">No SQL of ours: the connector moved the rows.</p>
        : <Code source={step.sql} language="sql" />}
    </>
  );
}

/** How fast it goes and how long it may take; the pages' script goes on with it. */
function ProgressLine({ step, nowMs }: { step: Step; nowMs: number }) {
  if (step.state !== "running") return null;
  return (
    <span class="step-traffic" data-speed={step.name}>
      {step.progress === undefined ? "" : progressText(step.progress, nowMs)}
    </span>
  );
}

/** What the requests of the step have come to; the pages' script counts on where it runs. */
function TrafficLine({ step }: { step: Step }) {
  const isRunning = step.state === "running";
  if (step.traffic === undefined && !isRunning) return null;
  return (
    <span class="step-traffic" data-traffic={isRunning ? step.name : undefined}>
      {step.traffic === undefined ? "" : trafficText(step.traffic)}
    </span>
  );
}

/** Each count of them. */
function TrafficFacts({ traffic }: { traffic: Traffic }) {
  const { requests, pages, retries, redirects, waited_ms } = traffic;
  return (
    <>
      <Fact name="Requests">{formatCount(requests)}</Fact>
      {pages > 0 && <Fact name="Pages">{formatCount(pages)}</Fact>}
      <Fact name="Retries">{formatCount(retries)}</Fact>
      {redirects > 0 && <Fact name="Redirects">{formatCount(redirects)}</Fact>}
      <Fact name="Waited for limits">{formatDuration(waited_ms)}</Fact>
    </>
  );
}

function StepElapsed({ step, nowMs }: { step: Step; nowMs: number }) {
  if (step.state === "running" && step.started_at !== null) {
    return <span data-since={step.started_at}>{formatDuration(nowMs - Date.parse(step.started_at))}</span>;
  }
  return <>{formatDuration(step.duration_ms)}</>;
}

/** The step's part of the run's time, and thinner what it waited before; nothing for one that another attempt did. */
function TimelineBar({ step, run, nowMs }: { step: Step; run: RunDetail; nowMs: number }) {
  const place = placeInRun(step, run, nowMs);
  const wait = waitBefore(step, run, nowMs);
  const waiting = wait && placeInRun(
    { ...step, started_at: isoOf(wait.startMs), finished_at: isoOf(wait.endMs) },
    run,
    nowMs,
  );
  return (
    <svg
      class={`timeline${place === undefined && waiting === undefined ? " empty-lane" : ""}`}
      width="100%"
      height="10"
      aria-hidden="true"
    >
      <rect class="lane" x="0" y="4.5" width="100%" height="1" />
      {waiting !== undefined && (
        <rect
          class="bar bar-waiting"
          x={`${waiting.start}%`}
          y="3"
          width={`${waiting.width}%`}
          height="4"
          rx="2"
        />
      )}
      {place !== undefined && (
        <rect
          class={`bar bar-${step.state}`}
          x={`${place.start}%`}
          y="0"
          width={`${place.width}%`}
          height="10"
          rx="2"
        />
      )}
    </svg>
  );
}

const isoOf = (ms: number): string => new Date(ms).toISOString();

const LEAST_WIDTH_PERCENT = 0.8;

/** Start and width in percent of the run's time so far; undefined where the step took no part in it. */
export function placeInRun(
  step: Pick<Step, "attempt" | "started_at" | "finished_at">,
  run: Pick<RunDetail, "attempt" | "started_at" | "finished_at">,
  nowMs: number,
): { start: number; width: number } | undefined {
  if (run.started_at === null || step.started_at === null || step.attempt !== run.attempt) return undefined;
  const fromMs = Date.parse(run.started_at);
  const spanMs = Math.max(1, (run.finished_at === null ? nowMs : Date.parse(run.finished_at)) - fromMs);
  const percent = (atMs: number) => Math.min(100, Math.max(0, (atMs - fromMs) / spanMs * 100));
  const start = Math.min(percent(Date.parse(step.started_at)), 100 - LEAST_WIDTH_PERCENT);
  const end = percent(step.finished_at === null ? nowMs : Date.parse(step.finished_at));
  return { start: round(start), width: round(Math.max(LEAST_WIDTH_PERCENT, end - start)) };
}

const round = (percent: number): number => Math.round(percent * 100) / 100;
