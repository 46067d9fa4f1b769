import type { RunDetail } from "../../../contract/run.ts";
import { isTerminal } from "../../../contract/run_state.ts";
import { formatBytes, formatCount, formatDuration } from "../../../text/format.ts";
import { formatTrigger, formatUtc } from "../format.ts";
import { Fact, RevisionLabel } from "../facts.tsx";
import { Ago, Elapsed, Moment } from "../times.tsx";
import { plainText } from "../plain_text.ts";
import { queuedMs } from "./run_spans.ts";
import { RunTags } from "./run_tags.tsx";

/** What it waited for a slot, or for others of its pipeline. */
function QueuedFact({ run, nowMs }: { run: RunDetail; nowMs: number }) {
  const waitedMs = queuedMs(run, nowMs);
  return waitedMs === undefined ? null : <Fact name="Queued for">{formatDuration(waitedMs)}</Fact>;
}

/** The run's figures, then where it comes from and what it was given. */
export function RunFacts({ run, nowMs }: { run: RunDetail; nowMs: number }) {
  return (
    <div class="card facts-card">
      <dl class="figures">
        <Fact name="Duration">
          <Elapsed run={run} nowMs={nowMs} />
        </Fact>
        <Fact name="Rows in">{formatCount(rowsOf(run, "extract"))}</Fact>
        <Fact name="Rows out">{formatCount(rowsOf(run, "load"))}</Fact>
        <Fact name="Peak memory">{formatBytes(run.peak_rss_bytes)}</Fact>
        <Fact name="Attempt">{run.attempt === 0 ? "–" : run.attempt}</Fact>
      </dl>
      <dl class="facts">
        <StartFact run={run} nowMs={nowMs} />
        <QueuedFact run={run} nowMs={nowMs} />
        <Fact name="Trigger">{formatTrigger(run)}</Fact>
        <Fact name="Window">
          <span>
            {run.window_start === null ? "the beginning" : formatUtc(run.window_start)}
            <span class="muted arrow">→</span>
            <Moment at={run.window_end} />
          </span>
        </Fact>
        <Fact name="Revision">
          <RevisionLabel revision={run.revision} commit={run.git_commit} />
        </Fact>
        {run.select !== null && (
          <Fact name="Steps">
            <code>{run.select}</code>
          </Fact>
        )}
        {run.range !== undefined && (
          <Fact name="Reads again">
            <code>{plainText(`${run.range.from} → ${run.range.to}`)}</code>
          </Fact>
        )}
        {run.full_refresh && <Fact name="Mode">full refresh</Fact>}
        {run.group !== null && (
          <Fact name="Group">
            <a href={groupPath(run, run.group)}>{plainText(run.group)}</a>
          </Fact>
        )}
        {run.parent !== null && (
          <Fact name="Started by">
            <a href={`/runs/${encodeURIComponent(run.parent)}`}>
              <code>{run.parent}</code>
            </a>
          </Fact>
        )}
        {run.priority !== 0 && <Fact name="Priority">{run.priority}</Fact>}
        {run.cancelled_by !== null && <Fact name="Cancelled by">{plainText(run.cancelled_by)}</Fact>}
        <Fact name="Run id">
          <code>{run.id}</code>
        </Fact>
        <ParamsFact run={run} />
        {run.tags !== undefined && (
          <Fact name="Tags">
            <RunTags run={run} />
          </Fact>
        )}
        {run.note !== undefined && <Fact name="Note">{plainText(run.note)}</Fact>}
      </dl>
    </div>
  );
}

/** A backfill has a page of its own. */
function groupPath({ trigger }: RunDetail, group: string): string {
  const name = encodeURIComponent(group);
  return trigger === "backfill" ? `/backfills/${name}` : `/runs?group=${name}`;
}

/** The run's own counts are those of its last attempt that ended: until it has, its steps know better. */
function rowsOf(run: RunDetail, kind: "extract" | "load"): number {
  if (isTerminal(run.state)) return kind === "extract" ? run.rows_extracted : run.rows_loaded;
  return run.steps.filter((step) => step.kind === kind).reduce((sum, { rows }) => sum + (rows ?? 0), 0);
}

function StartFact({ run, nowMs }: { run: RunDetail; nowMs: number }) {
  if (run.started_at === null) {
    return (
      <Fact name={run.not_before === null ? "Queued" : "Starts"}>
        <Ago at={run.not_before ?? run.created_at} nowMs={nowMs} />
      </Fact>
    );
  }
  return (
    <Fact name="Started">
      <Moment at={run.started_at} />
      <span class="muted">
        <Ago at={run.started_at} nowMs={nowMs} />
      </span>
    </Fact>
  );
}

function ParamsFact({ run }: { run: RunDetail }) {
  const params = Object.entries(run.params);
  if (params.length === 0) return null;
  return (
    <Fact name="Params">
      {params.map(([name, value]) => (
        <code class="param">{name} = {value === null ? "null" : plainText(String(value))}</code>
      ))}
    </Fact>
  );
}
