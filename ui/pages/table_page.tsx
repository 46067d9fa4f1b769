import type { FollowedView } from "../../contract/connector/followed.ts";
import type { StreamRejects } from "../../contract/rejects.ts";
import type { StreamSchema } from "../../contract/stream_schema.ts";
import type { Table, TablePreview } from "../../contract/table.ts";
import { quoteIdentifier } from "../../contract/sql.ts";
import { formatPlural } from "../../text/format.ts";
import type { LoadSummary, Verification } from "../../contract/loads/verification.ts";
import { Empty } from "../parts/empty.tsx";
import { type Frame, Layout } from "../parts/layout.tsx";
import { plainText } from "../parts/plain_text.ts";
import { Breakable, stepAnchor } from "../parts/steps/step_names.tsx";
import { LoadSection } from "../parts/loads/load_section.tsx";
import { Fact } from "../parts/facts.tsx";
import { FollowedFacts } from "../parts/followed.tsx";
import { RejectSection } from "../parts/tables/reject_table.tsx";
import { ColumnTable, RowTable } from "../parts/tables/row_table.tsx";
import { SchemaChanges } from "../parts/tables/schema_changes.tsx";
import { TableFacts } from "../parts/tables/table_facts.tsx";

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
}

function queryLink(pipeline: string, table: string): string {
  const stream = /^raw\.(.+)$/s.exec(table)?.[1];
  const name = stream === undefined ? quoteIdentifier(table) : `raw.${quoteIdentifier(stream)}`;
  return `/query?${new URLSearchParams({ pipeline, sql: `SELECT * FROM ${name} LIMIT 100` })}`;
}

/** A raw table or model: what it has, and its first rows as a run left them. */
export function TablePage(view: TableView) {
  const { frame, pipeline, table, preview, rejects, schema, mayChange, told, verification } = view;
  const pipelinePath = `/pipelines/${encodeURIComponent(pipeline)}`;
  return (
    <Layout
      frame={frame}
      title={`${table.name} · ${pipeline}`}
      section="pipelines"
      {...(verification?.state === "running" ? { refreshSeconds: 3 } : {})}
    >
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
          <TableFacts table={table} nowMs={frame.nowMs} />
          {view.followed !== undefined && <FollowedFacts view={view.followed} nowMs={frame.nowMs} />}
          <Fact name="Written by">
            <a href={`${pipelinePath}#${stepAnchor(table.step)}`}>
              <code>{table.step}</code>
            </a>
          </Fact>
          <Fact name="Columns">
            <a href={`${pipelinePath}/lineage?model=${encodeURIComponent(table.name)}`}>Lineage</a>
          </Fact>
          {frame.may("pipeline:data") && table.columns.length > 0 && (
            <Fact name="Rows">
              <a href={queryLink(pipeline, table.name)}>Query</a>
            </Fact>
          )}
        </dl>
      </div>
      <section aria-labelledby="rows-title">
        <h2 id="rows-title">
          {preview === undefined || preview.rows.length === 0
            ? "Rows"
            : preview.rows.length === table.row_count
            ? "All rows"
            : `First ${formatPlural(preview.rows.length, "row")}`}
        </h2>
        <div class="card">
          <Rows preview={preview} />
        </div>
      </section>
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
      {table.columns.length > 0 && (
        <section aria-labelledby="columns-title">
          <h2 id="columns-title">
            Columns <span class="count">{table.columns.length}</span>
          </h2>
          <div class="card">
            <ColumnTable columns={table.columns} />
          </div>
        </section>
      )}
      {schema !== undefined && <SchemaChanges schema={schema} />}
    </Layout>
  );
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
