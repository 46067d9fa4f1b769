import { AppError } from "../../../contract/errors.ts";
import type { ParamDefinitions } from "../../../contract/params/definition.ts";
import { type Column, findColumn, quoteIdentifier } from "../../../contract/sql.ts";
import type { TestTable, TestValue, UnitTest } from "../../../contract/testing/unit_test.ts";
import { gathersRows } from "../../../sql/build/model_change.ts";
import type { Compilation } from "../../../sql/compile/compile.ts";
import type { Model } from "../../../sql/language/model.ts";
import { parseTableName, resolveTable, tableNames } from "../../../sql/language/resolve_table.ts";
import type { Fault, SourcePlace } from "../../../text/fault.ts";
import { didYouMean, listWords } from "../../../text/suggest.ts";

/** What tests need of a pipeline that was compiled. */
export interface TestedPipeline {
  readonly name: string;
  readonly models: readonly Model[];
  readonly params: ParamDefinitions;
  readonly compiled: Pick<Compilation, "graph" | "columns" | "faults">;
  /** By raw table; undefined where nobody knows. */
  readonly streams: Readonly<Record<string, readonly Column[] | undefined>>;
}

/** A table that a test gives or could give. */
export interface InputTable {
  /** `model:daily`, `extract:orders`: named as the graph's table. */
  readonly table: string;
  readonly relation: string;
  readonly given: UnitTest["given"][string];
  readonly columns: readonly Column[];
}

/** What is wrong with tests before any is run: models, tables and columns that are not there. */
export function testFaults(pipeline: TestedPipeline, tests: readonly UnitTest[]): Fault[] {
  return tests.flatMap((test) => {
    try {
      const plan = planTest(pipeline, test);
      return columnFaults(plan);
    } catch (error) {
      return error instanceof AppError && error.reason !== BROKEN_MODEL ? [...error.faults] : [];
    }
  });
}

/** The model has faults of its own, which are told as those. */
const BROKEN_MODEL = "broken_model";

export interface TestPlan {
  readonly model: Model;
  readonly inputs: readonly InputTable[];
  /** Seeds and ephemeral models that are read and not given: as they are, each behind those that it reads. */
  readonly taken: readonly Model[];
  /** What is there of the model before; undefined for nothing. */
  readonly own: InputTable | undefined;
  readonly test: UnitTest;
  /** Those of the model, where it could be bound. */
  readonly columns: readonly Column[] | undefined;
}

/** Throws invalid where the test does not go with its pipeline. */
export function planTest(pipeline: TestedPipeline, test: UnitTest): TestPlan {
  const { compiled: { graph, columns, faults }, models, streams } = pipeline;
  const model = models.find(({ name }) => name === test.model);
  if (model === undefined) {
    throw refusal(test.modelPlace, `the model ${test.model} cannot be read`, BROKEN_MODEL);
  }
  const own = faults.filter((fault) =>
    "file" in fault && fault.file === model.path && fault.severity === "error"
  );
  if (own.length > 0) {
    throw new AppError("invalid", `The model ${model.name} has faults`, {
      reason: BROKEN_MODEL,
      faults: own.filter((fault) => "file" in fault),
    });
  }
  const nodes = [...graph.nodes.values()];
  const names = tableNames(
    nodes.flatMap(({ kind, label }) => kind === "model" ? [label] : []),
    nodes.filter(({ kind }) => kind === "extract").map(({ label, tables = [] }) => ({ name: label, tables })),
    graph.disabled,
  );
  const itself = `model:${model.name}`;
  const isGiven = (node: string) =>
    Object.keys(test.given).some((name) => {
      const resolved = resolveTable(parseTableName(name), names);
      return "node" in resolved && resolved.node === node;
    });
  const { reads, taken } = tablesBehind(graph.nodes.get(itself)?.depends ?? [], pipeline, isGiven);
  const readable = reads.flatMap((
    node,
  ) => [node, ...graph.nodes.get(node)?.tables?.map((table) => `extract:${table}`) ?? []]);
  const tables = Object.entries(test.given).map(([name, given]): InputTable => {
    const resolved = resolveTable(parseTableName(name), names);
    if (!("node" in resolved)) {
      throw refusal(given.place, "message" in resolved ? resolved.message : `${name} is DuckDB's own`);
    }
    const { node, table } = resolved;
    if (node !== itself && !reads.includes(node)) {
      throw refusal(
        given.place,
        `${model.name} does not read ${name}${didYouMean(name, readable.map(shown))}`,
      );
    }
    if (node === itself && !gathersRows(model)) {
      throw refusal(given.place, `${model.name} is built anew each time: what is there before means nothing`);
    }
    const label = table.slice(table.indexOf(":") + 1);
    const known = table.startsWith("model:") ? columns[label] : streams[label];
    return {
      table,
      relation: `${table.startsWith("model:") ? "main" : "raw"}.${quoteIdentifier(label)}`,
      given,
      columns: columnsOf(known, given),
    };
  });
  const missing = reads.filter((node) => !tables.some(({ table }) => nodeOf(table) === node));
  if (missing.length > 0) {
    const list = listWords(missing.map(shown));
    throw refusal(
      test.place,
      `${list} ${missing.length === 1 ? "is" : "are"} not given, and ${model.name} reads ` +
        `${missing.length === 1 ? "it" : "them"}: \`${shown(missing[0] ?? "")}: []\` gives no rows`,
    );
  }
  return {
    model,
    inputs: tables.filter(({ table }) => table !== itself),
    taken,
    own: tables.find(({ table }) => table === itself),
    test,
    columns: columns[model.name],
  };

  function nodeOf(table: string): string {
    const label = table.slice(table.indexOf(":") + 1);
    const raw = names.streams.get(label.toLowerCase());
    return table.startsWith("extract:") && raw !== undefined ? `extract:${raw.stream}` : table;
  }
}

