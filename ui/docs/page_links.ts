import type { PipelineDocs, TableDocs } from "../../contract/docs/project_docs.ts";
import type { LineageLinks } from "../parts/lineage/lineage_graph.tsx";
import { columnAnchor, pipelinePath, relativePath, tablePath } from "./site_paths.ts";

/** Addresses of a pipeline's tables from one of its pages. */
export interface PageLinks extends LineageLinks {
  /** Where the page itself lies. */
  readonly path: string;
}

/** Gives the links of each page of the pipeline. What has no page of its own is told of on that of a table beside it. */
export function linksIn(pipeline: PipelineDocs): (path: string) => PageLinks {
  const byId = new Map(pipeline.tables.map((table) => [table.id, table]));
  const pageOf = new Map(pipeline.tables.map((table) => [table.id, pageOfTable(pipeline, table, byId)]));
  return (path) => {
    const table = (id: string) => relativePath(path, pageOf.get(id) ?? pipelinePath(pipeline.name));
    return { path, table, column: (id, column) => `${table(id)}#${columnAnchor(column)}` };
  };
}

function pageOfTable(
  pipeline: PipelineDocs,
  table: TableDocs,
  byId: ReadonlyMap<string, TableDocs>,
): string {
  const shown = table.kind === "source"
    ? pipeline.tables.find(({ kind, reads }) => kind === "stream" && reads.includes(table.id))
    : table.kind === "target"
    ? byId.get(table.reads[0] ?? "")
    : table;
  return shown === undefined ? pipelinePath(pipeline.name) : tablePath(pipeline.name, shown);
}
