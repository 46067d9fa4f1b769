import { splitPlacedName } from "../../contract/environments/pipeline_name.ts";
import { CONTINUOUS } from "../../contract/pipeline/schedule.ts";
import { nextOf, type ScheduleView } from "../../contract/pipeline/schedule_view.ts";
import type { PipelineDetail, Run, RunDetail } from "../../contract/run.ts";
import type { WebhookView } from "../../contract/triggers/webhook_view.ts";
import { WebhookSection } from "../parts/webhooks.tsx";
import type { RejectSummary } from "../../contract/rejects.ts";
import type { StreamView } from "../../contract/streams/stream_view.ts";
import type { PipelineHistory } from "../../contract/runs/history.ts";
import type { Table } from "../../contract/table.ts";
import type { LoadSummary, Verification } from "../../contract/loads/verification.ts";
import { formatPlural } from "../../text/format.ts";
import { cityOf, formatInZone } from "../../text/zone_time.ts";
import { StepGraph } from "../parts/steps/step_graph.tsx";
import { Icon } from "../parts/icons.tsx";
import { type Frame, Layout } from "../parts/layout.tsx";
import { ActionForm } from "../parts/action_form.tsx";
import { Empty } from "../parts/empty.tsx";
import { Fact, RevisionLabel } from "../parts/facts.tsx";
import { FaultList, Notice } from "../parts/callouts.tsx";
import { FollowedSection, WarningList } from "../parts/followed.tsx";
import type { RunFormValues } from "../parts/runs/run_form.ts";
import { definedParams } from "../../contract/params/definition.ts";
import { RunForm } from "../parts/runs/run_form_fields.tsx";
import { RunTable } from "../parts/runs/run_table.tsx";
import { formatUtc } from "../parts/format.ts";
import { Ago, At } from "../parts/times.tsx";
import { LoadSection } from "../parts/loads/load_section.tsx";
import { startsByItself, TriggerFacts } from "../parts/triggers.tsx";
import { StepList } from "../parts/steps/step_list.tsx";
import { faultLink, FilesSection, FindSteps } from "../parts/pipeline_files.tsx";
import { HistorySection } from "../parts/history/history_section.tsx";
import { StreamSection } from "../parts/streams.tsx";
import { publishedNames } from "../parts/published_names.ts";
import { plainText } from "../parts/plain_text.ts";

export interface PipelineView {
  readonly frame: Frame;
  readonly pipeline: PipelineDetail;
  /** Newest first. */
  readonly runs: readonly Run[];
  readonly tables: readonly Table[];
  readonly streams: readonly StreamView[];
  readonly loads: readonly LoadSummary[];
  /** For who may see values of rows. */
  readonly verification?: Verification;
  /** Likewise: where rows did not fit, or were not wanted. */
  readonly rejects?: readonly RejectSummary[];
  /** Likewise: what others post. */
  readonly webhooks?: readonly WebhookView[];
  readonly history: PipelineHistory;
  /** The newest run with its steps. */
  readonly lastRun?: RunDetail;
  /** An action that was refused, and what had been typed into the run form. */
  readonly notice?: { readonly message: string; readonly detail?: string };
  readonly formValues?: RunFormValues;
  /** Of the steps and files, those with this in their name are shown; all where it is empty. */
  readonly find: string;
}

