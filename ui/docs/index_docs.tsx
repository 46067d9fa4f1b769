import type { PipelineDocs, ProjectDocs, TableDocs } from "../../contract/docs/project_docs.ts";
import { formatCount, formatPlural } from "../../text/format.ts";
import { Empty } from "../parts/empty.tsx";
import { Fact } from "../parts/facts.tsx";
import { plainText } from "../parts/plain_text.ts";
import { Breakable } from "../parts/steps/step_names.tsx";
import { DataTable } from "../parts/tables/data_table.tsx";
import { DocsLayout, DocsSection } from "./docs_layout.tsx";
import { LastRun, Tags } from "./docs_words.tsx";
import { INDEX_PATH, MACROS_PATH, PERSONAL_DATA_PATH, pipelinePath } from "./site_paths.ts";

const countOf = ({ tables }: PipelineDocs, kind: TableDocs["kind"]): number =>
  tables.filter((table) => table.kind === kind).length;

/** How many columns of streams and models hold personal data. */
export function personalColumns({ pipelines }: ProjectDocs): number {
  return pipelines.flatMap(({ tables }) => tables).filter(({ kind }) => kind === "stream" || kind === "model")
    .reduce((sum, { columns }) => sum + columns.filter(({ pii }) => pii === true).length, 0);
}

/** The pipelines of the project. */
export function IndexDocs({ docs }: { readonly docs: ProjectDocs }) {
  const { title, pipelines, macros } = docs;
  const hasRuns = pipelines.some(({ last }) => last !== null);
  const personal = personalColumns(docs);
  return (
    <DocsLayout
      path={INDEX_PATH}
      title={title}
      site={title}
      heading={plainText(title)}
      facts={
        <>
          <Fact name="Pipelines">{formatCount(pipelines.length)}</Fact>
          <Fact name="Models">
            {formatCount(pipelines.reduce((sum, pipeline) => sum + countOf(pipeline, "model"), 0))}
          </Fact>
          <Fact name="Streams">
            {formatCount(pipelines.reduce((sum, pipeline) => sum + countOf(pipeline, "stream"), 0))}
          </Fact>
          {macros.length > 0 && (
            <Fact name="Macros">
              <a href={MACROS_PATH}>{formatCount(macros.length)}</a>
            </Fact>
          )}
          {personal > 0 && (
            <Fact name="Personal data">
              <a href={PERSONAL_DATA_PATH}>{formatPlural(personal, "column")}</a>
            </Fact>
          )}
        </>
      }
    >
      <DocsSection id="pipelines" title="Pipelines">
        {pipelines.length === 0
          ? (
            <div class="card">
              <Empty title="The project has no pipeline" />
            </div>
          )
          : (
            <DataTable
              label="Pipelines"
              heads={[
                "Pipeline",
                { number: "Streams" },
                { number: "Models" },
                ...hasRuns ? ["Last run"] : [],
                "Description",
              ]}
              stacks
            >
              {pipelines.map((pipeline) => (
                <tr>
                  <th scope="row">
                    <a href={pipelinePath(pipeline.name)}>
                      <Breakable text={plainText(pipeline.name)} />
                    </a>
                  </th>
                  <td class="number" data-head="Streams">{formatCount(countOf(pipeline, "stream"))}</td>
                  <td class="number" data-head="Models">{formatCount(countOf(pipeline, "model"))}</td>
                  {hasRuns && (
                    <td data-head="Last run">
                      <LastRun last={pipeline.last} />
                    </td>
                  )}
                  <td class="about">
                    {plainText(pipeline.description ?? "")} <Tags tags={pipeline.tags} />
                  </td>
                </tr>
              ))}
            </DataTable>
          )}
      </DocsSection>
    </DocsLayout>
  );
}
