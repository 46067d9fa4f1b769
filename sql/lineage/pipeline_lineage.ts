import type {
  ColumnInfluence,
  ColumnLineage,
  ColumnSource,
  PipelineLineage,
  TableLineage,
} from "../../contract/lineage/lineage.ts";
import { declarationsOf, markPii, type PiiDeclarations } from "../../contract/lineage/pii.ts";
import { childTablesBy } from "../../contract/pipeline/child_tables.ts";
import { namedLoads } from "../../contract/pipeline/named_loads.ts";
import { addressText, type PipelineDefinition } from "../../contract/pipeline/pipeline.ts";
import { type Column, findColumn, type SqlSession } from "../../contract/sql.ts";
import type { Graph, GraphNode } from "../language/graph.ts";
import type { Model } from "../language/model.ts";
import type { ParseTree } from "../language/parse_tree.ts";
import { tableNames } from "../language/resolve_table.ts";
import { type QueryLineage, queryLineage } from "./model_lineage.ts";
import { streamTables } from "./stream_lineage.ts";

export interface PipelineLineageInput {
  /** With wildcards expanded. */
  readonly definition: PipelineDefinition;
  /** The columns of each raw table; undefined where they are not known. */
  readonly streamColumns: Readonly<Record<string, readonly Column[] | undefined>>;
  readonly graph: Graph;
  /** What was read of each model's SQL; absent where it could not be. */
  readonly trees: ReadonlyMap<string, ParseTree>;
  /** The columns of each model that could be bound. */
  readonly modelColumns: Readonly<Record<string, readonly Column[]>>;
  /** Of each model: columns of its table that its query does not have. */
  readonly columnsBeside?: ReadonlyMap<string, readonly Column[]>;
  /** What headers say of columns. */
  readonly headers: readonly Pick<Model, "name" | "columns">[];
}

/**
 * The lineage of all tables of a pipeline: what its streams read, their raw tables, its models, and the tables that its
 * loads write. `session` has the pipeline's macros.
 */
export async function pipelineLineage(
  session: SqlSession,
  input: PipelineLineageInput,
): Promise<PipelineLineage> {
  const { definition, streamColumns, graph, trees, modelColumns } = input;
  const nodes = [...graph.order].flatMap((name) => graph.nodes.get(name) ?? []);
  const modelNodes = nodes.filter(({ kind }) => kind === "model");
  const models = modelNodes.map(({ label }) => label);
  const streams = streamTables(definition, streamColumns);
  const known = new Map<string, readonly Column[]>();
  for (const [table, columns] of Object.entries(streamColumns)) {
    if (columns !== undefined) known.set(`extract:${table}`, columns);
  }
  for (const [model, columns] of Object.entries(modelColumns)) known.set(`model:${model}`, columns);
  const children = childTablesBy(definition.extract);
  const names = Object.keys(definition.extract).map((name) => ({
    name,
    tables: Object.keys(children).filter((table) => children[table] === name),
  }));
  const queries = models.flatMap((name) => {
    const [tree, columns] = [trees.get(name), modelColumns[name]];
    if (tree === undefined || columns === undefined) return [];
    const beside = input.columnsBeside?.get(name) ?? [];
    return [{
      name,
      tree,
      columns: columns.filter((column) => findColumn(beside, column.name) === undefined),
    }];
  });
  const found = await queryLineage(session, { queries, names: tableNames(models, names), columns: known });
  const tables = [
    ...streams,
    ...modelNodes.map((node) => modelTable(node, modelColumns[node.label], found.get(node.label))),
  ];
  const byId = new Map(tables.map((table) => [table.id, table]));
  const lineage = { tables: [...tables, ...targetTables(definition, byId)] };
  return markPii(lineage, declaredPii(definition, input.headers));
}

function declaredPii(
  { extract }: PipelineDefinition,
  headers: PipelineLineageInput["headers"],
): PiiDeclarations {
  const streams = Object.entries(extract).map(([name, { pii = [] }]) =>
    [`source:${name}`, declarationsOf(pii.map((column) => [column, { pii: true }]))] as const
  );
  const models = headers.map(({ name, columns }) => {
    const declared = Object.entries(columns).flatMap(([column, { pii }]) =>
      pii === undefined ? [] : [[column, pii] as const]
    );
    return [`main.${name}`, declarationsOf(declared)] as const;
  });
  return new Map([...streams, ...models]);
}

/** `extract:orders` → `raw.orders`, `model:daily` → `main.daily`. */
function tableId(node: string): string {
  const label = node.slice(node.indexOf(":") + 1);
  return node.startsWith("extract:") ? `raw.${label}` : `main.${label}`;
}

function modelTable(
  { label: name, depends }: GraphNode,
  columns: readonly Column[] | undefined,
  lineage: QueryLineage | undefined,
): TableLineage {
  const unknown = columns === undefined
    ? "its SQL could not be bound to the columns of what it reads"
    : lineage?.unknown ?? (lineage === undefined ? "its SQL was not read" : undefined);
  const source = (one: ColumnSource) => ({ ...one, table: tableId(one.table) });
  const influence = (one: ColumnInfluence) => ({ ...one, table: tableId(one.table) });
  return {
    id: `main.${name}`,
    kind: "model",
    name,
    columns: (columns ?? []).map(({ name, type }, index): ColumnLineage => {
      const { sources = [], influences = [] } = lineage?.columns[index] ?? {};
      return {
        name,
        type,
        sources: sources.map(source),
        ...(influences.length === 0 ? {} : { influences: influences.map(influence) }),
      };
    }),
    influences: (lineage?.influences ?? []).map(influence),
    reads: (unknown === undefined ? lineage?.reads ?? [] : depends).map(tableId),
    ...(unknown === undefined ? {} : { unknown }),
  };
}

function targetTables(
  { load, extract }: PipelineDefinition,
  tables: ReadonlyMap<string, TableLineage>,
): TableLineage[] {
  const children = childTablesBy(extract);
  return namedLoads(load).flatMap(({ table, step, target }): TableLineage[] => {
    const isRaw = !tables.has(`main.${table}`) &&
      (Object.hasOwn(extract, table) || Object.hasOwn(children, table));
    const source = tables.get(isRaw ? `raw.${table}` : `main.${table}`);
    if (source === undefined) return [];
    const { valid_from: from = "valid_from", valid_to: to = "valid_to", is_current: current = "is_current" } =
      target.scd2 ?? {};
    const made = target.mode === "scd2" ? [from, to, current] : [];
    return [{
      id: `target:${step.slice("load:".length)}`,
      kind: "target",
      name: table,
      connector: target.connector,
      address: addressText(target),
      columns: [
        ...source.columns.map(({ name, type }) => ({
          name,
          ...(type === undefined ? {} : { type }),
          sources: [{ table: source.id, column: name, way: "direct" as const }],
        })),
        ...made.map((name) => ({ name, sources: [] })),
      ],
      influences: [],
      reads: [source.id],
      ...(source.columns.length === 0 && source.unknown !== undefined ? { unknown: source.unknown } : {}),
    }];
  });
}
