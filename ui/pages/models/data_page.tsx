import type { Snapshot } from "../../../contract/snapshots/snapshot.ts";
import type { DataFormat } from "../../../contract/snapshots/query.ts";
import { formatBytes, formatCount, formatPlural } from "../../../text/format.ts";
import { Code } from "../../parts/code/source_code.tsx";
import { Empty } from "../../parts/empty.tsx";
import { Fact } from "../../parts/facts.tsx";
import { Icon } from "../../parts/icons.tsx";
import { type Frame, Layout } from "../../parts/layout.tsx";
import { plainText } from "../../parts/plain_text.ts";
import { RunLink } from "../../parts/runs/run_link.tsx";
import { Breakable } from "../../parts/steps/step_names.tsx";
import { ColumnTable } from "../../parts/tables/row_table.tsx";
import { Ago } from "../../parts/times.tsx";

/** A model that a pipeline publishes. */
export interface PublishedView {
  readonly model: string;
  /** Undefined before the first run that publishes it. */
  readonly snapshot: Snapshot | undefined;
  /** The pipelines that read it, as far as they may be looked at. */
  readonly readers: readonly string[];
}

export interface DataView {
  readonly frame: Frame;
  readonly pipeline: string;
  /** In the order of its definition. */
  readonly models: readonly PublishedView[];
  /** Where this server is reached, as `https://sluice.example.com`. */
  readonly origin: string;
}

/** What a pipeline publishes, and how others get it. */
export function DataPage({ frame, pipeline, models, origin }: DataView) {
  const path = `/pipelines/${encodeURIComponent(pipeline)}`;
  return (
    <Layout frame={frame} title={`Published data of ${pipeline}`} section="pipelines">
      <div class="page-head">
        <div class="page-title">
          <p class="crumbs">
            <a href="/">Pipelines</a> <span>/</span> <a href={path}>{pipeline}</a>
          </p>
          <h1>Published data</h1>
          <p class="lead">Models as the last run left them, for readers who never wait for one.</p>
        </div>
      </div>
      {models.length === 0
        ? (
          <div class="card">
            <Empty title="Nothing is published">
              <p>
                Name models under <code>publish</code> in the pipeline's file.
              </p>
            </Empty>
          </div>
        )
        : models.map((view) => (
          <Model view={view} frame={frame} pipeline={pipeline} path={path} origin={origin} />
        ))}
    </Layout>
  );
}

interface ModelProps extends Pick<DataView, "frame" | "pipeline" | "origin"> {
  readonly view: PublishedView;
  readonly path: string;
}

function Model({ view, frame, pipeline, path, origin }: ModelProps) {
  const { model, snapshot } = view;
  const id = `data-${model}`;
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>
        <a href={`${path}/tables/${encodeURIComponent(model)}`}>
          <Breakable text={model} />
        </a>
      </h2>
      <div class="card facts-card">
        <dl class="facts">
          {snapshot === undefined
            ? <Fact name="Published">not yet: a run publishes it</Fact>
            : <SnapshotFacts snapshot={snapshot} nowMs={frame.nowMs} />}
          {view.readers.length > 0 && (
            <Fact name="Read by">
              <span class="lineage-list">
                {view.readers.map((name) => <a href={`/pipelines/${encodeURIComponent(name)}`}>{name}</a>)}
              </span>
            </Fact>
          )}
          {snapshot !== undefined && frame.may("pipeline:data") && (
            <Fact name="Download">
              <Downloads pipeline={pipeline} model={model} />
            </Fact>
          )}
        </dl>
      </div>
      {snapshot !== undefined && (
        <div class="card rows">
          <details class="row">
            <summary>
              <span class="row-name">{formatPlural(snapshot.columns.length, "column")}</span>
              <Icon name="chevron" />
            </summary>
            <div class="row-body">
              <ColumnTable columns={snapshot.columns.map((column) => ({ ...column, description: null }))} />
            </div>
          </details>
          <details class="row">
            <summary>
              <span class="row-name">From a program</span>
              <Icon name="chevron" />
            </summary>
            <div class="row-body">
              <Code source={exampleOf(origin, pipeline, snapshot)} language="text" />
            </div>
          </details>
        </div>
      )}
    </section>
  );
}

function SnapshotFacts({ snapshot, nowMs }: { readonly snapshot: Snapshot; readonly nowMs: number }) {
  return (
    <>
      <Fact name="Published">
        <Ago at={snapshot.published_at} nowMs={nowMs} />{" "}
        <span>
          by run <RunLink id={snapshot.run} />
        </span>
      </Fact>
      <Fact name="Rows">{formatCount(snapshot.rows)}</Fact>
      <Fact name="Size">
        {formatBytes(snapshot.size_bytes)}
        {snapshot.encrypted && <span class="muted">, encrypted</span>}
      </Fact>
      <Fact name="Snapshot">
        <code>{snapshot.id}</code>
      </Fact>
    </>
  );
}

/** What people open; Arrow and NDJSON are for programs. */
const DOWNLOADS: readonly (readonly [format: DataFormat, label: string])[] = [
  ["csv", "CSV"],
  ["parquet", "Parquet"],
  ["json", "JSON"],
  ["ndjson", "NDJSON"],
  ["arrow", "Arrow"],
];

function Downloads({ pipeline, model }: { readonly pipeline: string; readonly model: string }) {
  const path = `/api/data/${encodeURIComponent(pipeline)}/${encodeURIComponent(model)}`;
  return (
    <span class="lineage-list">
      {DOWNLOADS.map(([format, label]) => (
        <a href={`${path}?format=${format}`} download={`${pipeline}.${model}.${format}`}>{label}</a>
      ))}
    </span>
  );
}

function exampleOf(origin: string, pipeline: string, { model, columns }: Snapshot): string {
  const [first] = columns;
  const plain = first !== undefined && /^\w+$/.test(first.name) ? `&order=${first.name}.desc` : "";
  const address = `${origin}/api/data/${encodeURIComponent(pipeline)}/${encodeURIComponent(model)}`;
  return [
    "# rows as JSON, some at a time",
    `curl -H "Authorization: Bearer $SLUICE_TOKEN" "${plainText(address)}?limit=100${plain}"`,
    "",
    "# all of it, as it lies on the disk",
    `curl -H "Authorization: Bearer $SLUICE_TOKEN" -o ${model}.parquet "${
      plainText(address)
    }?format=parquet"`,
    "",
    "# in another pipeline of this server",
    `extract: { ${model}: { connector: sluice, stream: ${pipeline}.${model} } }`,
    "",
  ].join("\n");
}
