import type { PipelineDocs, TableDocs } from "../../contract/docs/project_docs.ts";
import { formatCount } from "../../text/format.ts";
import { Fact } from "../parts/facts.tsx";
import { formatUtc } from "../parts/format.ts";
import { LineageGraph } from "../parts/lineage/lineage_graph.tsx";
import type { Picture } from "../parts/lineage/lineage_picture.ts";
import { tableTitle } from "../parts/lineage/table_title.ts";
import { plainText } from "../parts/plain_text.ts";
import { Breakable } from "../parts/steps/step_names.tsx";
import { DataTable } from "../parts/tables/data_table.tsx";
import { DocsLayout, DocsSection } from "./docs_layout.tsx";
import { At, CheckTally, kindText, LastRun, Tags, TagsFact } from "./docs_words.tsx";
import type { PageLinks } from "./page_links.ts";
import { INDEX_PATH, pipelinePath, relativePath } from "./site_paths.ts";

export interface PipelineDocsView {
  readonly site: string;
  readonly pipeline: PipelineDocs;
  /** Names of the pipelines that have a page. */
  readonly pipelines: ReadonlySet<string>;
  readonly links: PageLinks;
  /** Undefined where it would be too large. */
  readonly picture: Picture | undefined;
}

/** A pipeline with its tables. */
export function PipelineDocsPage({ site, pipeline, pipelines, links, picture }: PipelineDocsView) {
  const { name, description, tables } = pipeline;
  const streams = tables.filter(({ kind }) => kind === "stream");
  const models = tables.filter(({ kind }) => kind === "model");
  const targets = tables.filter(({ kind }) => kind === "target");
  return (
    <DocsLayout
      path={links.path}
      title={name}
      site={site}
      crumbs={[{ name: "Pipelines", path: INDEX_PATH }]}
      heading={<Breakable text={plainText(name)} />}
      lead={description}
      facts={<PipelineFacts pipeline={pipeline} pipelines={pipelines} path={links.path} />}
    >
      {picture !== undefined && picture.boxes.length > 0 && (
        <section>
          <div class="section-head">
            <h2>Lineage</h2>
          </div>
          <div class="card" data-graph>
            <LineageGraph picture={picture} links={links} />
          </div>
        </section>
      )}
      <TableList id="models" title="Models" tables={models} links={links} />
      <TableList id="streams" title="Streams" tables={streams} links={links} />
      {targets.length > 0 && <Loads targets={targets} links={links} />}
      {pipeline.params.length > 0 && (
        <DocsSection id="params" title="Params" count={pipeline.params.length}>
          <DataTable label="Params" heads={["Param", "Type", "Description"]} stacks>
            {pipeline.params.map((param) => (
              <tr>
                <th scope="row">{plainText(param.name)}</th>
                <td data-head="Type">{param.type}</td>
                <td class="about" data-head="Description">{plainText(param.description ?? "")}</td>
              </tr>
            ))}
          </DataTable>
        </DocsSection>
      )}
    </DocsLayout>
  );
}

function PipelineFacts(
  { pipeline, pipelines, path }: {
    readonly pipeline: PipelineDocs;
    readonly pipelines: ReadonlySet<string>;
    readonly path: string;
  },
) {
  const { owner, tags, schedules, after, freshness, last } = pipeline;
  return (
    <>
      {owner !== null && <Fact name="Owner">{plainText(owner)}</Fact>}
      {schedules.length > 0 && <Fact name="Schedule">{plainText(schedules.join("; "))}</Fact>}
      {after.length > 0 && (
        <Fact name="After">
          <span class="name-list">
            {after.map((other) =>
              pipelines.has(other)
                ? <a href={relativePath(path, pipelinePath(other))}>{plainText(other)}</a>
                : <span>{plainText(other)}</span>
            )}
          </span>
        </Fact>
      )}
      {freshness !== null && <Fact name="Fresh within">{plainText(freshness)}</Fact>}
      {last !== null && (
        <Fact name="Last run">
          <LastRun last={last} />
          {last.finished_at !== null && <span class="muted">{formatUtc(last.finished_at)}</span>}
        </Fact>
      )}
      {last !== null && last.succeeded_at !== last.finished_at && (
        <Fact name="Last success">
          <At at={last.succeeded_at} />
        </Fact>
      )}
      <TagsFact tags={tags} />
    </>
  );
}

function TableList(
  { id, title, tables, links }: {
    readonly id: string;
    readonly title: string;
    readonly tables: readonly TableDocs[];
    readonly links: PageLinks;
  },
) {
  if (tables.length === 0) return null;
  const hasRuns = tables.some(({ last }) => last !== null);
  const hasChecks = tables.some(({ checks }) => checks.length > 0);
  return (
    <DocsSection id={id} title={title} count={tables.length}>
      <DataTable
        label={title}
        heads={[
          title.slice(0, -1),
          "Kind",
          { number: "Columns" },
          ...hasChecks ? ["Checks"] : [],
          ...hasRuns ? [{ number: "Rows" }] : [],
          "Description",
        ]}
        stacks
      >
        {tables.map((table) => (
          <tr>
            <th scope="row">
              <a href={links.table(table.id)}>
                <Breakable text={tableTitle(table).title} />
              </a>
            </th>
            <td data-head="Kind">{kindText(table)}</td>
            <td class="number" data-head="Columns">{formatCount(table.columns.length)}</td>
            {hasChecks && (
              <td data-head="Checks">
                <CheckTally checks={table.checks} />
              </td>
            )}
            {hasRuns && <td class="number" data-head="Rows">{formatCount(table.last?.rows ?? null)}</td>}
            <td class="about">
              {plainText(table.description ?? "")} <Tags tags={table.tags} />
            </td>
          </tr>
        ))}
      </DataTable>
    </DocsSection>
  );
}

function Loads({ targets, links }: { readonly targets: readonly TableDocs[]; readonly links: PageLinks }) {
  return (
    <DocsSection id="loads" title="Loads" count={targets.length}>
      <DataTable label="Loads" heads={["Table", "To", "Mode", "Address"]} stacks>
        {targets.map((target) => (
          <tr>
            <th scope="row">
              <a href={links.table(target.id)}>{plainText(target.name)}</a>
            </th>
            <td data-head="To">{plainText(target.connector ?? "")}</td>
            <td data-head="Mode">{target.mode ?? ""}</td>
            <td class="about" data-head="Address">{plainText(target.address ?? "")}</td>
          </tr>
        ))}
      </DataTable>
    </DocsSection>
  );
}
