import { isTerminal } from "../../contract/run_state.ts";
import type { LogLine, RunDetail } from "../../contract/run.ts";
import type { RunReplay } from "../../contract/runs/replay.ts";
import type { RunManifest } from "../../contract/runs/run_manifest.ts";
import { formatPlural } from "../../text/format.ts";
import { shortId } from "../parts/format.ts";
import { type Frame, Layout } from "../parts/layout.tsx";
import { ActionForm } from "../parts/action_form.tsx";
import { Icon } from "../parts/icons.tsx";
import { Empty } from "../parts/empty.tsx";
import { ErrorBox, Notice } from "../parts/callouts.tsx";
import { RunFacts } from "../parts/runs/run_facts.tsx";
import { AnnotateForm } from "../parts/runs/run_tags.tsx";
import { CheckList, tally } from "../parts/steps/check_list.tsx";
import { FindForm } from "../parts/steps/find_form.tsx";
import { MOST_STEPS } from "../parts/steps/fitting.ts";
import { StepGraph } from "../parts/steps/step_graph.tsx";
import { StepTimeline } from "../parts/steps/step_timeline.tsx";
import { StateLabel, Warnings } from "../parts/states.tsx";
import { plainText } from "../parts/plain_text.ts";
import { LogLines } from "../parts/logs/log_lines.tsx";
import { LogSearchForm, type LogSearchValues } from "../parts/logs/log_search_form.tsx";
import { ManifestSection } from "../parts/runs/manifest_section.tsx";
import { ReplaySection } from "../parts/runs/replay_section.tsx";
import { AttemptList } from "../parts/runs/attempt_list.tsx";

export interface RunView {
  readonly frame: Frame;
  /** With the steps of the attempt that is shown. */
  readonly run: RunDetail;
  /** An earlier attempt that was asked for. */
  readonly attempt?: number;
  /** The last lines, in order. */
  readonly logs: readonly LogLine[];
  /** Whether older lines than these exist. */
  readonly hasOlderLogs: boolean;
  /** What the lines were looked for by: they are the first that fit. */
  readonly logSearch?: LogSearchValues;
  /** Whether more lines fit. */
  readonly hasMoreLogs?: boolean;
  /** Of a run that has ended. */
  readonly manifest?: RunManifest;
  /** Of the steps, those with this in their name are shown; all where it is empty. */
  readonly find: string;
  /** What came of a replay that was just done. */
  readonly replay?: RunReplay;
  /** An action that was refused. */
  readonly notice?: { readonly message: string; readonly detail?: string };
}

export function RunPage(view: RunView) {
  const { frame, run } = view;
  const isActive = !isTerminal(run.state);
  const checks = run.steps.filter((step) => step.kind === "check");
  return (
    <Layout
      frame={frame}
      title={`${run.state}: ${run.pipeline}`}
      section="runs"
      {...(isActive ? { refreshSeconds: 3 } : {})}
    >
      {view.notice !== undefined && <Notice {...view.notice} />}
      <div id="run-head" data-live>
        <RunHead frame={frame} run={run} />
      </div>
      <div id="attempts" data-live>
        {run.attempts.length > 1 && (
          <AttemptList run={run} shown={view.attempt ?? run.attempt} nowMs={frame.nowMs} />
        )}
      </div>
      <section aria-labelledby="steps-title">
        <div class="section-head">
          <h2 id="steps-title">
            Steps
            {view.attempt !== undefined && <span class="count">as attempt {view.attempt} left them</span>}
          </h2>
          {(view.find !== "" || run.steps.length > MOST_STEPS) && <FindForm what="step" find={view.find} />}
        </div>
        <div id="steps" data-live>
          {run.steps.length === checks.length
            ? (
              <div class="card">
                <Empty title={isActive ? "Nothing has started yet" : "No step was run"} />
              </div>
            )
            : <StepTimeline run={asOfAttempt(run, view.attempt)} nowMs={frame.nowMs} find={view.find} />}
        </div>
      </section>
      <div id="checks" data-live>
        {checks.length > 0 && (
          <section aria-labelledby="checks-title">
            <h2 id="checks-title">
              Checks <span class="count">{tally(checks)}</span>
            </h2>
            <CheckList run={run} mayLook={frame.may("pipeline:data")} />
          </section>
        )}
      </div>
      <section aria-labelledby="graph-title">
        <div class="section-head">
          <h2 id="graph-title">Graph</h2>
        </div>
        <div class="card" id="graph" data-live data-graph>
          {run.steps.length === checks.length
            ? <Empty title={isActive ? "Nothing has started yet" : "No step was run"} />
            : <StepGraph steps={run.steps} states={run.steps} />}
        </div>
      </section>
      <div id="manifest" data-live>
        {view.manifest !== undefined && <ManifestSection manifest={view.manifest} />}
      </div>
      {view.manifest !== undefined && (
        <ReplaySection
          manifest={view.manifest}
          mayReplay={frame.may("pipeline:data")}
          found={view.replay}
        />
      )}
      <LogSection view={view} isActive={isActive} />
    </Layout>
  );
}

