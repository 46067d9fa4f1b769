import type { QueryResult, QuerySource } from "../../../contract/queries/query.ts";
import { MAX_SQL_CHARS } from "../../../contract/queries/query.ts";
import type { AppError } from "../../../contract/errors.ts";
import { formatCount, formatDuration, formatPlural } from "../../../text/format.ts";
import { Choice } from "../../parts/forms/choice.tsx";
import { type Frame, Layout } from "../../parts/layout.tsx";
import { Notice } from "../../parts/callouts.tsx";
import { plainText } from "../../parts/plain_text.ts";
import { RowTable } from "../../parts/tables/row_table.tsx";
import { Ago } from "../../parts/times.tsx";

export interface QueryPageView {
  readonly frame: Frame;
  /** Those that may be looked at. */
  readonly pipelines: readonly string[];
  /** Empty for none. */
  readonly pipeline: string;
  readonly sql: string;
  readonly result?: QueryResult | undefined;
  readonly refusal?: AppError | undefined;
}

const LINES = 8;

/** A box for SQL, and the rows that it has. */
export function QueryPage({ frame, pipelines, pipeline, sql, result, refusal }: QueryPageView) {
  const options = [
    { value: "", label: "No pipeline of its own" },
    ...pipelines.map((name) => ({ value: name, label: name })),
  ];
  return (
    <Layout frame={frame} title="Query" section="query">
      <div class="page-head">
        <div class="page-title">
          <h1>Query</h1>
          <p class="lead">
            Rows come from copies: no run waits, and nothing can be changed. Tables of other pipelines are
            {" "}
            <code>pipeline.model</code> and <code>pipeline.raw.stream</code>.
          </p>
        </div>
      </div>
      <form class="card form-card" method="post" action="/query">
        <div class="field wide">
          <label for="query-sql">SQL</label>
          <textarea
            id="query-sql"
            name="sql"
            class="query-sql"
            rows={Math.max(LINES, Math.min(24, sql.split("\n").length + 1))}
            required
            maxlength={MAX_SQL_CHARS}
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            {...(refusal === undefined
              ? {}
              : { "aria-invalid": "true" as const, "aria-describedby": "query-fault" })}
          >
            {plainText(sql)}
          </textarea>
        </div>
        <div class="query-run">
          <Choice name="pipeline" label="Tables of" options={options} chosen={pipeline} />
          <button class="button primary" type="submit">Run query</button>
        </div>
      </form>
      {refusal !== undefined && <Refusal refusal={refusal} sql={sql} />}
      {result !== undefined && <Result frame={frame} result={result} />}
    </Layout>
  );
}

function Refusal({ refusal, sql }: { readonly refusal: AppError; readonly sql: string }) {
  const [fault] = refusal.faults;
  const line = fault?.line === undefined ? undefined : sql.split(/\r\n|\r|\n/)[fault.line - 1];
  const place = fault?.line === undefined || line === undefined
    ? undefined
    : `line ${fault.line}${fault.column === undefined ? "" : `, column ${fault.column}`}: ${
      line.trim().slice(0, 200)
    }`;
  return (
    <div id="query-fault" class="query-fault">
      <Notice
        message={fault?.message ?? refusal.message}
        {...(place === undefined ? {} : { detail: place })}
      />
    </div>
  );
}

function Result({ frame, result }: { readonly frame: Frame; readonly result: QueryResult }) {
  const { columns, rows, truncated, sources, duration_ms } = result;
  const count = truncated === null
    ? formatPlural(rows.length, "row")
    : `The first ${formatCount(rows.length)} rows${truncated === "size" ? ": more are too large" : ""}`;
  const table = {
    name: "the query",
    columns: columns.map((column) => ({ ...column, description: null })),
    rows,
  };
  return (
    <section aria-labelledby="query-rows">
      <h2 id="query-rows">{count}</h2>
      <p class="muted query-facts">
        In {formatDuration(duration_ms)}
        {sources.map((source) => <Source source={source} nowMs={frame.nowMs} />)}
      </p>
      {columns.length > 0 && (
        <div class="card">
          <RowTable table={table} />
        </div>
      )}
    </section>
  );
}

function Source(
  { source: { pipeline, of, as_of }, nowMs }: { readonly source: QuerySource; readonly nowMs: number },
) {
  return (
    <>
      {" · "}
      <a href={`/pipelines/${encodeURIComponent(pipeline)}`}>{pipeline}</a>
      {of === "snapshots" ? " as published " : " as of "}
      {as_of === null ? "never" : <Ago at={as_of} nowMs={nowMs} />}
    </>
  );
}