export function PipelinePage(view: PipelineView) {
  const { frame, pipeline, runs, lastRun } = view;
  const isActive = runs.some((run) => run.state === "running" || run.state === "queued") ||
    view.verification?.state === "running";
  return (
    <Layout frame={frame} title={pipeline.name} section="pipelines" refreshSeconds={isActive ? 3 : 20}>
      <PipelineHead {...view} />
      {view.notice !== undefined && <Notice {...view.notice} />}
      <div id="faults" data-live>
        {pipeline.faults.length > 0 && (
          <FaultList
            faults={pipeline.faults}
            linkTo={(fault) => faultLink(pipeline, fault)}
          />
        )}
        <WarningList warnings={pipeline.warnings} />
      </div>
      <section aria-labelledby="runs-title">
        <h2 id="runs-title">Recent runs</h2>
        <div class="card" id="runs" data-live>
          {runs.length === 0
            ? (
              <Empty title="No runs yet">
                <p>A run starts by its schedule, by the API, or with “Run now”.</p>
              </Empty>
            )
            : <RunTable runs={runs} nowMs={frame.nowMs} showPipeline={false} />}
        </div>
        <p class="more">
          {runs.length > 0 && (
            <a href={`/runs?pipeline=${encodeURIComponent(pipeline.name)}`}>All runs of {pipeline.name}</a>
          )}
          <a href={`/pipelines/${encodeURIComponent(pipeline.name)}/backfills`}>Backfills</a>
        </p>
      </section>
      <HistorySection history={view.history} />
      <div id="streams" data-live>
        <StreamSection pipeline={pipeline.name} streams={view.streams} nowMs={frame.nowMs} />
      </div>
      {view.webhooks !== undefined && (
        <div id="webhooks" data-live>
          <WebhookSection
            webhooks={view.webhooks}
            path={`/pipelines/${encodeURIComponent(pipeline.name)}/webhooks`}
            nowMs={frame.nowMs}
          />
        </div>
      )}
      <FollowedSection followed={pipeline.followed} nowMs={frame.nowMs} />
      <div id="loads" data-live>
        <LoadSection
          loads={view.loads}
          {...(view.verification === undefined ? {} : { verification: view.verification })}
          {...(view.rejects === undefined ? {} : { rejects: view.rejects })}
          tables={`/pipelines/${encodeURIComponent(pipeline.name)}/tables`}
          mayVerify={frame.may("pipeline:run")}
          action={`/pipelines/${encodeURIComponent(pipeline.name)}/verification`}
          nowMs={frame.nowMs}
        />
      </div>
      <section aria-labelledby="graph-title">
        <div class="section-head">
          <h2 id="graph-title">Graph</h2>
          <a href={`/pipelines/${encodeURIComponent(pipeline.name)}/lineage`}>Lineage of columns</a>
        </div>
        <div class="card" id="graph" data-live data-graph>
          {pipeline.steps.length === 0
            ? (
              <Empty title="No steps">
                <p>The definition has no stream, model or load in force.</p>
              </Empty>
            )
            : <StepGraph steps={pipeline.steps} states={lastRun?.steps ?? []} />}
        </div>
      </section>
      {pipeline.steps.length > 0 && (
        <section aria-labelledby="steps-title">
          <div class="section-head">
            <h2 id="steps-title">Steps</h2>
            <FindSteps pipeline={pipeline} find={view.find} />
          </div>
          <StepList
            pipeline={pipeline.name}
            steps={pipeline.steps}
            tables={view.tables}
            nowMs={frame.nowMs}
            find={view.find}
          />
        </section>
      )}
      <FilesSection pipeline={pipeline} find={view.find} />
    </Layout>
  );
}

/** To the same pipeline where it is not tried out. */
function ProductionFact({ name, mayPromote }: { name: string; mayPromote: boolean }) {
  const { pipeline } = splitPlacedName(name);
  return (
    <Fact name="In production">
      <a href={`/pipelines/${encodeURIComponent(pipeline)}`}>{pipeline}</a>
      {mayPromote && (
        <>
          {" · "}
          <a href={`/pipelines/${encodeURIComponent(name)}/promotion`}>Promote…</a>
        </>
      )}
    </Fact>
  );
}