/** What has to be given for the nodes, and what need not be: a seed has its rows, an ephemeral model its query. */
function tablesBehind(
  nodes: readonly string[],
  { models, compiled: { graph } }: TestedPipeline,
  isGiven: (node: string) => boolean,
): { readonly reads: string[]; readonly taken: Model[] } {
  const byNode = new Map(models.map((model) => [`model:${model.name}`, model]));
  const reads = new Set<string>();
  const taken = new Set<Model>();
  const visit = (node: string): void => {
    const model = byNode.get(node);
    const isTaken = model?.materialized === "seed" || model?.materialized === "ephemeral";
    if (model === undefined || !isTaken || isGiven(node)) return void reads.add(node);
    for (const other of graph.nodes.get(node)?.depends ?? []) visit(other);
    taken.add(model);
  };
  for (const node of nodes) visit(node);
  return { reads: [...reads], taken: [...taken] };
}

/** `extract:orders` → `raw.orders`. */
const shown = (node: string): string => node.replace(/^extract:/, "raw.").replace(/^model:/, "");

/** The columns as they are known, or as the test says; those that nobody knows by their values. */
function columnsOf(known: readonly Column[] | undefined, given: UnitTest["given"][string]): Column[] {
  const typed = Object.entries(given.types).map(([name, type]) => ({ name, type }));
  if (known !== undefined) {
    const added = typed.filter(({ name }) => findColumn(known, name) === undefined);
    return [...known.map((column) => findColumn(typed, column.name) ?? column), ...added];
  }
  const guessed = given.columns.filter((name) => findColumn(typed, name) === undefined);
  return [
    ...typed,
    ...guessed.map((name) => ({
      name,
      type: guessType(given.rows.map(({ values }) => values[name] ?? null)),
    })),
  ];
}

function guessType(values: readonly TestValue[]): string {
  const texts = values.filter((value) => value !== null);
  const all = (form: RegExp) =>
    texts.length > 0 && texts.every((value) => "text" in value && form.test(value.text));
  if (texts.some((value) => "json" in value)) return "JSON";
  if (all(/^-?\d{1,18}$/)) return "BIGINT";
  if (all(/^-?\d{1,15}(?:\.\d{1,15})?$/)) return "DOUBLE";
  if (all(/^(?:true|false)$/)) return "BOOLEAN";
  if (all(/^\d{4}-\d\d-\d\d$/)) return "DATE";
  if (all(/^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{1,6})?$/)) return "TIMESTAMP";
  return "VARCHAR";
}

/** Columns of rows that their tables do not have, once each. */
export function columnFaults({ inputs, own, test, columns, model }: TestPlan): Fault[] {
  const ofTables = [...inputs, ...own === undefined ? [] : [own]].flatMap((input) =>
    unknownColumns(shown(input.table), input.given, input.columns)
  );
  return [...ofTables, ...columns === undefined ? [] : unknownColumns(model.name, test.expect, columns)];
}

export function unknownColumns(name: string, table: TestTable, columns: readonly Column[]): Fault[] {
  return table.columns.filter((column) => findColumn(columns, column) === undefined).map((column): Fault => {
    const place = table.rows.find(({ values }) => Object.hasOwn(values, column))?.place ?? table.place;
    const hint = didYouMean(column, columns.map((known) => known.name));
    return { ...place, message: `${name} has no column ${column}${hint}`, severity: "error" };
  });
}

/** Invalid, with a fault at the place. */
export function refusal(place: SourcePlace, message: string, reason?: string): AppError {
  return new AppError("invalid", message, {
    faults: [{ ...place, message, severity: "error" }],
    ...(reason === undefined ? {} : { reason }),
  });
}
