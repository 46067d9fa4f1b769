import type { FollowedView } from "../../../contract/connector/followed.ts";
import type { StreamRejects } from "../../../contract/rejects.ts";
import type { StreamSchema } from "../../../contract/stream_schema.ts";
import type { AppError } from "../../../contract/errors.ts";
import type { ModelPreview } from "../../../contract/queries/preview.ts";
import type { PipelineStep, RunDetail } from "../../../contract/run.ts";
import type { Table, TablePreview } from "../../../contract/table.ts";
import { quoteIdentifier } from "../../../contract/sql.ts";
import { formatFault } from "../../../text/fault.ts";
import { formatDuration, formatPlural } from "../../../text/format.ts";
import type { LoadSummary, Verification } from "../../../contract/loads/verification.ts";
import { ActionForm } from "../../parts/action_form.tsx";
import { Notice } from "../../parts/callouts.tsx";
import { Code } from "../../parts/code/source_code.tsx";
import { Empty } from "../../parts/empty.tsx";
import { type Frame, Layout } from "../../parts/layout.tsx";
import { plainText } from "../../parts/plain_text.ts";
import { LineageGraph } from "../../parts/lineage/lineage_graph.tsx";
import { AroundFacts, type TableAround } from "../../parts/lineage/table_around.tsx";
import { RunLink } from "../../parts/runs/run_link.tsx";
import { CheckList } from "../../parts/steps/check_list.tsx";
import { Ago } from "../../parts/times.tsx";
import { Breakable, stepAnchor } from "../../parts/steps/step_names.tsx";
import { LoadSection } from "../../parts/loads/load_section.tsx";
import { Fact } from "../../parts/facts.tsx";
import { FollowedFacts } from "../../parts/followed.tsx";
import { RejectSection } from "../../parts/tables/reject_table.tsx";
import { ColumnTable, RowTable } from "../../parts/tables/row_table.tsx";
import { SchemaChanges } from "../../parts/tables/schema_changes.tsx";
import { TableFacts } from "../../parts/tables/table_facts.tsx";

export interface TableView {
  readonly frame: Frame;
  readonly pipeline: string;
  readonly table: Table;
  /** Absent for who may not look at rows. */
  readonly preview?: TablePreview;
  /** Of a stream that has some, for who may look at rows. */
  readonly rejects?: StreamRejects;
  /** Of its loads that have some, likewise. */
  readonly loadRejects?: readonly StreamRejects[];
  /** Of a stream. */
  readonly schema?: StreamSchema;
  /** Of a stream that follows changes: how far those of its connector are. */
  readonly followed?: FollowedView;
  /** Those of this table. */
  readonly loads: readonly LoadSummary[];
  readonly verification?: Verification;
  readonly mayChange?: boolean;
  /** What was just done. */
  readonly told?: string;
  /** What makes it, in the definition in force. */
  readonly step?: PipelineStep;
  /** What it is made of, and what is made of it; absent where nobody knows. */
  readonly around?: TableAround;
  /** The newest run that checked it, with the checks of this table alone. */
  readonly checked?: RunDetail;
  /** Its rows as its SQL makes them now, where that was asked for. */
  readonly shown?: ModelPreview;
  /** Why that could not be shown. */
  readonly refusal?: AppError;
}

function queryLink(pipeline: string, table: string): string {
  const stream = /^raw\.(.+)$/s.exec(table)?.[1];
  const name = stream === undefined ? quoteIdentifier(table) : `raw.${quoteIdentifier(stream)}`;
  return `/query?${new URLSearchParams({ pipeline, sql: `SELECT * FROM ${name} LIMIT 100` })}`;
}

