import { tableElsewhere } from "../../../contract/lineage/across.ts";
import type { PipelineLineage, TableLineage } from "../../../contract/lineage/lineage.ts";
import { isSameName } from "../../../contract/sql.ts";
import { Fact } from "../facts.tsx";
import { plainText } from "../plain_text.ts";
import type { LineageLinks } from "./lineage_graph.tsx";
import { drawLineage, type Picture } from "./lineage_picture.ts";
import { nearTables, tableGraph } from "./near_tables.ts";
import { tableTitle } from "./table_title.ts";

/** A table with what it is made of, and what is made of it. */
export interface TableAround {
  readonly table: TableLineage;
  readonly reads: readonly TableLineage[];
  readonly readers: readonly TableLineage[];
  /** By their ids: all of the pipeline's. */
  readonly tables: ReadonlyMap<string, TableLineage>;
  readonly links: LineageLinks;
  /** Of the tables up to two steps away; undefined where they are too many, and where there is none. */
  readonly picture: Picture | undefined;
}

/** What is around a table, by its name (`raw.orders`, `daily`); undefined where its lineage is not known. */
export async function lookAround(
  pipeline: string,
  lineage: PipelineLineage,
  name: string,
): Promise<TableAround | undefined> {
  const id = name.startsWith("raw.") ? name : `main.${name}`;
  const graph = tableGraph(lineage);
  const table = lineage.tables.find((one) => one.pipeline === undefined && isSameName(one.id, id));
  if (table === undefined) return undefined;
  const near = nearTables(graph, table.id);
  return {
    table,
    reads: table.reads.flatMap((one) => graph.byId.get(one) ?? []),
    readers: graph.readers.get(table.id) ?? [],
    tables: graph.byId,
    links: tablePageLinks(pipeline, graph.byId),
    picture: near === undefined || near.tables.length < 2
      ? undefined
      : await drawLineage(near, lineage, undefined),
  };
}

/** Tables lead to their pages, columns to their ways. */
function tablePageLinks(pipeline: string, tables: ReadonlyMap<string, TableLineage>): LineageLinks {
  const pageOf = (id: string) => {
    const there = tableElsewhere(id);
    return { path: `/pipelines/${encodeURIComponent(there?.pipeline ?? pipeline)}`, id: there?.id ?? id };
  };
  return {
    table: (id) => {
      const { path, id: own } = pageOf(id);
      const kind = tables.get(id)?.kind;
      const isTable = kind === "model" || kind === "stream";
      return isTable
        ? `${path}/tables/${encodeURIComponent(own.replace(/^main\./, ""))}`
        : `${path}/lineage?model=${encodeURIComponent(own)}`;
    },
    column: (id, column) => {
      const { path, id: own } = pageOf(id);
      return `${path}/lineage?table=${encodeURIComponent(own)}&column=${encodeURIComponent(column)}`;
    },
  };
}

/** Tables by their names, each a link. */
export function AroundFacts(
  { around }: { readonly around: Pick<TableAround, "reads" | "readers" | "links"> },
) {
  const { reads, readers, links } = around;
  return (
    <>
      {reads.filter(({ kind }) => kind === "source").map((source) => (
        <Fact name="Reads">
          {plainText(source.connector ?? "")} <code>{plainText(source.address ?? "")}</code>
        </Fact>
      ))}
      <TableLinks name="Reads" tables={reads.filter(({ kind }) => kind !== "source")} links={links} />
      <TableLinks name="Read by" tables={readers.filter(({ kind }) => kind !== "target")} links={links} />
      {readers.filter(({ kind }) => kind === "target").map((target) => (
        <Fact name="Loaded into">
          {plainText(target.connector ?? "")} <code>{plainText(target.address ?? "")}</code>
        </Fact>
      ))}
    </>
  );
}

function TableLinks(
  { name, tables, links }: {
    readonly name: string;
    readonly tables: readonly TableLineage[];
    readonly links: LineageLinks;
  },
) {
  if (tables.length === 0) return null;
  return (
    <Fact name={name}>
      <span class="name-list">
        {tables.map((table) => <a href={links.table(table.id)}>{tableTitle(table).title}</a>)}
      </span>
    </Fact>
  );
}
