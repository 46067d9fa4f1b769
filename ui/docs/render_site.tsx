import type { Child } from "hono/jsx";
import type { PipelineDocs, ProjectDocs } from "../../contract/docs/project_docs.ts";
import type { SiteFile } from "../../server/backend.ts";
import { drawLineage } from "../parts/lineage/lineage_picture.ts";
import { renderDocument } from "../parts/layout.tsx";
import { DOCS_ASSETS } from "../static/docs_assets.ts";
import { IndexDocs, personalColumns } from "./index_docs.tsx";
import { nearTables, tableGraph } from "../parts/lineage/near_tables.ts";
import { MacrosDocs, PersonalDataDocs } from "./other_docs.tsx";
import { linksIn } from "./page_links.ts";
import { PipelineDocsPage } from "./pipeline_docs.tsx";
import { searchIndex } from "./search_index.ts";
import {
  CATALOG_PATH,
  ICON_PATH,
  INDEX_PATH,
  MACROS_PATH,
  PERSONAL_DATA_PATH,
  pipelinePath,
  SCRIPT_PATH,
  SEARCH_PATH,
  STYLE_PATH,
  tablePath,
} from "./site_paths.ts";
import { TableDocsPage } from "./table_docs.tsx";

/** Of more tables the picture of a whole pipeline would be a carpet. */
const MOST_TABLES = 150;

/** The docs as static pages that need no server. The same docs give the same files, in the same order. */
export async function* renderSite(docs: ProjectDocs): AsyncIterable<SiteFile> {
  yield { path: CATALOG_PATH, text: `${JSON.stringify(docs, null, 2)}\n` };
  yield { path: STYLE_PATH, text: DOCS_ASSETS.style };
  yield { path: SCRIPT_PATH, text: DOCS_ASSETS.script };
  yield { path: ICON_PATH, text: DOCS_ASSETS.icon };
  yield { path: SEARCH_PATH, text: searchIndex(docs) };
  yield { path: INDEX_PATH, text: pageText(<IndexDocs docs={docs} />) };
  if (personalColumns(docs) > 0) {
    yield { path: PERSONAL_DATA_PATH, text: pageText(<PersonalDataDocs docs={docs} />) };
  }
  if (docs.macros.length > 0) yield { path: MACROS_PATH, text: pageText(<MacrosDocs docs={docs} />) };
  const names = new Set(docs.pipelines.map(({ name }) => name));
  for (const pipeline of docs.pipelines) yield* pipelinePages(docs.title, pipeline, names);
}

async function* pipelinePages(
  site: string,
  pipeline: PipelineDocs,
  pipelines: ReadonlySet<string>,
): AsyncIterable<SiteFile> {
  const linksOn = linksIn(pipeline);
  const graph = tableGraph(pipeline);
  const path = pipelinePath(pipeline.name);
  const picture = pipeline.tables.length > MOST_TABLES
    ? undefined
    : await drawLineage(pipeline, pipeline, undefined);
  yield {
    path,
    text: pageText(
      <PipelineDocsPage
        site={site}
        pipeline={pipeline}
        pipelines={pipelines}
        links={linksOn(path)}
        picture={picture}
      />,
    ),
  };
  for (const table of pipeline.tables) {
    if (table.kind !== "stream" && table.kind !== "model") continue;
    const own = tablePath(pipeline.name, table);
    const near = nearTables(graph, table.id);
    const around = near === undefined ? undefined : await drawLineage(near, near, undefined);
    yield {
      path: own,
      text: pageText(
        <TableDocsPage
          site={site}
          pipeline={pipeline}
          table={table}
          graph={graph}
          links={linksOn(own)}
          picture={around}
        />,
      ),
    };
  }
}

function pageText(page: Child & { toString(): string }): string {
  return `${renderDocument(page)}\n`;
}