/** A raw table or model: what it is made of, what it has, and its first rows as a run left them. */
export function TablePage(view: TableView) {
  const { frame, pipeline, table, rejects, schema, mayChange, told, verification, around, checked } = view;
  const pipelinePath = `/pipelines/${encodeURIComponent(pipeline)}`;
  return (
    <Layout
      frame={frame}
      title={`${table.name} · ${pipeline}`}
      section="pipelines"
      {...(verification?.state === "running" ? { refreshSeconds: 3 } : {})}
    >
      <TableHead {...view} />
      <RowsSection {...view} />
      {table.columns.length > 0 && (
        <section aria-labelledby="columns-title">
          <h2 id="columns-title">
            Columns <span class="count">{table.columns.length}</span>
          </h2>
          <div class="card">
            <ColumnTable columns={table.columns} {...(around === undefined ? {} : { around })} />
          </div>
        </section>
      )}
      {checked !== undefined && (
        <section aria-labelledby="checks-title">
          <div class="section-head">
            <h2 id="checks-title">Checks</h2>
            <span class="muted">
              of run <RunLink id={checked.id} />,{" "}
              <Ago at={checked.finished_at ?? checked.created_at} nowMs={frame.nowMs} />
            </span>
          </div>
          <CheckList run={checked} mayLook={frame.may("pipeline:data")} />
        </section>
      )}
      {around?.picture !== undefined && (
        <section aria-labelledby="lineage-title">
          <div class="section-head">
            <h2 id="lineage-title">Lineage</h2>
            <a href={`${pipelinePath}/lineage?model=${encodeURIComponent(table.name)}`}>
              All of it, by column
            </a>
          </div>
          <div class="card" data-graph>
            <LineageGraph picture={around.picture} links={around.links} current={around.table.id} />
          </div>
        </section>
      )}
      {view.step !== undefined && <SqlSection step={view.step} />}
      <div id="loads" data-live>
        <LoadSection
          loads={view.loads}
          {...(verification === undefined ? {} : { verification })}
          {...(view.loadRejects === undefined ? {} : { rejects: view.loadRejects })}
          tables={`${pipelinePath}/tables`}
          mayVerify={mayChange ?? false}
          action={`${pipelinePath}/tables/${encodeURIComponent(table.name)}/verification`}
          nowMs={frame.nowMs}
        />
      </div>
      {rejects !== undefined && (
        <RejectSection
          rejects={rejects}
          path={`${pipelinePath}/rejects/${encodeURIComponent(rejects.stream)}`}
          mayChange={mayChange ?? false}
          told={told}
        />
      )}
      {rejects === undefined && told !== undefined && <p role="status">{plainText(told)}</p>}
      {view.loadRejects?.map((found) => (
        <RejectSection
          rejects={found}
          path={`${pipelinePath}/rejects/${encodeURIComponent(found.stream)}`}
          mayChange={mayChange ?? false}
          told={undefined}
        />
      ))}
      {schema !== undefined && <SchemaChanges schema={schema} />}
    </Layout>
  );
}

function SqlSection({ step: { sql, kind, file } }: { readonly step: PipelineStep }) {
  if (sql === null) return null;
  return (
    <section aria-labelledby="sql-title">
      <div class="section-head">
        <h2 id="sql-title">{kind === "extract" ? "Query" : "SQL"}</h2>
        {file !== null && <code class="muted">{plainText(file)}</code>}
      </div>
      <div class="card">
        <Code source={sql} language="sql" anchor="sql" />
      </div>
    </section>
  );
}

function TableHead({ frame, pipeline, table, step, around, followed }: TableView) {
  const pipelinePath = `/pipelines/${encodeURIComponent(pipeline)}`;
  return (
    <div class="page-head">
      <div class="page-title">
        <p class="crumbs">
          <a href="/">Pipelines</a> <span>/</span> <a href={pipelinePath}>{pipeline}</a>
        </p>
        <h1>
          <Breakable text={table.name} />
        </h1>
        {table.description !== null && <p class="lead">{plainText(table.description)}</p>}
      </div>
      <dl class="facts">
        {step !== undefined && step.summary !== table.description && (
          <Fact name="Kind">{plainText(step.summary)}</Fact>
        )}
        <TableFacts table={table} nowMs={frame.nowMs} />
        {followed !== undefined && <FollowedFacts view={followed} nowMs={frame.nowMs} />}
        <Fact name="Written by">
          <a href={`${pipelinePath}#${stepAnchor(table.step)}`}>
            <code>{table.step}</code>
          </a>
        </Fact>
        {around !== undefined && <AroundFacts around={around} />}
        {around?.picture === undefined && (
          <Fact name="Lineage">
            <a href={`${pipelinePath}/lineage?model=${encodeURIComponent(table.name)}`}>Of its columns</a>
          </Fact>
        )}
      </dl>
    </div>
  );
}

