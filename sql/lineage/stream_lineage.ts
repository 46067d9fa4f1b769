import type { DefinitionFault } from "../../contract/jobs/check_job.ts";
import type { ColumnLineage, ColumnSource, TableLineage } from "../../contract/lineage/lineage.ts";
import { type ChildTable, childTablesOf, parentColumn } from "../../contract/pipeline/child_tables.ts";
import { addressText, type PipelineDefinition } from "../../contract/pipeline/pipeline.ts";
import type { Mask, StreamDefinition } from "../../contract/pipeline/stream.ts";
import { type Column, isSameName } from "../../contract/sql.ts";
import { didYouMean } from "../../text/suggest.ts";

/** Masks that leave nothing of a value to be seen: `last4` shows its end. */
const HIDING_MASKS: ReadonlySet<Mask> = new Set(["hash", "redact", "null"]);

/** Columns that we add, as `_sluice_index`. */
const isOurs = (name: string): boolean => name.startsWith("_sluice_");

/** Columns that a stream marks by `pii` and does not have: a slip there would let them pass. */
export function unknownPii(
  { extract }: PipelineDefinition,
  columns: Readonly<Record<string, readonly Column[] | undefined>>,
): DefinitionFault[] {
  return Object.entries(extract).flatMap(([name, stream]) => {
    const stored = columns[name];
    if (stored === undefined) return [];
    const children = childTablesOf(name, stream).map(({ path: [array = ""] }) => array);
    const known = [...stored.map((column) => column.name), ...children].map((one) => sourceName(one, stream));
    const others = [...known, ...stream.exclude ?? []];
    return (stream.pii ?? []).flatMap((column, index): DefinitionFault[] => {
      if (others.some((other) => isSameName(other, column))) return [];
      const message = `pii: the stream ${name} has no column ${column}${didYouMean(column, known)}`;
      return [{ path: ["extract", name, "pii", index], message, severity: "error" }];
    });
  });
}

/** What each stream reads, and the raw tables that it makes. */
export function streamTables(
  { extract }: PipelineDefinition,
  columns: Readonly<Record<string, readonly Column[] | undefined>>,
): TableLineage[] {
  return Object.entries(extract).flatMap(([name, stream]) => {
    const source: Source = { id: `source:${name}`, stream, columns: new Map() };
    const children = childTablesOf(name, stream);
    const raw = [
      rawTable(name, columns[name], source, (column) => fromColumn(column, source)),
      ...children.map((child) =>
        rawTable(child.table, columns[child.table], source, (column) => fromArray(column, child, source))
      ),
    ];
    const read: TableLineage = {
      id: source.id,
      kind: "source",
      name,
      connector: stream.connector,
      address: addressText(stream),
      columns: [...source.columns.values()],
      influences: [],
      reads: [],
      ...(raw[0]?.unknown === undefined ? {} : { unknown: raw[0].unknown }),
    };
    return [read, ...raw];
  });
}

/** What a stream reads, with the columns that its tables have shown to be there. */
interface Source {
  readonly id: string;
  readonly stream: StreamDefinition;
  readonly columns: Map<string, ColumnLineage>;
}

function rawTable(
  name: string,
  columns: readonly Column[] | undefined,
  source: Source,
  sourcesOf: (column: Column) => ColumnSource[],
): TableLineage {
  return {
    id: `raw.${name}`,
    kind: "stream",
    name,
    columns: (columns ?? []).map((column) => ({ ...column, sources: sourcesOf(column) })),
    influences: [],
    reads: [source.id],
    ...(columns === undefined ? { unknown: "nobody has looked at its columns yet" } : {}),
  };
}

function fromColumn({ name, type }: Column, source: Source): ColumnSource[] {
  if (isOurs(name)) return [];
  const { stream } = source;
  const own = sourceName(name, stream);
  const mask = maskOf(own, stream);
  addColumn(source, { name: own, ...(mask === undefined ? { type } : {}), sources: [] });
  return [{
    table: source.id,
    column: own,
    way: mask === undefined ? "direct" : "transformed",
    ...(mask !== undefined && HIDING_MASKS.has(mask) ? { hidden: true } : {}),
  }];
}

/** The parent's key is a copy; an element is a part of the array that the column held. */
function fromArray({ name, type }: Column, child: ChildTable, source: Source): ColumnSource[] {
  const key = (source.stream.primary_key ?? []).find((key) => isSameName(parentColumn(key), name));
  if (key !== undefined) return fromColumn({ name: key, type }, source);
  if (isOurs(name)) return [];
  const [array = ""] = child.path;
  const own = sourceName(array, source.stream);
  addColumn(source, { name: own, sources: [] });
  return [{ table: source.id, column: own, way: "transformed" }];
}

function addColumn({ columns }: Source, column: ColumnLineage): void {
  const known = [...columns.keys()].find((name) => isSameName(name, column.name));
  if (known === undefined) columns.set(column.name, column);
}

function sourceName(stored: string, { rename }: StreamDefinition): string {
  const [from] = Object.entries(rename).find(([, to]) => isSameName(to, stored)) ?? [];
  return from ?? stored;
}

function maskOf(name: string, { mask }: StreamDefinition): Mask | undefined {
  return Object.entries(mask).find(([column]) => isSameName(column, name))?.[1];
}
