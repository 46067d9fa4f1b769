import type { ColumnDocs, PipelineDocs, TableDocs } from "../../contract/docs/project_docs.ts";
import type { TableLineage } from "../../contract/lineage/lineage.ts";
import { formatCount } from "../../text/format.ts";
import { Code } from "../parts/code/source_code.tsx";
import { Empty } from "../parts/empty.tsx";
import { Fact } from "../parts/facts.tsx";
import { ColumnSources } from "../parts/lineage/column_sources.tsx";
import { LineageGraph } from "../parts/lineage/lineage_graph.tsx";
import type { Picture } from "../parts/lineage/lineage_picture.ts";
import { AroundFacts } from "../parts/lineage/table_around.tsx";
import { tableTitle } from "../parts/lineage/table_title.ts";
import { plainText } from "../parts/plain_text.ts";
import { Breakable } from "../parts/steps/step_names.tsx";
import { DataTable } from "../parts/tables/data_table.tsx";
import { DocsLayout, DocsSection } from "./docs_layout.tsx";
import { At, CheckState, kindText, TagsFact } from "./docs_words.tsx";
import type { TableGraph } from "../parts/lineage/near_tables.ts";
import type { PageLinks } from "./page_links.ts";
import { columnAnchor, INDEX_PATH, pipelinePath } from "./site_paths.ts";

export interface TableDocsView {
  readonly site: string;
  readonly pipeline: PipelineDocs;
  readonly table: TableDocs;
  readonly graph: TableGraph;
  readonly links: PageLinks;
  /** Of the tables around it; undefined where they are too many. */
  readonly picture: Picture | undefined;
}

/** A stream's table or a model. */
export function TableDocsPage({ site, pipeline, table, graph, links, picture }: TableDocsView) {
  const { title } = tableTitle(table);
  const reads = table.reads.flatMap((id) => graph.byId.get(id) ?? []);
  const readers = graph.readers.get(table.id) ?? [];
  return (
    <DocsLayout
      path={links.path}
      title={`${title} · ${pipeline.name}`}
      site={site}
      crumbs={[{ name: "Pipelines", path: INDEX_PATH }, {
        name: pipeline.name,
        path: pipelinePath(pipeline.name),
      }]}
      heading={<Breakable text={title} />}
      lead={table.description}
      facts={<TableFacts table={table} reads={reads} readers={readers} links={links} />}
    >
      <DocsSection id="columns" title="Columns" count={table.columns.length}>
        {table.columns.length === 0
          ? (
            <div class="card">
              <Empty title="The columns are not known">
                <p>
                  {table.kind === "stream"
                    ? "Nobody has read it yet. sluice check --write-schemas keeps what the source has."
                    : plainText(table.unknown ?? "")}
                </p>
              </Empty>
            </div>
          )
          : <ColumnList table={table} graph={graph} links={links} />}
      </DocsSection>
      {table.checks.length > 0 && <Checks table={table} />}
      {picture !== undefined && picture.boxes.length > 1 && (
        <section>
          <div class="section-head">
            <h2>Lineage</h2>
          </div>
          <div class="card" data-graph>
            <LineageGraph picture={picture} links={links} current={table.id} />
          </div>
        </section>
      )}
      {table.sql !== null && (
        <DocsSection id="sql" title={table.kind === "stream" ? "Query" : "SQL"}>
          <div class="card docs-code">
            <Code source={table.sql} language="sql" anchor="sql" />
          </div>
        </DocsSection>
      )}
    </DocsLayout>
  );
}

interface FactsProps {
  readonly table: TableDocs;
  readonly reads: readonly TableLineage[];
  readonly readers: readonly TableLineage[];
  readonly links: PageLinks;
}

function TableFacts({ table, reads, readers, links }: FactsProps) {
  const { file, primary_key: key, update_key, contract, published, last } = table;
  return (
    <>
      <Fact name="Kind">{kindText(table)}</Fact>
      <AroundFacts around={{ reads, readers, links }} />
      {key.length > 0 && (
        <Fact name="Primary key">
          <code>{plainText(key.join(", "))}</code>
        </Fact>
      )}
      {update_key !== null && (
        <Fact name="Update key">
          <code>{plainText(update_key)}</code>
        </Fact>
      )}
      {contract && <Fact name="Contract">its columns are as they are listed</Fact>}
      {published && <Fact name="Published">as snapshots</Fact>}
      {last !== null && last.rows !== null && <Fact name="Rows">{formatCount(last.rows)}</Fact>}
      {last !== null && (
        <Fact name="Last change">
          <At at={last.changed_at} />
        </Fact>
      )}
      {file !== null && (
        <Fact name="File">
          <code>
            <Breakable text={plainText(file)} />
          </code>
        </Fact>
      )}
      <TagsFact tags={table.tags} />
    </>
  );
}

function ColumnList(
  { table, graph, links }: {
    readonly table: TableDocs;
    readonly graph: TableGraph;
    readonly links: PageLinks;
  },
) {
  const isDescribed = table.columns.some(({ description }) => description !== null);
  const hasSources = table.columns.some(({ sources }) => sources.length > 0);
  return (
    <DataTable
      label="Columns"
      heads={[
        "Column",
        "Type",
        ...hasSources ? ["Made of"] : [],
        ...isDescribed ? ["Description"] : [],
      ]}
      stacks
    >
      {table.columns.map((column) => (
        <tr id={columnAnchor(column.name)}>
          <th scope="row">
            {plainText(column.name)}
            {column.pii === true && <PiiTag column={column} />}
          </th>
          <td data-head="Type">{plainText(column.type ?? "")}</td>
          {hasSources && (
            <td class="about" data-head="Made of">
              <ColumnSources column={column} tables={graph.byId} links={links} />
            </td>
          )}
          {isDescribed && <td class="about" data-head="Description">{plainText(column.description ?? "")}
          </td>}
        </tr>
      ))}
    </DataTable>
  );
}

/** Which columns hold personal data, as the lineage has it. */
function PiiTag({ column }: { readonly column: ColumnDocs }) {
  const title = column.pii_declared?.pii === true
    ? "Personal data, as it is declared"
    : "Personal data: it is made of what is";
  return <span class="tag pii" title={title}>pii</span>;
}

function Checks({ table }: { readonly table: TableDocs }) {
  return (
    <DocsSection id="checks" title="Checks" count={table.checks.length}>
      <DataTable label="Checks" heads={["Check", "Says", "Where it fails", "Last result"]} stacks>
        {table.checks.map(({ name, label, severity, last }) => (
          <tr>
            <th scope="row">{plainText(name)}</th>
            <td data-head="Says">{plainText(label)}</td>
            <td data-head="Where it fails">{severity === "warn" ? "warns" : "stops the run"}</td>
            <td class="about" data-head="Last result">
              <CheckState last={last} />
            </td>
          </tr>
        ))}
      </DataTable>
    </DocsSection>
  );
}