/** The rows that a run left, or those that the SQL makes now. */
function RowsSection(view: TableView) {
  const { frame, pipeline, table, preview, shown, refusal } = view;
  const action = `/pipelines/${encodeURIComponent(pipeline)}/tables/${
    encodeURIComponent(table.name)
  }/preview`;
  const mayLook = frame.may("pipeline:data");
  return (
    <section aria-labelledby="rows-title" id="rows">
      <div class="section-head">
        <h2 id="rows-title">
          {shown !== undefined
            ? shownTitle(shown)
            : preview === undefined || preview.rows.length === 0
            ? "Rows"
            : preview.rows.length === table.row_count
            ? "All rows"
            : `First ${formatPlural(preview.rows.length, "row")}`}
        </h2>
        {shown !== undefined && <a href="?#rows">As the last run left them</a>}
        {mayLook && table.columns.length > 0 && <a href={queryLink(pipeline, table.name)}>Query</a>}
        {mayLook && view.step?.kind === "model" && (
          <ActionForm
            action={`${action}#rows`}
            icon="play"
            label="Preview"
            kind="quiet"
            title={`Preview ${table.name} as its SQL is now`}
          />
        )}
      </div>
      {refusal !== undefined && <PreviewRefusal refusal={refusal} />}
      {shown !== undefined && <ShownFacts shown={shown} nowMs={frame.nowMs} />}
      <div class="card">
        {shown === undefined ? <Rows preview={preview} /> : <ShownRows shown={shown} />}
      </div>
    </section>
  );
}

const shownTitle = ({ rows, truncated }: ModelPreview): string =>
  truncated === null
    ? `Preview: ${formatPlural(rows.length, "row")}`
    : `Preview: the first ${formatPlural(rows.length, "row")}`;

function PreviewRefusal({ refusal }: { readonly refusal: AppError }) {
  const [fault] = refusal.faults;
  return (
    <Notice
      message={refusal.message}
      {...(fault === undefined ? {} : { detail: formatFault(fault) })}
    />
  );
}

/** That nothing was built, and of when what it was made of is. */
function ShownFacts({ shown, nowMs }: { readonly shown: ModelPreview; readonly nowMs: number }) {
  const { built, as_of: asOf, duration_ms: durationMs } = shown;
  return (
    <p class="muted query-facts">
      As the SQL in force makes them, in {formatDuration(durationMs)}
      {asOf !== null && (
        <>
          , of tables <Ago at={asOf} nowMs={nowMs} />
        </>
      )}
      {built.length > 0 && `; made anew in a copy: ${plainText(built.join(", "))}`}. Nothing was built or
      stored.
    </p>
  );
}

function ShownRows({ shown }: { readonly shown: ModelPreview }) {
  if (shown.rows.length === 0) return <Empty title="The SQL makes no rows" />;
  const columns = shown.columns.map((column) => ({ ...column, description: null }));
  return <RowTable table={{ name: shown.model, columns, rows: shown.rows }} />;
}

function Rows({ preview }: { preview: TablePreview | undefined }) {
  if (preview === undefined) {
    return (
      <Empty title="You may not look at rows">
        <p>That takes the role operator or admin.</p>
      </Empty>
    );
  }
  if (preview.rows.length > 0) return <RowTable table={preview} />;
  return <Empty title={preview.note ?? "The table is empty"} />;
}
