import { CONTINUOUS } from "../../contract/pipeline/schedule.ts";
import { nextOf } from "../../contract/pipeline/schedule_view.ts";
import type { PipelineSummary, Run } from "../../contract/run.ts";
import { formatCount, formatPlural, formatShortCount } from "../../text/format.ts";
import { cityOf } from "../../text/zone_time.ts";
import { Icon } from "../parts/icons.tsx";
import { type Frame, Layout } from "../parts/layout.tsx";
import { ActionForm } from "../parts/action_form.tsx";
import { Empty } from "../parts/empty.tsx";
import { Ago, At, Elapsed } from "../parts/times.tsx";
import { Badge, StateIcon, StateLabel, stateOf, Warnings } from "../parts/states.tsx";
import { startWords } from "../parts/triggers.tsx";
import { Breakable } from "../parts/steps/step_names.tsx";
import { type BarRun, RunStrip } from "../parts/runs/run_strip.tsx";
import { plainText } from "../parts/plain_text.ts";

/** How many of a pipeline's latest runs its strip shows. */
export const STRIP_RUNS = 12;

/** From so many on each has one line. */
const COMPACT_ROWS = 40;
/** So many are shown at first. */
const PAGE_ROWS = 100;

export const PIPELINE_FILTERS = [
  "all",
  "running",
  "queued",
  "failing",
  "warned",
  "paused",
  "faulty",
] as const;
export type PipelineFilter = (typeof PIPELINE_FILTERS)[number];

export interface PipelineRow {
  readonly pipeline: PipelineSummary;
  /** Newest first. */
  readonly runs: readonly BarRun[];
}

export interface PipelinesView {
  readonly frame: Frame;
  /** The environments that pipelines are in, beside production. */
  readonly environments: readonly string[];
  /** The one that is shown; null for production. */
  readonly environment: string | null;
  /** All pipelines of it, by name. */
  readonly pipelines: readonly PipelineSummary[];
  /** Those of them that the page shows. */
  readonly rows: readonly PipelineRow[];
  /** How many more fit. */
  readonly more: number;
  readonly filter: PipelineFilter;
  /** Part of a name, description or tag. */
  readonly search: string;
}

const FITS: Record<PipelineFilter, (pipeline: PipelineSummary) => boolean> = {
  all: () => true,
  running: ({ last_run: run }) => run?.state === "running",
  queued: ({ last_run: run }) => run?.state === "queued",
  warned: ({ last_run: run, warnings }) => warnings.length > 0 || run !== null && run.warnings > 0,
  failing: ({ last_run: run }) => run?.state === "failed",
  paused: ({ paused }) => paused,
  faulty: ({ faults }) => faults.length > 0,
};

/** Those that fit the filter and the search, at most as many as a page has; and how many more there are. */
export function choosePipelines(
  pipelines: readonly PipelineSummary[],
  { filter, search, isWhole }: { filter: PipelineFilter; search: string; isWhole: boolean },
): { chosen: PipelineSummary[]; more: number } {
  const fitting = pipelines.filter((pipeline) => FITS[filter](pipeline) && matches(pipeline, search));
  const chosen = isWhole ? fitting : fitting.slice(0, PAGE_ROWS);
  return { chosen, more: fitting.length - chosen.length };
}

export function PipelinesPage(view: PipelinesView) {
  const { rows: shown, pipelines, more } = view;
  const isActive = pipelines.some((pipeline) => FITS.running(pipeline) || FITS.queued(pipeline));
  const isCompact = shown.length > COMPACT_ROWS;
  return (
    <Layout frame={view.frame} title="Pipelines" section="pipelines" refreshSeconds={isActive ? 3 : 20}>
      <div class="page-head">
        <h1>Pipelines</h1>
        {pipelines.length > 0 && <SearchForm {...view} />}
      </div>
      <div id="pipelines" data-live>
        <Environments {...view} />
        {pipelines.length > 0 && <Filters {...view} />}
        {pipelines.length === 0 && (view.frame.may("pipeline:view") ? <NoPipelines /> : <NothingGranted />)}
        {pipelines.length > 0 && shown.length === 0 && <NoMatch />}
        {shown.length > 0 && (
          <ul class={`pipelines${isCompact ? " compact" : ""}`}>
            {shown.map((row) =>
              isCompact
                ? <CompactItem row={row} nowMs={view.frame.nowMs} />
                : <PipelineItem row={row} frame={view.frame} />
            )}
          </ul>
        )}
        {more > 0 && (
          <p class="more">
            <a href={`/?${queryOf({ ...view, isWhole: true })}`}>Show {formatCount(more)} more</a>
          </p>
        )}
      </div>
    </Layout>
  );
}

