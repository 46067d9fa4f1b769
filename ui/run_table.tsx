import type { Run } from "../contract/run.ts";
import { formatPlural, formatShortCount, formatTrigger, shortId } from "./format.ts";
import { Icon } from "./icons.tsx";
import { Ago, Elapsed, StateLabel } from "./state.tsx";
import { plainText, truncate } from "./text.ts";

export interface RunTableView {
  /** Newest first. */
  readonly runs: readonly Run[];
  readonly nowMs: number;
  readonly showPipeline: boolean;
}

export function RunTable({ runs, nowMs, showPipeline }: RunTableView) {
  return (
    <table class={`runs${showPipeline ? " with-pipeline" : ""}`}>
      <thead>
        <tr>
          <th scope="col">State</th>
          {showPipeline && <th scope="col">Pipeline</th>}
          <th scope="col">Run</th>
          <th scope="col">Started</th>
          <th scope="col" class="number">Duration</th>
          <th scope="col" class="number">Rows in</th>
          <th scope="col" class="number">Rows out</th>
          <th scope="col">Trigger</th>
        </tr>
      </thead>
      <tbody>{runs.map((run) => <RunRow run={run} nowMs={nowMs} showPipeline={showPipeline} />)}</tbody>
    </table>
  );
}

function RunRow({ run, nowMs, showPipeline }: { run: Run; nowMs: number; showPipeline: boolean }) {
  const note = run.error?.message ?? run.reason;
  return (
    <tr>
      <td class="cell-state">
        <StateLabel state={run.state} />
        {run.warnings > 0 && (
          <span class="badge warn" title={formatPlural(run.warnings, "warning")}>
            <Icon name="warned" />
            {run.warnings}
          </span>
        )}
      </td>
      {showPipeline && (
        <td class="cell-pipeline">
          <a href={`/pipelines/${encodeURIComponent(run.pipeline)}`}>{run.pipeline}</a>
        </td>
      )}
      <td class="cell-run">
        <a href={`/runs/${encodeURIComponent(run.id)}`}>
          <code>{shortId(run.id)}</code>
        </a>
        {run.full_refresh && <span class="tag">full refresh</span>}
        {run.state !== "succeeded" && note !== null && (
          <span class="run-note">{truncate(plainText(note), 160)}</span>
        )}
      </td>
      <td class="cell-started">
        <Ago at={run.started_at ?? run.created_at} nowMs={nowMs} />
      </td>
      <td class="cell-duration number">
        <Elapsed run={run} nowMs={nowMs} />
      </td>
      <td class="cell-in number">{formatShortCount(run.rows_extracted)}</td>
      <td class="cell-out number">{formatShortCount(run.rows_loaded)}</td>
      <td class="cell-trigger muted">
        {formatTrigger(run)}
        {run.attempt > 1 && ` · attempt ${run.attempt}`}
      </td>
    </tr>
  );
}
