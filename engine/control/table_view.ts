import type { PipelineStep } from "../../contract/run.ts";
import type { Column } from "../../contract/sql.ts";
import type { Table } from "../../contract/table.ts";

/**
 * The raw tables and models of a revision's steps, in their order, a stream's child tables behind its own: as a run last
 * wrote them, or with what is known of their columns before the first.
 */
export async function tablesOf(
  steps: readonly PipelineStep[],
  streamColumns: Readonly<Record<string, readonly Column[]>>,
  childrenOf: (stream: string) => readonly string[],
  written: (table: string) => Promise<Table | undefined>,
): Promise<Table[]> {
  return await Promise.all(
    steps.flatMap((step) => {
      if (step.kind !== "extract" && step.kind !== "model") return [];
      const own = step.name.slice(step.name.indexOf(":") + 1);
      return (step.kind === "extract" ? [own, ...childrenOf(own)] : [own]).map(async (table) => {
        const name = step.kind === "extract" ? `raw.${table}` : table;
        return await written(name) ?? unwritten(name, step, streamColumns[table] ?? []);
      });
    }),
  );
}

/** The steps, and those of streams that runs have found since. */
export function withStreams(
  steps: readonly PipelineStep[],
  streams: readonly string[],
): readonly PipelineStep[] {
  const found = streams.map((stream) => `extract:${stream}`)
    .filter((name) => !steps.some((step) => step.name === name))
    .map((name): PipelineStep => ({
      name,
      kind: "extract",
      depends: [],
      summary: "",
      file: null,
      sql: null,
    }));
  return [...found, ...steps];
}

function unwritten(name: string, step: PipelineStep, columns: readonly Column[]): Table {
  return {
    name,
    step: step.name,
    description: null,
    columns: step.kind === "extract" ? columns.map((column) => ({ ...column, description: null })) : [],
    row_count: null,
    cursor: null,
    changed_at: null,
    run: null,
  };
}

/** The columns of the tables that have any, by their whole names in the warehouse, as `raw.orders` and `main.daily`. */
export function columnsByTable(tables: readonly Table[]): ReadonlyMap<string, Table["columns"]> {
  return new Map(
    tables.filter(({ columns }) => columns.length > 0)
      .map(({ name, step, columns }) => [step.startsWith("model:") ? `main.${name}` : name, columns]),
  );
}
