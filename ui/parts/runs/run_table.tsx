import { isTerminal } from "../../../contract/run_state.ts";
import type { Run } from "../../../contract/run.ts";
import { formatShortCount } from "../../../text/format.ts";
import { formatTrigger } from "../format.ts";
import { Ago, Elapsed } from "../times.tsx";
import { StateLabel, Warnings } from "../states.tsx";
import { plainText, truncate } from "../plain_text.ts";
import { RunLink } from "./run_link.tsx";
import { RunTags } from "./run_tags.tsx";

export interface RunTableView {
  /** Newest first. */
  readonly runs: readonly Run[];
  readonly nowMs: number;
  readonly showPipeline: boolean;
}

/** Runs, newest first, one a row; with the pipeline's name where they are of several. */
export function RunTable({ runs, nowMs, showPipeline }: RunTableView) {
  return (
    <table class={`runs${showPipeline ? " with-pipeline" : ""}`}>
      <thead>
        <tr>
          <th scope="col" class="head-state">State</th>
          {showPipeline && <th scope="col" class="head-pipeline">Pipeline</th>}
          <th scope="col" class="head-run">Run</th>
          <th scope="col" class="head-started">Started</th>
          <th scope="col" class="head-duration number">Duration</th>
          <th scope="col" class="head-in number">Rows in</th>
          <th scope="col" class="head-out number">Rows out</th>
          <th scope="col" class="head-trigger">Trigger</th>
        </tr>
      </thead>
      <tbody>{runs.map((run) => <RunRow run={run} nowMs={nowMs} showPipeline={showPipeline} />)}</tbody>
    </table>
  );
}

function RunRow({ run, nowMs, showPipeline }: { run: Run; nowMs: number; showPipeline: boolean }) {
  return (
    <tr>
      <td class="cell-state">
        <StateLabel state={run.state} />
        <Warnings count={run.warnings} />
      </td>
      {showPipeline && (
        <td class="cell-pipeline">
          <a href={`/pipelines/${encodeURIComponent(run.pipeline)}`}>{run.pipeline}</a>
          <RunNote run={run} />
        </td>
      )}
      <td class="cell-run">
        <RunLink id={run.id} />
        {run.full_refresh && <span class="tag">full refresh</span>}
        <RunTags run={run} />
        {!showPipeline && <RunNote run={run} />}
      </td>
      <td class="cell-started">
        {run.started_at === null
          ? (
            <span class="muted">
              {run.state === "queued" ? "queued " : "asked for "}
              <Ago at={run.created_at} nowMs={nowMs} />
            </span>
          )
          : <Ago at={run.started_at} nowMs={nowMs} />}
      </td>
      <td class="cell-duration number">
        <Elapsed run={run} nowMs={nowMs} />
      </td>
      <td class="cell-in number">{rowsText(run, run.rows_extracted)}</td>
      <td class="cell-out number">{rowsText(run, run.rows_loaded)}</td>
      <td class="cell-trigger muted">
        {formatTrigger(run)}
        {run.attempt > 1 && ` · attempt ${run.attempt}`}
      </td>
    </tr>
  );
}

/** What a run that goes on has moved so far is known on its own page alone. */
function rowsText(run: Run, rows: number): string {
  return formatShortCount(isTerminal(run.state) || rows > 0 ? rows : null);
}

/** Why a run did not succeed, or has not yet. */
function RunNote({ run }: { run: Run }) {
  const note = run.error?.message ?? run.reason;
  if (run.state === "succeeded" || note === null) return null;
  return <span class="run-note" title={plainText(note)}>{truncate(plainText(note), 200)}</span>;
}
