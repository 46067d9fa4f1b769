import { isTerminal } from "../engine/run_state.ts";
import type { LogLine, RunDetail } from "../contract/run.ts";
import {
  formatBytes,
  formatCount,
  formatLogTime,
  formatPlural,
  formatTrigger,
  formatUtc,
  shortId,
} from "./format.ts";
import { type Frame, Layout } from "./layout.tsx";
import { mayOperate } from "./page_auth.ts";
import { ActionForm, Empty, ErrorBox, Fact, Notice, RevisionLabel } from "./pieces.tsx";
import { CheckList, StepTimeline, tally } from "./run_steps.tsx";
import { Ago, Elapsed, Moment, StateLabel } from "./state.tsx";
import { plainText } from "./text.ts";

export interface RunView {
  readonly frame: Frame;
  readonly run: RunDetail;
  /** The last lines, in order. */
  readonly logs: readonly LogLine[];
  /** Whether older lines than these exist. */
  readonly hasOlderLogs: boolean;
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
      <section aria-labelledby="steps-title">
        <h2 id="steps-title">Steps</h2>
        <div id="steps" data-live>
          {run.steps.length === checks.length
            ? (
              <div class="card">
                <Empty title={isActive ? "Nothing has started yet" : "No step was run"} />
              </div>
            )
            : <StepTimeline run={run} nowMs={frame.nowMs} />}
        </div>
      </section>
      <div id="checks" data-live>
        {checks.length > 0 && (
          <section aria-labelledby="checks-title">
            <h2 id="checks-title">
              Checks <span class="count">{tally(checks)}</span>
            </h2>
            <CheckList run={run} />
          </section>
        )}
      </div>
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
            Run <code>{shortId(run.id)}</code> <StateLabel state={run.state} pill />
          </h1>
          {run.reason !== null && run.reason !== run.error?.message && (
            <p class="lead">{plainText(run.reason)}</p>
          )}
        </div>
        {frame.user !== undefined && mayOperate(frame.user) && <RunActions run={run} />}
      </div>
      <p class="sr-only" role="status">Run {run.state}</p>
      {run.error !== null && <ErrorBox error={run.error} title={errorTitle(run)} />}
      <RunFacts frame={frame} run={run} />
    </>
  );
}

/** Names the step that failed, where exactly one did. */
function errorTitle(run: RunDetail): string {
  const failed = run.steps.filter((step) => step.state === "failed");
  const [first] = failed;
  if (run.state === "cancelled") return "The run was cancelled";
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
      {(run.state === "failed" || run.state === "cancelled") && (
        <ActionForm
          action={`${path}/retry`}
          icon="retry"
          label="Retry"
          kind="primary"
          title="Retry this run"
        />
      )}
    </div>
  );
}

function RunFacts({ frame: { nowMs }, run }: { frame: Frame; run: RunDetail }) {
  const params = Object.entries(run.params);
  return (
    <dl class="facts boxed">
      <Fact name="Duration">
        <Elapsed run={run} nowMs={nowMs} />
      </Fact>
      <Fact name="Rows in">{formatCount(run.rows_extracted)}</Fact>
      <Fact name="Rows out">{formatCount(run.rows_loaded)}</Fact>
      <Fact name="Peak memory">{formatBytes(run.peak_rss_bytes)}</Fact>
      <Fact name="Attempt">{run.attempt === 0 ? "–" : run.attempt}</Fact>
      <Fact name="Trigger">{formatTrigger(run)}</Fact>
      {run.started_at === null
        ? (
          <Fact name={run.not_before === null ? "Queued" : "Starts"}>
            <Ago at={run.not_before ?? run.created_at} nowMs={nowMs} />
          </Fact>
        )
        : (
          <Fact name="Started">
            <Moment at={run.started_at} />{" "}
            <span class="muted">
              (<Ago at={run.started_at} nowMs={nowMs} />)
            </span>
          </Fact>
        )}
      <Fact name="Window">
        {run.window_start === null ? "everything" : formatUtc(run.window_start)} <span class="muted">to</span>
        {" "}
        <Moment at={run.window_end} />
      </Fact>
      <Fact name="Revision">
        <RevisionLabel revision={run.revision} commit={run.git_commit} />
      </Fact>
      {run.select !== null && (
        <Fact name="Steps">
          <code>{run.select}</code>
        </Fact>
      )}
      {run.full_refresh && <Fact name="Mode">full refresh</Fact>}
      {params.length > 0 && (
        <Fact name="Params">
          {params.map(([name, value]) => (
            <code class="param">{name} = {value === null ? "null" : plainText(String(value))}</code>
          ))}
        </Fact>
      )}
      <Fact name="Id">
        <code>{run.id}</code>
      </Fact>
    </dl>
  );
}

function LogSection({ view: { run, logs, hasOlderLogs }, isActive }: { view: RunView; isActive: boolean }) {
  const path = `/runs/${encodeURIComponent(run.id)}`;
  const events = `/api${path}/events`;
  return (
    <section aria-labelledby="log-title">
      <div class="section-head">
        <h2 id="log-title">Log</h2>
        <label class="toggle">
          <input type="checkbox" id="show-debug" /> <span>Debug lines</span>
        </label>
        <a href={`${path}/log`}>As text</a>
      </div>
      <div class="card log-card">
        {hasOlderLogs && (
          <p class="log-note">
            These are the last {formatPlural(logs.length, "line")};{" "}
            <a href={`${path}/log`}>all of them as text</a>.
          </p>
        )}
        <ol
          class="log"
          id="log"
          role="log"
          aria-live="off"
          aria-label="Log lines"
          tabindex={0}
          data-after={logs.at(-1)?.seq ?? 0}
          {...(isActive ? { "data-events": events } : {})}
        >
          {logs.map((line) => <LogItem line={line} />)}
        </ol>
        <p class="log-empty muted">{isActive ? "Waiting for the first line …" : "The run wrote no log."}</p>
      </div>
    </section>
  );
}

/** One line; the page's script builds the same for those that come later. */
function LogItem({ line }: { line: LogLine }) {
  return (
    <li class={`log-line level-${line.level}`}>
      <time datetime={line.at}>{formatLogTime(line.at)}</time>
      <span class="log-level">{line.level}</span>
      <span class="log-text">
        {line.step !== null && <span class="log-step">{line.step}</span>}
        {plainText(line.message)}
      </span>
    </li>
  );
}
