import type { ColumnLineage, TableLineage, Way } from "../../../contract/lineage/lineage.ts";
import { plainText } from "../plain_text.ts";
import type { LineageLinks } from "./lineage_graph.tsx";
import { tableTitle } from "./table_title.ts";

const WAY_WORDS: Readonly<Record<Way, string>> = {
  direct: "copied",
  transformed: "transformed",
  aggregated: "aggregated",
};
/** A column may be made of hundreds. */
const MOST_SOURCES = 8;

/** The columns that a column is made of, and how. */
export function ColumnSources(
  { column, tables, links }: {
    readonly column: Pick<ColumnLineage, "sources">;
    /** By their ids. */
    readonly tables: ReadonlyMap<string, TableLineage>;
    readonly links: LineageLinks;
  },
) {
  const { sources } = column;
  if (sources.length === 0) return null;
  return (
    <span class="name-list">
      {sources.slice(0, MOST_SOURCES).map(({ table: id, column: name, way }) => {
        const source = tables.get(id);
        const title = source === undefined ? id : tableTitle(source).title;
        return (
          <span>
            {source?.kind === "source"
              ? <span>{plainText(name)}</span>
              : <a href={links.column(id, name)}>{`${title}.${plainText(name)}`}</a>}{" "}
            <span class="muted">{WAY_WORDS[way]}</span>
          </span>
        );
      })}
      {sources.length > MOST_SOURCES && <span class="muted">and {sources.length - MOST_SOURCES} more</span>}
    </span>
  );
}
