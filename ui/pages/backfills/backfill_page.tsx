import type { BackfillDetail, BackfillWindow } from "../../../contract/backfills/backfill.ts";
import { formatCount, formatDuration, formatPlural } from "../../../text/format.ts";
import { ActionForm } from "../../parts/action_form.tsx";
import { Notice } from "../../parts/callouts.tsx";
import { Fact } from "../../parts/facts.tsx";
import { type Frame, Layout } from "../../parts/layout.tsx";
import { plainText } from "../../parts/plain_text.ts";
import { WindowGrid } from "../../parts/runs/window_grid.tsx";
import { RunLink } from "../../parts/runs/run_link.tsx";
import { StateLabel } from "../../parts/states.tsx";
import { Moment } from "../../parts/times.tsx";

export interface BackfillView {
  readonly frame: Frame;
  readonly backfill: BackfillDetail;
  /** An action that was refused. */
  readonly notice?: { readonly message: string; readonly detail?: string };
}

/** One backfill: how far it is, each of its windows, and what can be done with it. */
export function BackfillPage({ frame, backfill, notice }: BackfillView) {
  const isActive = backfill.state === "running";
  return (
    <Layout
      frame={frame}
      title={`Backfill of ${backfill.pipeline}`}
      section="runs"
      {...(isActive ? { refreshSeconds: 3 } : {})}
    >
      {notice !== undefined && <Notice {...notice} />}
      <div id="backfill-head" data-live>
        <Head frame={frame} backfill={backfill} />
      </div>
      <section aria-labelledby="windows-title">
        <h2 id="windows-title">
          Windows <span class="count">{formatCount(backfill.total)}</span>
        </h2>
        <div id="windows" data-live>
          <WindowGrid windows={backfill.windows} />
          <div class="card">
            <WindowTable windows={backfill.windows} />
          </div>
        </div>
      </section>
    </Layout>
  );
}

function Head({ frame, backfill }: { frame: Frame; backfill: BackfillDetail }) {
  const { group, pipeline, state, runs, total } = backfill;
  const path = `/backfills/${encodeURIComponent(group)}`;
  const ended = total - runs.queued - runs.running;
  return (
    <>
      <div class="page-head">
        <div class="page-title">
          <p class="crumbs">
            <a href="/">Pipelines</a> <span>/</span>{" "}
            <a href={`/pipelines/${encodeURIComponent(pipeline)}`}>{pipeline}</a>
          </p>
          <h1>
            Backfill <StateLabel state={state} pill />
          </h1>
          <p class="lead">
            {formatCount(ended)} of {formatPlural(total, "window")} done
            {runs.failed > 0 && `, ${formatCount(runs.failed)} failed`}
            {runs.cancelled > 0 && `, ${formatCount(runs.cancelled)} cancelled`}
            {state === "running" && backfill.remaining_ms !== null &&
              `; about ${formatDuration(backfill.remaining_ms)} left`}
          </p>
        </div>
        {frame.may("pipeline:run") && (
          <div class="actions">
            {state === "running" && (
              <ActionForm
                action={`${path}/cancel`}
                icon="stop"
                label="Cancel"
                kind="danger"
                title="Cancel what is left of this backfill"
              />
            )}
            {runs.failed + runs.cancelled > 0 && (
              <ActionForm
                action={`${path}/retry`}
                icon="retry"
                label="Retry failed"
                kind="primary"
                title="Retry the runs that failed or were cancelled"
              />
            )}
          </div>
        )}
      </div>
      <BackfillFacts backfill={backfill} />
    </>
  );
}

function BackfillFacts({ backfill }: { backfill: BackfillDetail }) {
  return (
    <div class="card facts-card">
      <dl class="figures">
        <Fact name="Succeeded">{formatCount(backfill.runs.succeeded)}</Fact>
        <Fact name="Failed">{formatCount(backfill.runs.failed)}</Fact>
        <Fact name="Waiting">{formatCount(backfill.runs.queued)}</Fact>
        <Fact name="Rows in">{formatCount(backfill.rows_extracted)}</Fact>
        <Fact name="Rows out">{formatCount(backfill.rows_loaded)}</Fact>
      </dl>
      <dl class="facts">
        <Fact name="Span">
          <span>
            <Moment at={backfill.window_start} />
            <span class="muted arrow">→</span>
            <Moment at={backfill.window_end} />
          </span>
        </Fact>
        <Fact name="Asked for">
          <Moment at={backfill.created_at} />
          {backfill.triggered_by !== null && <span class="muted">{plainText(backfill.triggered_by)}</span>}
        </Fact>
        {backfill.finished_at !== null && (
          <Fact name="Ended">
            <Moment at={backfill.finished_at} />
          </Fact>
        )}
        {backfill.select !== null && (
          <Fact name="Steps">
            <code>{plainText(backfill.select)}</code>
          </Fact>
        )}
        <Fact name="Group">
          <a href={`/runs?group=${encodeURIComponent(backfill.group)}`}>{plainText(backfill.group)}</a>
        </Fact>
      </dl>
    </div>
  );
}

function WindowTable({ windows }: { windows: readonly BackfillWindow[] }) {
  return (
    <div class="table-scroll" tabindex={0} role="region" aria-label="Windows">
      <table class="data">
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col">Until</th>
            <th scope="col">State</th>
            <th scope="col">Run</th>
            <th scope="col" class="number">Attempts</th>
            <th scope="col" class="number">Duration</th>
            <th scope="col" class="number">Rows out</th>
            <th scope="col">Error</th>
          </tr>
        </thead>
        <tbody>
          {windows.map((window) => (
            <tr>
              <td>
                <Moment at={window.window_start} />
              </td>
              <td>
                <Moment at={window.window_end} />
              </td>
              <td>
                <StateLabel state={window.state} />
              </td>
              <td>
                <RunLink id={window.run} />
              </td>
              <td class="number">{formatCount(window.attempt)}</td>
              <td class="number">{formatDuration(window.duration_ms)}</td>
              <td class="number">{formatCount(window.rows_loaded)}</td>
              <td>{window.error === null ? "" : plainText(window.error.message)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
