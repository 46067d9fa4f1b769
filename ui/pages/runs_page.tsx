import type { Run, RunState } from "../../contract/run.ts";
import { RUN_STATES } from "../../contract/run.ts";
import { Icon } from "../parts/icons.tsx";
import { type Frame, Layout } from "../parts/layout.tsx";
import { Empty } from "../parts/empty.tsx";
import { RunTable } from "../parts/runs/run_table.tsx";
import { Pager } from "../parts/tables/pager.tsx";
import { plainText } from "../parts/plain_text.ts";

export interface RunsView {
  readonly frame: Frame;
  /** Newest first. */
  readonly runs: readonly Run[];
  /** Names of all pipelines. */
  readonly pipelines: readonly string[];
  readonly state?: RunState;
  readonly pipeline?: string;
  readonly group?: string;
  readonly tag?: string;
  /** The id of the run after which this page starts. */
  readonly before?: string;
  /** Whether older runs follow. */
  readonly hasMore: boolean;
}

export function RunsPage(view: RunsView) {
  const { frame, runs, hasMore } = view;
  const isFirstPage = view.before === undefined;
  const isActive = runs.some((run) => run.state === "running" || run.state === "queued");
  const oldest = runs.at(-1);
  return (
    <Layout
      frame={frame}
      title={view.pipeline === undefined ? "Runs" : `Runs of ${view.pipeline}`}
      section="runs"
      {...(isFirstPage ? { refreshSeconds: isActive ? 3 : 20 } : {})}
    >
      <div class="page-head">
        <h1>
          Runs{view.group !== undefined && ` of group ${plainText(view.group)}`}
          {view.tag !== undefined && ` with tag ${plainText(view.tag)}`}
        </h1>
        <PipelineFilter {...view} />
      </div>
      <nav class="tabs" aria-label="Runs by state">
        <StateTab view={view} label="all" />
        {RUN_STATES.map((state) => <StateTab view={view} label={state} state={state} />)}
        <a class="tab-aside" href={logsUrl(view)}>Search logs</a>
      </nav>
      {view.state === "queued" && view.tag === undefined && runs.length > 0 && frame.may("pipeline:run") && (
        <CancelQueued view={view} />
      )}
      <div class="card" id="runs" data-live>
        {runs.length === 0
          ? <NoRuns view={view} />
          : <RunTable runs={runs} nowMs={frame.nowMs} showPipeline />}
      </div>
      <Pager
        label="Older and newer runs"
        newest={isFirstPage ? undefined : runsUrl(view, {})}
        older={hasMore && oldest !== undefined ? runsUrl(view, { before: oldest.id }) : undefined}
      />
    </Layout>
  );
}

/** All that wait, on later pages as well. */
function CancelQueued({ view }: { view: RunsView }) {
  const { pipeline, group } = view;
  return (
    <form class="bulk" method="post" action="/runs/cancel">
      {pipeline !== undefined && <input type="hidden" name="pipeline" value={pipeline} />}
      {group !== undefined && <input type="hidden" name="group" value={group} />}
      <button class="button danger" type="submit">
        <Icon name="stop" />
        <span>
          Cancel all queued runs
          {pipeline !== undefined && ` of ${pipeline}`}
        </span>
      </button>
    </form>
  );
}

function PipelineFilter({ pipelines, pipeline, state, group, tag }: RunsView) {
  return (
    <form class="search" method="get" action="/runs" role="search">
      <select name="pipeline" aria-label="Pipeline" data-submit>
        <option value="">All pipelines</option>
        {pipelines.map((name) => <option value={name} selected={name === pipeline}>{name}</option>)}
        {pipeline !== undefined && !pipelines.includes(pipeline) && (
          <option value={pipeline} selected>{pipeline}</option>
        )}
      </select>
      {state !== undefined && <input type="hidden" name="state" value={state} />}
      {group !== undefined && <input type="hidden" name="group" value={group} />}
      {tag !== undefined && <input type="hidden" name="tag" value={tag} />}
      <noscript>
        <button class="button quiet" type="submit">Show</button>
      </noscript>
    </form>
  );
}

function StateTab({ view, label, state }: { view: RunsView; label: string; state?: RunState }) {
  const current = view.state === state ? { "aria-current": "true" as const } : {};
  const { pipeline, group, tag } = view;
  const target = {
    ...(tag === undefined ? {} : { tag }),
    ...(pipeline === undefined ? {} : { pipeline }),
    ...(group === undefined ? {} : { group }),
    ...(state === undefined ? {} : { state }),
  };
  return <a href={runsUrl(target, {})} {...current}>{label}</a>;
}

function NoRuns({ view }: { view: RunsView }) {
  if (view.before !== undefined) return <Empty title="No older runs" />;
  const isFiltered = [view.state, view.pipeline, view.group, view.tag].some((filter) => filter !== undefined);
  return (
    <Empty title={isFiltered ? "No run fits this filter" : "No runs yet"}>
      {isFiltered
        ? (
          <p>
            <a href="/runs">Show all runs</a>
          </p>
        )
        : (
          <p>
            Start one from its <a href="/">pipeline</a>.
          </p>
        )}
    </Empty>
  );
}

function logsUrl({ pipeline }: RunsView): string {
  return pipeline === undefined ? "/logs" : `/logs?${new URLSearchParams({ pipeline })}`;
}

function runsUrl(
  filter: { pipeline?: string; group?: string; tag?: string; state?: RunState },
  page: { before?: string },
): string {
  const query = new URLSearchParams({
    ...(filter.group === undefined ? {} : { group: filter.group }),
    ...(filter.tag === undefined ? {} : { tag: filter.tag }),
    ...(filter.pipeline === undefined ? {} : { pipeline: filter.pipeline }),
    ...(filter.state === undefined ? {} : { state: filter.state }),
    ...(page.before === undefined ? {} : { before: page.before }),
  });
  return query.size === 0 ? "/runs" : `/runs?${query}`;
}