function matches({ name, description, tags }: PipelineSummary, search: string): boolean {
  const wanted = search.trim().toLowerCase();
  return [name, description ?? "", ...tags].some((text) => text.toLowerCase().includes(wanted));
}

/** Where there are some: production, and each of them. */
function Environments({ environments, environment, search }: PipelinesView) {
  if (environments.length === 0) return null;
  return (
    <nav class="tabs" aria-label="Environments">
      {[null, ...environments].map((one) => {
        const query = queryOf({ environment: one, filter: "all", search });
        return (
          <a
            href={query.size === 0 ? "/" : `/?${query}`}
            {...(one === environment ? { "aria-current": "true" as const } : {})}
          >
            {one ?? "production"}
          </a>
        );
      })}
    </nav>
  );
}

function SearchForm({ search, filter, environment }: PipelinesView) {
  return (
    <form class="search" method="get" action="/" role="search">
      <Icon name="search" />
      <input type="search" name="q" value={search} placeholder="Name or tag" aria-label="Filter pipelines" />
      {environment !== null && <input type="hidden" name="env" value={environment} />}
      {filter !== "all" && <input type="hidden" name="show" value={filter} />}
    </form>
  );
}

function queryOf(
  { environment, filter, search, isWhole = false }: {
    environment: string | null;
    filter: PipelineFilter;
    search: string;
    isWhole?: boolean;
  },
): URLSearchParams {
  return new URLSearchParams({
    ...(environment === null ? {} : { env: environment }),
    ...(filter === "all" ? {} : { show: filter }),
    ...(search === "" ? {} : { q: search }),
    ...(isWhole ? { all: "yes" } : {}),
  });
}

function Filters({ pipelines, environment, filter, search }: PipelinesView) {
  return (
    <nav class="tabs" aria-label="Pipelines by state">
      {PIPELINE_FILTERS.map((name) => {
        const count = pipelines.filter((pipeline) => FITS[name](pipeline)).length;
        if (count === 0 && name !== filter && name !== "all") return null;
        const query = queryOf({ environment, filter: name, search });
        return (
          <a
            href={query.size === 0 ? "/" : `/?${query}`}
            {...(name === filter ? { "aria-current": "true" as const } : {})}
          >
            {name} <span class="count">{count}</span>
          </a>
        );
      })}
    </nav>
  );
}

/** For somebody who has signed in before anybody gave them a role, as the first time by single sign-on. */
function NothingGranted() {
  return (
    <Empty title="You have no role yet">
      <p>
        You are signed in. Ask whoever manages users here for a role, or for a place in a group that has one.
      </p>
    </Empty>
  );
}

function NoPipelines() {
  return (
    <Empty title="No pipelines yet">
      <p>
        Put a YAML file into the project's <code>pipelines/</code> folder, or send a definition to{" "}
        <code>PUT /api/pipelines/:name</code>. It shows up here by itself.
      </p>
    </Empty>
  );
}

function NoMatch() {
  return (
    <Empty title="No pipeline fits this filter">
      <p>
        <a href="/">Show all pipelines</a>
      </p>
    </Empty>
  );
}

/** One line of many: what it is about, its tags and its buttons are on its own page. */
function CompactItem({ row: { pipeline, runs }, nowMs }: { row: PipelineRow; nowMs: number }) {
  const href = `/pipelines/${encodeURIComponent(pipeline.name)}`;
  const { last_run: run, schedule, schedules } = pipeline;
  const [next] = nextOf(schedules, 1);
  return (
    <li class="pipeline">
      <div class="pipeline-title">
        <StateIcon state={run === null ? "pending" : stateOf(run)} />
        <div>
          <a class="pipeline-name" href={href}>
            <Breakable text={pipeline.name} />
          </a>
          {pipeline.faults.length > 0 && <FaultsBadge pipeline={pipeline} />}
          <WarningsBadge pipeline={pipeline} />
        </div>
      </div>
      <div class="pipeline-strip">
        <RunStrip runs={runs} slots={STRIP_RUNS} isPlain />
      </div>
      <div class="pipeline-last">
        {run === null ? <span class="muted">No runs yet</span> : (
          <>
            {run.state} <Ago at={run.finished_at ?? run.started_at ?? run.created_at} nowMs={nowMs} />{" "}
            <Warnings count={run.warnings} />
          </>
        )}
      </div>
      <div class="pipeline-next">
        {schedule === null
          ? <span class="muted">{startWords(pipeline)}</span>
          : pipeline.paused
          ? "paused"
          : next === undefined
          ? (schedule.cron === CONTINUOUS ? "after the last" : "not scheduled")
          : <At at={next.at} timezone={next.timezone} nowMs={nowMs} />}
      </div>
    </li>
  );
}

