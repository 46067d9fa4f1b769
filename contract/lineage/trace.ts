import { didYouMean } from "../../text/suggest.ts";
import { AppError } from "../errors.ts";
import { isSameName } from "../sql.ts";
import type { ColumnLineage, PipelineLineage, TableLineage } from "./lineage.ts";

/** To the columns that it is made of, to those that are made of it, or both. */
export const DIRECTIONS = ["upstream", "downstream", "both"] as const;
export type Direction = (typeof DIRECTIONS)[number];

export interface TraceRequest {
  /** A table's id. */
  readonly table: string;
  /** Its name in the table's own spelling; all of its columns by default. */
  readonly column?: string | undefined;
  readonly direction: Direction;
  /** Whether columns that only decide are followed as well; by default those that give values alone. */
  readonly withInfluences?: boolean;
}

/** The table that a name means: `daily`, `main.daily`, `raw.orders`, or an id. Throws not_found. */
export function requireTable({ tables }: PipelineLineage, name: string): TableLineage {
  const found = tables.find(({ id }) => id === name) ??
    tables.find(({ id }) => isSameName(id, name) || isSameName(id, `main.${name}`));
  if (found !== undefined) return found;
  const names = tables.flatMap(({ id, kind, name }) =>
    kind === "model" ? [name] : kind === "stream" ? [id] : []
  );
  throw new AppError("not_found", `There is no model or stream ${name}${didYouMean(name, names)}`);
}

/** Throws not_found. */
export function requireColumn(table: TableLineage, name: string): ColumnLineage {
  const found = table.columns.find((column) => column.name === name) ??
    table.columns.find((column) => isSameName(column.name, name));
  if (found !== undefined) return found;
  const hint = table.columns.length === 0 && table.unknown !== undefined
    ? `: ${table.unknown}`
    : didYouMean(name, table.columns.map((column) => column.name));
  throw new AppError("not_found", `${table.id} has no column ${name}${hint}`);
}

/** The part of a lineage that lies on the ways to a column or table, and from it on. */
export function traceLineage(lineage: PipelineLineage, request: TraceRequest): PipelineLineage {
  const start = requireTable(lineage, request.table);
  const kept = new Kept();
  const columns = request.column === undefined ? start.columns : [requireColumn(start, request.column)];
  const begin = columns.map(({ name }): Step => ({ table: start.id, column: name }));
  const isWhole = request.column === undefined;
  for (
    const direction of request.direction === "both"
      ? ["upstream", "downstream"] as const
      : [request.direction]
  ) {
    const next = direction === "upstream" ? upstreamOf(lineage, request) : downstreamOf(lineage, request);
    kept.follow(isWhole ? [...begin, { table: start.id }] : begin, next);
  }
  return { tables: lineage.tables.flatMap((table) => kept.partOf(table)) };
}

/** A column, or a table as a whole where none of its columns is meant. */
interface Step {
  readonly table: string;
  readonly column?: string;
}

type Next = (step: Step) => readonly Step[];

class Kept {
  readonly #columns = new Map<string, Set<string>>();

  follow(begin: readonly Step[], next: Next): void {
    const seen = new Set<string>();
    let open = begin;
    while (open.length > 0) {
      const fresh = open.filter((step) => {
        const key = `${step.table}\0${step.column ?? ""}`;
        if (seen.has(key)) return false;
        seen.add(key);
        return true;
      });
      for (const { table, column } of fresh) {
        const columns = this.#columns.get(table) ?? new Set();
        if (column !== undefined) columns.add(column);
        this.#columns.set(table, columns);
      }
      open = fresh.flatMap(next);
    }
  }

  partOf(table: TableLineage): TableLineage[] {
    const columns = this.#columns.get(table.id);
    if (columns === undefined) return [];
    const isKept = (one: Required<Step>) => this.#columns.get(one.table)?.has(one.column) === true;
    return [{
      ...table,
      columns: table.columns.filter(({ name }) => columns.has(name)).map((column) => ({
        ...column,
        sources: column.sources.filter(isKept),
        ...(column.influences === undefined ? {} : { influences: column.influences.filter(isKept) }),
      })),
      influences: table.influences.filter(isKept),
      reads: table.reads.filter((id) => this.#columns.has(id)),
    }];
  }
}

function upstreamOf({ tables }: PipelineLineage, { withInfluences = false }: TraceRequest): Next {
  const byId = new Map(tables.map((table) => [table.id, table]));
  const columns = new Map(
    tables.map(({ id, columns }) => [id, new Map(columns.map((one) => [one.name, one]))]),
  );
  return (step) => {
    const table = byId.get(step.table);
    if (table === undefined) return [];
    const whole = table.reads.map((id) => ({ table: id }));
    if (step.column === undefined || table.unknown !== undefined) return whole;
    const column = columns.get(table.id)?.get(step.column);
    if (column === undefined) return [];
    const influences = withInfluences ? [...column.influences ?? [], ...table.influences] : [];
    return [...column.sources, ...influences];
  };
}

function downstreamOf({ tables }: PipelineLineage, { withInfluences = false }: TraceRequest): Next {
  const readers = new Map<string, Step[]>();
  const add = (step: Step, reader: Step) => {
    const key = `${step.table}\0${step.column ?? ""}`;
    const known = readers.get(key);
    if (known === undefined) readers.set(key, [reader]);
    else known.push(reader);
  };
  for (const table of tables) {
    const all = table.columns.map(({ name }) => ({ table: table.id, column: name }));
    for (const id of table.reads) add({ table: id }, { table: table.id });
    for (const column of table.columns) {
      const influences = withInfluences ? column.influences ?? [] : [];
      for (const source of [...column.sources, ...influences]) {
        add(source, { table: table.id, column: column.name });
      }
    }
    for (const influence of withInfluences ? table.influences : []) {
      for (const column of [...all, { table: table.id }]) add(influence, column);
    }
  }
  // What is made of a column where that is not known may be any column.
  const unknown = tables.filter(({ unknown, kind }) => unknown !== undefined && kind === "model");
  return (step) => [
    ...readers.get(`${step.table}\0${step.column ?? ""}`) ?? [],
    ...unknown.filter(({ reads }) => step.column !== undefined && reads.includes(step.table)).flatMap((
      table,
    ) => [
      { table: table.id },
      ...table.columns.map(({ name }) => ({ table: table.id, column: name })),
    ]),
  ];
}
