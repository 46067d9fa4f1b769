import type { ProjectDocs } from "../../contract/docs/project_docs.ts";
import { Code } from "../parts/code/source_code.tsx";
import { tableTitle } from "../parts/lineage/table_title.ts";
import { plainText } from "../parts/plain_text.ts";
import { DataTable } from "../parts/tables/data_table.tsx";
import { DocsLayout, DocsSection } from "./docs_layout.tsx";
import { linksIn } from "./page_links.ts";
import { columnAnchor, INDEX_PATH, MACROS_PATH, PERSONAL_DATA_PATH } from "./site_paths.ts";

const HOME = { name: "Pipelines", path: INDEX_PATH };

/** The macros of the project, with their SQL. */
export function MacrosDocs({ docs: { title, macros } }: { readonly docs: ProjectDocs }) {
  return (
    <DocsLayout path={MACROS_PATH} title="Macros" site={title} crumbs={[HOME]} heading="Macros">
      {macros.map(({ name, file, is_table: isTable, description, sql }) => (
        <DocsSection id={columnAnchor(name)} title={`${plainText(name)}${isTable ? " (table)" : ""}`}>
          <p class="lead docs-macro">
            {description !== null && <span>{plainText(description)}</span>}
            <code>{plainText(file)}</code>
          </p>
          <div class="card docs-code">
            <Code source={sql} language="sql" />
          </div>
        </DocsSection>
      ))}
    </DocsLayout>
  );
}

/** The columns that hold personal data, and where they are loaded to. */
export function PersonalDataDocs({ docs: { title, pipelines } }: { readonly docs: ProjectDocs }) {
  return (
    <DocsLayout
      path={PERSONAL_DATA_PATH}
      title="Personal data"
      site={title}
      crumbs={[HOME]}
      heading="Personal data"
      lead="Columns that are declared to hold it, and those that are made of them."
    >
      {pipelines.map((pipeline) => {
        const links = linksIn(pipeline)(PERSONAL_DATA_PATH);
        const marked = pipeline.tables.filter(({ kind }) => kind !== "source").flatMap((table) =>
          table.columns.filter(({ pii }) => pii === true).map((column) => ({ table, column }))
        );
        if (marked.length === 0) return null;
        return (
          <DocsSection
            id={`of-${columnAnchor(pipeline.name)}`}
            title={plainText(pipeline.name)}
            count={marked.length}
          >
            <DataTable
              label={`Personal data of ${pipeline.name}`}
              heads={["Table", "Column", "Type", "Why"]}
              stacks
            >
              {marked.map(({ table, column }) => (
                <tr>
                  <th scope="row">
                    <a href={links.column(table.id, column.name)}>{tableTitle(table).title}</a>
                    {table.kind === "target" && (
                      <span class="muted">loaded into {plainText(table.connector ?? "")}</span>
                    )}
                  </th>
                  <td data-head="Column">{plainText(column.name)}</td>
                  <td data-head="Type">{plainText(column.type ?? "")}</td>
                  <td class="about" data-head="Why">
                    {column.pii_declared?.pii === true ? "declared" : "made of what is"}
                  </td>
                </tr>
              ))}
            </DataTable>
          </DocsSection>
        );
      })}
    </DocsLayout>
  );
}