function PipelineItem({ row: { pipeline, runs }, frame }: { row: PipelineRow; frame: Frame }) {
  const href = `/pipelines/${encodeURIComponent(pipeline.name)}`;
  const run = pipeline.last_run;
  const about = plainText(pipeline.description ?? "");
  return (
    <li class={`pipeline${about === "" ? " without-about" : ""}`}>
      <div class="pipeline-title">
        <StateIcon state={run === null ? "pending" : stateOf(run)} />
        <div>
          <a class="pipeline-name" href={href}>
            <Breakable text={pipeline.name} />
          </a>
          {pipeline.faults.length > 0 && <FaultsBadge pipeline={pipeline} href={href} />}
          <WarningsBadge pipeline={pipeline} href={href} />
          {pipeline.tags.map((tag) => <a class="tag" href={`/?q=${encodeURIComponent(tag)}`}>{tag}</a>)}
        </div>
      </div>
      {about !== "" && <p class="pipeline-about" title={about}>{about}</p>}
      <div class="pipeline-strip">
        <RunStrip runs={runs} slots={STRIP_RUNS} />
      </div>
      <div class="pipeline-last">
        {run === null ? <span class="muted">No runs yet</span> : <LastRun run={run} frame={frame} />}
      </div>
      <div class="pipeline-next">
        <NextRun pipeline={pipeline} nowMs={frame.nowMs} />
      </div>
      <div class="pipeline-action">
        {frame.may("pipeline:run", pipeline) && pipeline.revision !== null && (
          <ActionForm
            action={`${href}/runs`}
            icon="play"
            label="Run"
            title={`Run ${pipeline.name} now`}
            kind="quiet"
          />
        )}
      </div>
    </li>
  );
}

function WarningsBadge({ pipeline: { warnings }, href }: { pipeline: PipelineSummary; href?: string }) {
  if (warnings.length === 0) return null;
  return (
    <Badge kind="warn" href={href && `${href}#faults`} title={warnings.map(plainText).join("\n")}>
      {formatPlural(warnings.length, "warning")}
    </Badge>
  );
}

function FaultsBadge({ pipeline: { faults }, href }: { pipeline: PipelineSummary; href?: string }) {
  const isError = faults.some((fault) => fault.severity === "error");
  return (
    <Badge kind={isError ? "bad" : "warn"} href={href && `${href}#faults`}>
      {formatPlural(faults.length, isError ? "fault" : "warning")}
    </Badge>
  );
}

function LastRun({ run, frame }: { run: Run; frame: Frame }) {
  return (
    <>
      <a class="line" href={`/runs/${encodeURIComponent(run.id)}`}>
        <StateLabel state={run.state} />{" "}
        <Ago at={run.finished_at ?? run.started_at ?? run.created_at} nowMs={frame.nowMs} />{" "}
        <Warnings count={run.warnings} />
      </a>
      <span class="line muted">
        {run.state === "queued" ? plainText(run.reason ?? "waiting for its turn") : (
          <>
            <Elapsed run={run} nowMs={frame.nowMs} />
            {run.state !== "running" &&
              ` · ${formatShortCount(run.rows_extracted)} → ${formatShortCount(run.rows_loaded)} rows`}
          </>
        )}
      </span>
    </>
  );
}

/** When the schedule starts it next, or why it does not. */
function NextRun({ pipeline, nowMs }: { pipeline: PipelineSummary; nowMs: number }) {
  const { schedule, schedules, paused } = pipeline;
  const [next] = nextOf(schedules, 1);
  if (schedule === null) return <span class="line muted">{startWords(pipeline)}</span>;
  return (
    <>
      <span class="line">
        {paused
          ? (
            <span class="badge idle">
              <Icon name="pause" />paused
            </span>
          )
          : next === undefined
          ? (schedule.cron === CONTINUOUS ? "after the last" : "not scheduled")
          : (
            <>
              next <At at={next.at} timezone={next.timezone} nowMs={nowMs} />
            </>
          )}
      </span>
      <span
        class="line muted"
        title={schedules.map(({ cron, words, timezone }) => `${cron ?? words} (${timezone})`).join("\n")}
      >
        {schedule.words}
        {schedule.timezone === "UTC" ? "" : `, ${cityOf(schedule.timezone)}`}
        {schedules.length > 1 && `, and ${schedules.length - 1} more`}
      </span>
    </>
  );
}