function RunHead({ frame, run }: { frame: Frame; run: RunDetail }) {
  const pipelinePath = `/pipelines/${encodeURIComponent(run.pipeline)}`;
  return (
    <>
      <div class="page-head">
        <div class="page-title">
          <p class="crumbs">
            <a href="/">Pipelines</a> <span>/</span> <a href={pipelinePath}>{run.pipeline}</a>
          </p>
          <h1>
            Run <code>{shortId(run.id)}</code> <StateLabel state={run.state} pill />{" "}
            <Warnings count={run.warnings} href="#checks-title" />
          </h1>
          {run.can_retry === false && (run.state === "failed" || run.state === "cancelled") && (
            <p class="lead">
              It cannot be retried: a newer run has begun, or it is too old. Start a new run of{" "}
              <a href={pipelinePath}>{run.pipeline}</a>.
            </p>
          )}
          {run.reason !== null && run.reason !== run.error?.message && (
            <p class="lead">{plainText(run.reason)}</p>
          )}
        </div>
        {frame.may("pipeline:run") && <RunActions run={run} />}
      </div>
      <p class="sr-only" role="status">
        Run {run.state}
        {run.warnings > 0 && ` with ${formatPlural(run.warnings, "warning")}`}
      </p>
      {run.error !== null && <ErrorBox error={run.error} title={errorTitle(run)} />}
      <RunFacts run={run} nowMs={frame.nowMs} />
    </>
  );
}

/** Names the step that failed, where exactly one did. */
function errorTitle(run: RunDetail): string {
  const failed = run.steps.filter((step) => step.state === "failed");
  const [first] = failed;
  if (run.state === "cancelled") {
    return `The run was cancelled${run.cancelled_by === null ? "" : ` by ${plainText(run.cancelled_by)}`}`;
  }
  return first !== undefined && failed.length === 1 ? `${first.name} failed` : "The run failed";
}

function RunActions({ run }: { run: RunDetail }) {
  const path = `/runs/${encodeURIComponent(run.id)}`;
  return (
    <div class="actions">
      {!isTerminal(run.state) && (
        <ActionForm
          action={`${path}/cancel`}
          icon="stop"
          label="Cancel"
          kind="danger"
          title="Cancel this run"
        />
      )}
      {run.can_retry === true && (
        <ActionForm
          action={`${path}/retry`}
          icon="retry"
          label="Retry"
          kind="primary"
          title="Retry this run"
        />
      )}
      {isTerminal(run.state) && <RerunForm run={run} />}
      <AnnotateForm run={run} />
    </div>
  );
}

/** A new run for the same window, from a step on. */
function RerunForm({ run }: { run: RunDetail }) {
  return (
    <form class="action" method="post" action={`/runs/${encodeURIComponent(run.id)}/rerun`}>
      <select name="from" aria-label="Rerun from">
        <option value="">all its steps</option>
        {run.steps.filter(({ kind }) => kind !== "check").map(({ name }) => (
          <option value={name}>from {plainText(name)}</option>
        ))}
      </select>
      <button class="button" type="submit" aria-label="Rerun this run's window">
        <Icon name="retry" />
        <span>Rerun</span>
      </button>
    </form>
  );
}

function LogSection({ view, isActive }: { view: RunView; isActive: boolean }) {
  const { run, logs, hasOlderLogs, logSearch } = view;
  const path = `/runs/${encodeURIComponent(run.id)}`;
  const events = `/api${path}/events`;
  const isSearch = logSearch !== undefined;
  return (
    <section aria-labelledby="log-title">
      <div class="section-head">
        <h2 id="log-title">Log</h2>
        {!isSearch && (
          <label class="toggle">
            <input type="checkbox" id="show-debug" /> <span>Debug lines</span>
          </label>
        )}
        <a href={`${path}/log`}>As text</a>
      </div>
      <LogSearchForm action={`${path}#log-title`} values={logSearch ?? {}} steps={stepNames(run)} />
      <div class="card log-card">
        {isSearch && (
          <p class="log-note">
            {logs.length === 0 ? "No line fits this" : `${formatPlural(logs.length, "line")} that fit this`}
            {view.hasMoreLogs === true && ", the first of more"};{" "}
            <a href={`${path}#log-title`}>the whole log</a>.
          </p>
        )}
        {hasOlderLogs && (
          <p class="log-note">
            These are the last {formatPlural(logs.length, "line")};{" "}
            <a href={`${path}/log`}>all of them as text</a>.
          </p>
        )}
        <div
          class={`log${isSearch ? " all-levels" : ""}`}
          id="log"
          role="log"
          aria-live="off"
          aria-label="Log lines"
          tabindex={0}
          data-after={logs.at(-1)?.seq ?? 0}
          data-attempt={logs.at(-1)?.attempt ?? ""}
          {...(isActive && !isSearch ? { "data-events": events } : {})}
        >
          <ol class="log-lines" id="log-lines">
            <LogLines lines={logs} />
          </ol>
        </div>
        {!isSearch && (
          <p class="log-empty muted">{isActive ? "Waiting for the first line …" : "The run wrote no log."}</p>
        )}
      </div>
    </section>
  );
}

/** Steps that may have written lines. */
function stepNames(run: RunDetail): string[] {
  return run.steps.filter(({ kind }) => kind !== "check").map(({ name }) => name);
}

/** The run by the time of the attempt whose steps are shown. */
function asOfAttempt(run: RunDetail, attempt: number | undefined): RunDetail {
  const shown = run.attempts.find((known) => known.attempt === attempt);
  if (shown === undefined) return run;
  const { started_at, finished_at, duration_ms } = shown;
  return { ...run, attempt: shown.attempt, started_at, finished_at, duration_ms };
}
