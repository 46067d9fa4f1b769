import { AppError } from "../../contract/errors.ts";
import { type Column, quoteIdentifier, type SqlSession } from "../../contract/sql.ts";
import type { Fault } from "../../text/fault.ts";
import { listWords } from "../../text/suggest.ts";
import { declareCursor } from "../build/cursor.ts";
import { headerError } from "../build/header_error.ts";
import { historyColumns, historyFault } from "../build/history.ts";
import { declaredTable } from "../build/incremental.ts";
import { gathersRows } from "../build/model_change.ts";
import { toModelError } from "../language/explain_error.ts";
import type { Graph, GraphNode } from "../language/graph.ts";
import type { GraphAnalysis } from "../language/graph/analyze_graph.ts";
import { type Model, modelTable } from "../language/model.ts";
import { placeAt } from "../language/position.ts";
import { firstWord, withoutTerminators } from "../language/scan_sql.ts";
import { bindTogether } from "./bind_together.ts";
import { repeatedColumn, type TypeNames } from "./compile_header.ts";
import type { BoundModel, CompileMemory } from "./compile_memory.ts";
import { faultsByMacros, placeInMacro } from "./compile_macros.ts";
import type { ImpossibleExpression, ImpossibleExpressions } from "./impossible_expressions.ts";

export interface BindModelsContext {
  /** Of one database: models that do not read each other are bound side by side on all of them. */
  readonly sessions: readonly SqlSession[];
  readonly models: ReadonlyMap<string, Model>;
  /** By node, as `model:daily`: what has a table. The models that bind are added. */
  readonly columns: Map<string, readonly Column[]>;
  readonly types: TypeNames;
  readonly casts: ImpossibleExpressions;
  /** See CompileInput. */
  readonly onBind: (models: readonly Model[]) => Disposable;
  /** Makes the macros that a step calls, when there is what they read; false where that cannot be, which is told. */
  readonly prepare: (step: string) => Promise<boolean>;
  /** How many are bound in one go. */
  readonly modelsAtOnce: number;
  readonly addFaults: (faults: readonly Fault[]) => void;
  /** Of earlier compilations over the same database. */
  readonly memory?: CompileMemory | undefined;
}

/**
 * Binds the models behind what they read, and gives each that is read an empty table. One whose reads are not bound is
 * left out: their fault is told.
 */
export async function bindModels(context: BindModelsContext, analysis: GraphAnalysis): Promise<void> {
  await new ModelBinder(context, analysis).bind();
}

interface BindableModel {
  readonly node: GraphNode;
  readonly model: Model;
}

interface ModelTable {
  readonly model: Model;
  readonly node: string;
  readonly columns: readonly Column[];
  readonly bound: BoundModel;
}

class ModelBinder {
  readonly #context: BindModelsContext;
  readonly #analysis: GraphAnalysis;
  readonly #readByChecks: ReadonlySet<string>;
  /** Of the level that is bound. */
  #tables: ModelTable[] = [];

  constructor(context: BindModelsContext, analysis: GraphAnalysis) {
    this.#context = context;
    this.#analysis = analysis;
    this.#readByChecks = new Set([...analysis.graph.checkDepends.values()].flat());
  }

  async bind(): Promise<void> {
    const { models, columns } = this.#context;
    const { graph, broken } = this.#analysis;
    for (const level of levelsOf(graph)) {
      const bindable = level.flatMap((node) => {
        const model = node.kind === "model" ? models.get(node.label) : undefined;
        if (model === undefined || broken.has(model.name)) return [];
        return node.depends.every((other) => columns.has(other)) ? [{ node, model }] : [];
      });
      const prepared: BindableModel[] = [];
      for (const one of bindable) if (await this.#context.prepare(one.node.name)) prepared.push(one);
      this.#tables = [];
      await this.#bindLevel(prepared.filter((one) => !this.#recall(one)));
      await this.#createTables();
    }
  }

  /** All that decides on what binding the model finds. */
  #madeOf({ node, model }: BindableModel): unknown[] {
    const { graph, selfReferring } = this.#analysis;
    return [
      model,
      selfReferring.has(model.name),
      // A table has no two columns of one name.
      this.#isRead(node),
      ...graph.macros.get(node.name) ?? [],
      ...node.depends.flatMap((other) => [other, this.#context.columns.get(other)]),
    ];
  }

  /** Whether it is known what binding it would find. */
  #recall(one: BindableModel): boolean {
    const bound = this.#context.memory?.models.recall(one.node.name, this.#madeOf(one));
    if (bound === undefined) return false;
    this.#context.addFaults(bound.faults);
    if (bound.columns !== undefined) this.#know(one, bound, bound.columns);
    return true;
  }

  #isRead(node: GraphNode): boolean {
    return node.dependents.length > 0 || this.#readByChecks.has(node.name);
  }