function PipelineHead({ frame, pipeline, formValues }: PipelineView) {
  const path = `/pipelines/${encodeURIComponent(pipeline.name)}`;
  return (
    <div class="page-head">
      <div class="page-title">
        <p class="crumbs">
          <a href="/">Pipelines</a>
        </p>
        <h1>{pipeline.name}</h1>
        {pipeline.description !== null && <p class="lead">{plainText(pipeline.description)}</p>}
      </div>
      {(frame.may("pipeline:pause") || frame.may("pipeline:run")) && (
        <div class="actions">
          {frame.may("pipeline:pause") && startsByItself(pipeline) && (
            <ActionForm
              action={`${path}/${pipeline.paused ? "resume" : "pause"}`}
              icon={pipeline.paused ? "play" : "pause"}
              label={(pipeline.paused ? "Resume" : "Pause") + (pipeline.schedule === null ? "" : " schedule")}
              kind="quiet"
            />
          )}
          {frame.may("pipeline:run") && pipeline.revision !== null && (
            <RunForm
              pipeline={pipeline.name}
              params={definedParams(pipeline.definition)}
              {...(formValues === undefined ? {} : { values: formValues })}
            />
          )}
        </div>
      )}
      <dl class="facts" id="facts" data-live>
        {pipeline.environment !== null && (
          <Fact name="Environment">
            <a href={`/?env=${encodeURIComponent(pipeline.environment)}`}>{pipeline.environment}</a>
          </Fact>
        )}
        {pipeline.environment !== null && (
          <ProductionFact name={pipeline.name} mayPromote={frame.may("project:apply")} />
        )}
        {(pipeline.schedule !== null || !startsByItself(pipeline)) && (
          <Fact name="Schedule">
            <ScheduleFact pipeline={pipeline} />
          </Fact>
        )}
        {pipeline.schedule !== null && (
          <Fact name="Next runs">
            {pipeline.paused
              ? (
                <span class="badge idle">
                  <Icon name="pause" />paused
                </span>
              )
              : <NextRuns schedules={pipeline.schedules} nowMs={frame.nowMs} />}
          </Fact>
        )}
        <TriggerFacts pipeline={pipeline} nowMs={frame.nowMs} />
        <Fact name="Revision">
          {pipeline.revision === null ? "none in force" : (
            <a href={`${path}/versions`}>
              <RevisionLabel revision={pipeline.revision} commit={pipeline.git_commit} />
            </a>
          )}
        </Fact>
        {publishedNames(pipeline).length > 0 && (
          <Fact name="Publishes">
            <a href={`${path}/data`}>{formatPlural(publishedNames(pipeline).length, "model")}</a>
          </Fact>
        )}
        <Fact name="Defined by">{pipeline.origin === "files" ? "the project's files" : "the API"}</Fact>
        {pipeline.tags.length > 0 && (
          <Fact name="Tags">
            {pipeline.tags.map((tag) => <a class="tag" href={`/?q=${encodeURIComponent(tag)}`}>{tag}</a>)}
          </Fact>
        )}
      </dl>
    </div>
  );
}

function ScheduleFact({ pipeline: { schedules } }: { pipeline: PipelineDetail }) {
  if (schedules.length === 0) return <>on demand</>;
  return (
    <span class="next-runs">
      {schedules.map(({ words, timezone, cron }) => (
        <span>
          {words}, {cityOf(timezone)}{" "}
          {cron !== null && words !== cron && <code class="muted" title={timezone}>{cron}</code>}
        </span>
      ))}
    </span>
  );
}

/** The first of them with the wait for it; the four after that, to see that the schedule is what was meant. */
function NextRuns({ schedules, nowMs }: { schedules: readonly ScheduleView[]; nowMs: number }) {
  const [first, ...later] = nextOf(schedules);
  if (first === undefined) {
    return schedules.some(({ cron }) => cron === CONTINUOUS) ? <>after the last has ended</> : <>none</>;
  }
  return (
    <span class="next-runs">
      <span>
        <At at={first.at} timezone={first.timezone} nowMs={nowMs} />{" "}
        <span class="muted">
          <Ago at={first.at} nowMs={nowMs} />
        </span>
      </span>
      {later.length > 0 && (
        <span class="muted">
          {"then "}
          {later.map(({ at, timezone }, index) => (
            <>
              {index > 0 && " · "}
              <time datetime={at} title={formatUtc(at)}>
                {shortTime(at, timezone, first.timezone, nowMs)}
              </time>
            </>
          ))}
        </span>
      )}
    </span>
  );
}

/** Without the zone where it is that of the first of them. */
function shortTime(at: string, timezone: string, firstZone: string, nowMs: number): string {
  const text = formatInZone(Date.parse(at), timezone, nowMs);
  return timezone === firstZone && text.endsWith(cityOf(timezone))
    ? text.slice(0, -cityOf(timezone).length - 1)
    : text;
}
