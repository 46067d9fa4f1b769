import type { PipelineLineage, TableLineage } from "../../../contract/lineage/lineage.ts";

/** What a picture of more boxes would show is a carpet. */
const MOST_TABLES = 40;
const MOST_STEPS = 2;
/** Of a larger pipeline the layouts take longer than everything else: its pictures go one step. */
const MOST_FOR_TWO_STEPS = 200;

/** A pipeline's tables by what they read, and by what reads them. */
export interface TableGraph {
  readonly tables: readonly TableLineage[];
  readonly byId: ReadonlyMap<string, TableLineage>;
  readonly readers: ReadonlyMap<string, readonly TableLineage[]>;
}

export function tableGraph({ tables }: { readonly tables: readonly TableLineage[] }): TableGraph {
  const readers = new Map<string, TableLineage[]>();
  for (const table of tables) {
    for (const id of table.reads) {
      const known = readers.get(id);
      if (known === undefined) readers.set(id, [table]);
      else known.push(table);
    }
  }
  return { tables, byId: new Map(tables.map((table) => [table.id, table])), readers };
}

/**
 * The table with what it is made of and what is made of it, up to two steps away; one where two are too many or the
 * pipeline is large, and undefined where that is too many still.
 */
export function nearTables(graph: TableGraph, id: string): PipelineLineage | undefined {
  for (let steps = graph.tables.length > MOST_FOR_TWO_STEPS ? 1 : MOST_STEPS; steps > 0; steps--) {
    const found = new Set([id]);
    spread(found, id, steps, (other) => graph.byId.get(other)?.reads ?? []);
    spread(found, id, steps, (other) => graph.readers.get(other)?.map((reader) => reader.id) ?? []);
    if (found.size <= MOST_TABLES) return { tables: graph.tables.filter((table) => found.has(table.id)) };
  }
  return undefined;
}

function spread(found: Set<string>, from: string, steps: number, next: (id: string) => readonly string[]) {
  let open = [from];
  for (let step = 0; step < steps && found.size <= MOST_TABLES; step++) {
    open = [...new Set(open.flatMap(next))];
    for (const id of open) found.add(id);
  }
}