  #know({ node, model }: BindableModel, bound: BoundModel, columns: readonly Column[]): void {
    this.#context.columns.set(node.name, columns);
    if (this.#isRead(node) && this.#context.memory?.tables.get(node.name) !== columns) {
      this.#tables.push({ model, node: node.name, columns, bound });
    }
  }

  /** Each batch on whichever session is free; models with a cursor, which is a session's own variable, on the first. */
  async #bindLevel(bindable: readonly BindableModel[]): Promise<void> {
    const { sessions, modelsAtOnce } = this.#context;
    const cursors = bindable.filter(({ model }) => gathersRows(model));
    const plain = bindable.filter(({ model }) => !gathersRows(model));
    const size = Math.min(modelsAtOnce, Math.ceil(plain.length / sessions.length));
    await Promise.all(sessions.map(async (session, index) => {
      const alone = index === 0 ? cursors.splice(0) : [];
      for (const one of alone) await this.#bindGathering(session, one);
      for (let batch = plain.splice(0, size); batch.length > 0; batch = plain.splice(0, size)) {
        await this.#bindBatch(session, batch);
      }
    }));
  }

  /** Halves a batch in which one does not bind, until that one is alone. */
  async #bindBatch(session: SqlSession, batch: readonly BindableModel[]): Promise<void> {
    const [first] = batch;
    if (first === undefined) return;
    using _binding = this.#context.onBind(batch.map(({ model }) => model));
    const bound = await bindTogether(session, batch.map(({ model }) => model.sql));
    if (bound === undefined && batch.length > 1) {
      const middle = batch.length >> 1;
      await this.#bindBatch(session, batch.slice(0, middle));
      return await this.#bindBatch(session, batch.slice(middle));
    }
    if (bound === undefined) {
      return await this.#take(first, async () => {
        const columns = await session.describe(first.model.sql);
        return { columns, casts: await this.#context.casts.find(first.model.sql, session) };
      });
    }
    for (const [at, one] of batch.entries()) {
      const { sql } = one.model;
      const { columns, plan, startByte } = bound[at] ?? {};
      await this.#take(one, async () => ({
        columns: columns ?? await session.describe(sql),
        casts: await this.#context.casts.findIn(sql, plan, startByte),
      }));
    }
  }

  async #bindGathering(session: SqlSession, one: BindableModel): Promise<void> {
    const { types, casts, onBind } = this.#context;
    const { model } = one;
    using _binding = onBind([model]);
    await this.#take(one, async () => {
      if (this.#analysis.selfReferring.has(model.name)) {
        const faults = await types.faultsOf(model);
        if (faults.length > 0) throw new AppError("invalid", "types", { faults });
        await session.run(declaredTable(model));
      }
      try {
        const columns = await declareCursor(session, model);
        return { columns: withHistory(model, columns), casts: await casts.find(model.sql, session) };
      } finally {
        await session.setVariables({ cursor: null });
      }
    });
  }

  async #take(
    one: BindableModel,
    bind: () => Promise<{ columns: readonly Column[]; casts: readonly ImpossibleExpression[] }>,
  ): Promise<void> {
    const { node, model } = one;
    const { addFaults, memory } = this.#context;
    const bound: BoundModel = { columns: undefined, faults: [] };
    try {
      const found = await bind();
      const columns = memory?.sameColumns(node.name, found.columns) ?? found.columns;
      const unstored = storageFaults(model, columns, this.#isRead(node));
      bound.faults.push(...unstored, ...found.casts.map((cast) => this.#castFault(one, cast)));
      if (unstored.length === 0) {
        bound.columns = columns;
        this.#know(one, bound, columns);
      }
    } catch (thrown) {
      const error = toModelError(thrown, model, 0);
      if (!(error instanceof AppError) || error.faults.length === 0) throw error;
      const { trees, macroSet } = this.#analysis;
      const faults = faultsByMacros(error, model, trees.get(model.name), macroSet);
      bound.faults.push(
        ...faults.map((fault) => fault.line === undefined ? { ...startOf(model), ...fault } : fault),
      );
    }
    addFaults(bound.faults);
    memory?.models.keep(node.name, this.#madeOf(one), bound);
  }

  #castFault({ node, model }: BindableModel, cast: ImpossibleExpression): Fault {
    const { message, position, isConditional } = cast;
    const place = placeInMacro(cast, model.sql, this.#analysis.graph.macros.get(node.name) ?? []) ??
      (position === undefined ? startOf(model) : placeAt(model.sql, position, model.path));
    return { ...place, message, severity: isConditional ? "warning" : "error" };
  }

  /** Many tables in one go: a round trip costs more than a table. */
  async #createTables(): Promise<void> {
    const { sessions } = this.#context;
    const plain = this.#tables.filter(({ columns }) => repeatedColumn(columns) === undefined);
    const share = Math.ceil(plain.length / sessions.length);
    await Promise.all(sessions.map(async (session, index) => {
      const statements = plain.slice(index * share, (index + 1) * share).map(({ model, columns }) =>
        createTable(modelTable(model.name), columns)
      );
      if (statements.length > 0) await session.run(statements.join(";\n"));
    }));
    for (const { node, columns } of plain) this.#context.memory?.tables.set(node, columns);
    for (const table of this.#tables) {
      const repeated = repeatedColumn(table.columns);
      if (repeated !== undefined) await this.#createWithRepeated(table, repeated.name);
    }
  }

  /** DuckDB gives the second `id` the name `id_1`, and other models see that one. */
  async #createWithRepeated({ model, node, columns, bound }: ModelTable, repeated: string): Promise<void> {
    const { sessions: [session], columns: known, addFaults, memory } = this.#context;
    if (session === undefined) return;
    const sql = `CREATE OR REPLACE TABLE ${modelTable(model.name)} AS (\n`;
    await session.run(`${sql}${withoutTerminators(model.sql)}\n) WITH NO DATA`);
    const renamed = await session.describe(`SELECT * FROM ${modelTable(model.name)}`);
    const stored = model.history === undefined ? renamed : [...renamed, ...historyColumns(model.history)];
    if (stored.length > renamed.length) await session.run(createTable(modelTable(model.name), stored));
    bound.columns = memory?.sameColumns(node, stored) ?? stored;
    known.set(node, bound.columns);
    memory?.tables.set(node, bound.columns);
    const others = renamed.map(({ name }) => name).filter((name) =>
      !columns.some((column) => column.name === name)
    );
    const message = `the query has more than one column "${repeated}": DuckDB calls the others ` +
      `${listWords(others)}; give each its own name`;
    const fault = { ...startOf(model), message, severity: "warning" } as const;
    bound.faults.push(fault);
    addFaults([fault]);
  }
}

/** The nodes in groups: each needs only nodes of groups before its own. */
function levelsOf(graph: Graph): GraphNode[][] {
  const levels: GraphNode[][] = [];
  const levelByNode = new Map<string, number>();
  for (const name of graph.order) {
    const node = graph.nodes.get(name);
    if (node === undefined) continue;
    const level = Math.max(-1, ...node.depends.map((other) => levelByNode.get(other) ?? -1)) + 1;
    levelByNode.set(name, level);
    (levels[level] ??= []).push(node);
  }
  return levels;
}

/** The columns of the table that the query's become. Throws invalid where a history cannot be made of them. */
function withHistory(model: Model, columns: readonly Column[]): readonly Column[] {
  if (model.history === undefined) return columns;
  const fault = historyFault(model, columns);
  if (fault !== undefined) throw headerError(model, [fault.key], fault.message);
  return [...columns, ...historyColumns(model.history)];
}

/**
 * Binding takes them, and no table has a place for them: VARIANT, and a struct without names. `isRead`: what is no table
 * has one here, where others are bound against it.
 */
function storageFaults(model: Model, columns: readonly Column[], isRead: boolean): Fault[] {
  const isStored = isRead || (model.materialized !== "view" && model.materialized !== "ephemeral");
  return columns.flatMap(({ name, type }) => {
    const message = /\bVARIANT\b/.test(type)
      ? `column ${name} is ${type}, which cannot be stored: cast it, as to JSON`
      : isStored && hasUnnamedStruct(type)
      ? `column ${name} has structs whose fields have no names, which cannot be stored: name them, as ` +
        "{'a': x, 'b': y}, or make a list of them"
      : undefined;
    return message === undefined ? [] : [{ ...startOf(model), message, severity: "error" as const }];
  });
}

/** DuckDB writes the field's empty name. */
const hasUnnamedStruct = (type: string): boolean => /STRUCT\("" /.test(type);

const startOf = ({ sql, path }: Model) => placeAt(sql, firstWord(sql)?.position ?? 0, path);

export function createTable(table: string, columns: readonly Column[]): string {
  const list = columns.map(({ name, type }) => `${quoteIdentifier(name)} ${type}`);
  return `CREATE OR REPLACE TABLE ${table} (${list.join(", ")})`;
}
