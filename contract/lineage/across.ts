import { parsePublishedName, PUBLISHED_CONNECTOR } from "../snapshots/source.ts";
import { isSameName } from "../sql.ts";
import type { PipelineLineage, TableLineage } from "./lineage.ts";

/** Lineage through pipelines that read each other's published models. */

/** A stream that reads what a pipeline publishes. */
export interface ReadPublication {
  readonly pipeline: string;
  readonly stream: string;
  /** As `shop.daily`. */
  readonly address: string;
}

/** `shop/main.daily`: what a table of another pipeline is called. */
const idIn = (pipeline: string, id: string): string => `${pipeline}/${id}`;

/** The pipeline and the id that it has there; undefined for a table of the pipeline itself. */
export function tableElsewhere(id: string): { readonly pipeline: string; readonly id: string } | undefined {
  const [, pipeline, own] = /^([A-Za-z_][\w-]*)\/(.+)$/s.exec(id) ?? [];
  return pipeline === undefined || own === undefined ? undefined : { pipeline, id: own };
}

/** Which pipelines read which models of a pipeline, by its lineage through others. */
export function publicationsOf(
  { tables }: PipelineLineage,
): { readonly model: string; readonly reader: string }[] {
  const models = new Map(
    tables.flatMap(({ id, kind, name, pipeline }) =>
      kind === "model" && pipeline === undefined ? [[id, name] as const] : []
    ),
  );
  return tables.flatMap(({ kind, pipeline: reader, reads }) =>
    kind !== "source" || reader === undefined
      ? []
      : reads.flatMap((id) => models.get(id) ?? []).map((model) => ({ model, reader }))
  );
}

/**
 * The lineage of a pipeline with the tables of others that lie on the ways to what its streams read of them, and from what
 * others read of it. `others` has their own lineages; `reads` all streams that read what is published. Each table behind those
 * that it reads.
 */
export function lineageAcross(
  pipeline: string,
  own: PipelineLineage,
  others: ReadonlyMap<string, PipelineLineage>,
  reads: readonly ReadPublication[],
): PipelineLineage {
  if (others.size === 0) return own;
  const name = (where: string, id: string) => where === pipeline ? id : idIn(where, id);
  const all = new Map<string, TableLineage>();
  for (const [where, { tables }] of [[pipeline, own] as const, ...others]) {
    for (const table of tables) {
      const renamed = where === pipeline ? table : elsewhere(table, where);
      all.set(
        renamed.id,
        withPublisher(
          renamed,
          (id, model) => id === pipeline || others.has(id) ? name(id, model) : undefined,
        ),
      );
    }
  }
  linkColumns(all);
  const readers = new Map<string, string[]>();
  for (const { id, reads: from } of all.values()) {
    for (const source of from) readers.set(source, [...readers.get(source) ?? [], id]);
  }
  const isOwn = (id: string) => own.tables.some((table) => table.id === id);
  const ownIds = own.tables.map(({ id }) => id);
  const published = reads.filter(({ address }) => parsePublishedName(address)?.pipeline === pipeline)
    .map(({ pipeline: reader, stream }) => name(reader, `source:${stream}`));
  const above = reachable(ownIds, (id) => all.get(id)?.reads ?? []);
  const below = reachable(published.filter((id) => all.has(id)), (id) => readers.get(id) ?? []);
  const kept = new Set([...above, ...ownIds, ...below]);
  return {
    tables: inOrder(
      [...all.values()].filter(({ id }) => kept.has(id) || isOwn(id)).map((table) => only(table, kept)),
    ),
  };
}

function elsewhere(table: TableLineage, pipeline: string): TableLineage {
  const moved = <T extends { readonly table: string }>(one: T): T => ({
    ...one,
    table: idIn(pipeline, one.table),
  });
  return {
    ...table,
    id: idIn(pipeline, table.id),
    pipeline,
    columns: table.columns.map((column) => ({
      ...column,
      sources: column.sources.map(moved),
      ...(column.influences === undefined ? {} : { influences: column.influences.map(moved) }),
    })),
    influences: table.influences.map(moved),
    reads: table.reads.map((id) => idIn(pipeline, id)),
  };
}

/** What reads a published model is behind it, as far as its pipeline is known. */
function withPublisher(
  table: TableLineage,
  idOf: (pipeline: string, id: string) => string | undefined,
): TableLineage {
  if (table.kind !== "source" || table.connector !== PUBLISHED_CONNECTOR) return table;
  const read = parsePublishedName(table.address ?? "");
  const id = read && idOf(read.pipeline, `main.${read.model}`);
  return id === undefined ? table : { ...table, reads: [id] };
}

/** A column of a snapshot is that of its model. */
function linkColumns(all: Map<string, TableLineage>): void {
  for (const table of all.values()) {
    const [model] = table.kind === "source" ? table.reads.flatMap((id) => all.get(id) ?? []) : [];
    if (model === undefined) continue;
    const columns = table.columns.map((column) => {
      const found = model.columns.find((one) => isSameName(one.name, column.name));
      if (found === undefined) return column;
      return { ...column, sources: [{ table: model.id, column: found.name, way: "direct" as const }] };
    });
    all.set(table.id, { ...table, columns });
  }
}

function reachable(from: readonly string[], next: (id: string) => readonly string[]): Set<string> {
  const seen = new Set<string>();
  let open = [...from];
  while (open.length > 0) {
    const fresh = [...new Set(open)].filter((id) => !seen.has(id));
    for (const id of fresh) seen.add(id);
    open = fresh.flatMap((id) => [...next(id)]);
  }
  return seen;
}

/** Without what is not shown. */
function only(table: TableLineage, kept: ReadonlySet<string>): TableLineage {
  const isKept = ({ table: id }: { readonly table: string }) => kept.has(id);
  return {
    ...table,
    columns: table.columns.map((column) => ({
      ...column,
      sources: column.sources.filter(isKept),
      ...(column.influences === undefined ? {} : { influences: column.influences.filter(isKept) }),
    })),
    influences: table.influences.filter(isKept),
    reads: table.reads.filter((id) => kept.has(id)),
  };
}

/** Each behind those that it reads, and else as they are. */
function inOrder(tables: readonly TableLineage[]): TableLineage[] {
  const byId = new Map(tables.map((table) => [table.id, table]));
  const placed = new Map<string, TableLineage>();
  const open = new Set<string>();
  const place = (table: TableLineage) => {
    if (placed.has(table.id) || open.has(table.id)) return;
    open.add(table.id);
    for (const id of table.reads) {
      const before = byId.get(id);
      if (before !== undefined) place(before);
    }
    placed.set(table.id, table);
  };
  for (const table of tables) place(table);
  return [...placed.values()];
}
