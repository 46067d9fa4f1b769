import type { ProjectDocs } from "../../contract/docs/project_docs.ts";
import { plainText, truncate } from "../parts/plain_text.ts";
import { columnAnchor, MACROS_PATH, pipelinePath, tablePath } from "./site_paths.ts";

/** What can be found: what it is, its name, the pipeline that it is of, its page, and other words that it is found by. */
type Entry = readonly [kind: string, name: string, of: string, path: string, words: string];

const DESCRIPTION_CHARS = 200;

/** A script that hands the entries to that of the pages: pages on a disk may not load anything else. */
export function searchIndex({ pipelines, macros }: ProjectDocs): string {
  const entries: Entry[] = [];
  const wordsOf = (texts: readonly (string | null)[]) =>
    texts.flatMap((text) => text === null ? [] : [truncate(plainText(text), DESCRIPTION_CHARS)]).join(" ");
  for (const pipeline of pipelines) {
    const { name, description, tags, owner } = pipeline;
    const of = plainText(name);
    entries.push(["pipeline", of, "", pipelinePath(name), wordsOf([description, owner, ...tags])]);
    for (const table of pipeline.tables) {
      if (table.kind !== "stream" && table.kind !== "model") continue;
      const path = tablePath(name, table);
      const title = plainText(table.kind === "stream" ? table.id : table.name);
      const kind = table.materialized === "seed" ? "seed" : table.kind;
      entries.push([kind, title, of, path, wordsOf([table.description, ...table.tags])]);
      for (const column of table.columns) {
        const anchor = `${path}#${columnAnchor(column.name)}`;
        entries.push([
          "column",
          plainText(column.name),
          `${of} ${title}`,
          anchor,
          wordsOf([column.description]),
        ]);
      }
    }
  }
  for (const { name, description } of macros) {
    entries.push([
      "macro",
      plainText(name),
      "",
      `${MACROS_PATH}#${columnAnchor(name)}`,
      wordsOf([description]),
    ]);
  }
  return `globalThis.sluiceSearch = [\n${entries.map((entry) => JSON.stringify(entry)).join(",\n")}\n];\n`;
}
