import { AppError } from "../../contract/errors.ts";
import type { Fault } from "../../text/fault.ts";
import type { DefinitionFault } from "../../contract/job.ts";
import type { ParamDefinitions } from "../../contract/params/definition.ts";
import { type Column, nameKey, quoteIdentifier, SqlError, type SqlSession } from "../../contract/sql.ts";
import { listWords } from "../../text/suggest.ts";
import { bindChecks } from "./compile_checks.ts";
import { checkHeader, renamedFaults, TypeNames } from "./compile_header.ts";
import { ImpossibleCasts } from "./impossible_casts.ts";
import { variableFaults } from "./compile_variables.ts";
import { loadFaults, type LoadReference } from "./compile_loads.ts";
import { explainSqlError, toModelError } from "../language/explain_error.ts";
import {
  analyzeGraph,
  type Graph,
  type GraphAnalysis,
  type GraphNode,
  type GraphStream,
} from "../language/graph.ts";
import { declareCursor, declaredTable } from "../build/incremental.ts";
import { type Model, modelTable } from "../language/model.ts";
import { placeAt } from "../language/position.ts";
import { firstWord, withoutTerminators } from "../language/scan_sql.ts";
import { paramFaults } from "../../contract/params/values.ts";
import { declareRunVariables, RUN_VARIABLES } from "../build/variables.ts";

export interface CompileInput {
  readonly models: readonly Model[];
  /** The columns of raw.<name>; undefined where nobody has looked yet. */
  readonly streams: Readonly<Record<string, readonly Column[] | undefined>>;
  /** Tables among `streams` that another stream makes beside its own, with its name. */
  readonly madeBy?: Readonly<Record<string, string>>;
  readonly params: ParamDefinitions;
  /** Params of which only the names are known. */
  readonly unknownParams?: readonly string[];
  readonly loads: readonly LoadReference[];
  /** Names of models that parseModel refused: what reads them is not reported as reading a missing table. */
  readonly unreadable?: readonly string[];
  /** Names of models with `enabled: false`, and the files that say so. */
  readonly disabled?: ReadonlyMap<string, string>;
  /** Called before DuckDB is given a model, or its checks: what it then computes may never end. */
  readonly onBind?: (model: Model) => void;
}

export interface Compilation {
  /** Of files first, by place, then those of the definition. */
  readonly faults: readonly (Fault | DefinitionFault)[];
  /** As far as it could be made. */
  readonly graph: Graph;
  /** The columns of each model that could be bound. */
  readonly columns: Readonly<Record<string, readonly Column[]>>;
}

/**
 * The compile gate: binds every model, header and check against empty typed tables, so that a wrong
 * table, column or type is found with its line before any run. `session` is of an empty in-memory
 * database, which it fills. Faults are returned, not thrown.
 */
export async function compile(session: SqlSession, input: CompileInput): Promise<Compilation> {
  return await new Compiler(session, input).compile();
}

class Compiler {
  readonly #session: SqlSession;
  readonly #input: CompileInput;
  readonly #models: ReadonlyMap<string, Model>;
  readonly #fileFaults: Fault[] = [];
  readonly #definitionFaults: DefinitionFault[] = [];
  /** By node, as `model:daily`: what has a table now. */
  readonly #columns = new Map<string, readonly Column[]>();
  readonly #types: TypeNames;
  readonly #casts: ImpossibleCasts;

  constructor(session: SqlSession, input: CompileInput) {
    this.#session = session;
    this.#input = input;
    this.#models = new Map(input.models.map((model) => [model.name, model]));
    this.#types = new TypeNames(session);
    this.#casts = new ImpossibleCasts(session);
  }

  async compile(): Promise<Compilation> {
    const { models, params, loads, unreadable = [], disabled = new Map(), onBind = () => {} } = this.#input;
    const streams = this.#streams();
    const analysis = await analyzeGraph(this.#session, { models, streams, unreadable, disabled });
    this.#fileFaults.push(...analysis.faults);
    for (const { path, message } of paramFaults(params, RUN_VARIABLES)) {
      this.#definitionFaults.push({ path: ["params", ...path], message, severity: "error" });
    }
    await declareRunVariables(this.#session, params);
    await this.#createStreams();
    this.#fileFaults.push(...renamedFaults(models), ...variableFaults(analysis, this.#input));
    await this.#bindModels(analysis);
    this.#warnOfUnknownStreams(analysis.graph);
    const bound = models.filter(({ name }) =>
      this.#columns.has(`model:${name}`) && !analysis.broken.has(name)
    );
    for (const model of bound) {
      const columns = this.#columns.get(`model:${model.name}`) ?? [];
      this.#fileFaults.push(...await checkHeader(this.#types, model, columns));
    }
    this.#fileFaults.push(
      ...await bindChecks(this.#session, bound, analysis, this.#columns, onBind, this.#casts),
    );
    this.#definitionFaults.push(...loadFaults(loads, analysis.graph, this.#columns));
    return {
      faults: [...sortedFaults(this.#fileFaults), ...this.#definitionFaults],
      graph: analysis.graph,
      columns: Object.fromEntries(
        models.flatMap(({ name }) => {
          const columns = this.#columns.get(`model:${name}`);
          return columns === undefined ? [] : [[name, columns]];
        }),
      ),
    };
  }

  #streams(): GraphStream[] {
    const { streams, madeBy = {} } = this.#input;
    return Object.keys(streams).filter((name) => !Object.hasOwn(madeBy, name)).map((name) => ({
      name,
      tags: [],
      tables: Object.keys(madeBy).filter((table) => madeBy[table] === name),
    }));
  }

  async #createStreams(): Promise<void> {
    await this.#session.run("CREATE SCHEMA IF NOT EXISTS raw");
    for (const [stream, columns] of Object.entries(this.#input.streams)) {
      if (columns === undefined) continue;
      try {
        await this.#session.run(createTable(`raw.${quoteIdentifier(stream)}`, columns));
        this.#columns.set(`extract:${stream}`, columns);
      } catch (error) {
        if (!(error instanceof SqlError)) throw error;
        const message = `raw.${stream} cannot be made: ${explainSqlError(error)}`;
        this.#definitionFaults.push({ path: ["extract", stream], message, severity: "error" });
      }
    }
  }

  async #bindModels({ graph, broken, selfReferring }: GraphAnalysis): Promise<void> {
    const readByChecks = new Set([...graph.checkDepends.values()].flat());
    for (const level of levelsOf(graph)) {
      const tables: ModelTable[] = [];
      const plain: Model[] = [];
      for (const node of level) {
        const model = this.#models.get(node.label);
        if (node.kind !== "model" || model === undefined) continue;
        if (broken.has(model.name) || !node.depends.every((other) => this.#columns.has(other))) continue;
        this.#input.onBind?.(model);
        try {
          const columns = await this.#bind(model, selfReferring.has(model.name));
          this.#refuseVariants(model, columns);
          this.#columns.set(node.name, columns);
          if (model.materialized !== "incremental") plain.push(model);
          const isRead = node.dependents.length > 0 || readByChecks.has(node.name);
          if (isRead) tables.push({ model, node: node.name, columns });
        } catch (error) {
          this.#addModelFaults(toModelError(error, model, 0));
        }
      }
      await this.#findCasts(plain);
      await this.#createModels(tables);
    }
  }

  async #bind(model: Model, isSelfReferring: boolean): Promise<Column[]> {
    if (model.materialized !== "incremental") return await this.#session.describe(model.sql);
    if (isSelfReferring) {
      const faults = await this.#types.faultsOf(model);
      if (faults.length > 0) throw new AppError("invalid", "types", { faults });
      await this.#session.run(declaredTable(model));
    }
    try {
      const columns = await declareCursor(this.#session, model);
      await this.#findCasts([model]);
      return columns;
    } finally {
      await this.#session.run("RESET VARIABLE cursor");
    }
  }

  /** Binding takes it, and a warehouse's file has no place for it. */
  #refuseVariants(model: Model, columns: readonly Column[]): void {
    const place = placeAt(model.sql, firstWord(model.sql)?.position ?? 0, model.path);
    for (const { name, type } of columns) {
      if (!/\bVARIANT\b/.test(type)) continue;
      const message = `column ${name} is ${type}, which cannot be stored: cast it, as to JSON`;
      this.#fileFaults.push({ ...place, message, severity: "error" });
    }
  }

  async #findCasts(models: readonly Model[]): Promise<void> {
    const found = await this.#casts.findAll(models.map(({ sql }) => sql));
    for (const [index, model] of models.entries()) {
      for (const { message, position, isConditional } of found[index] ?? []) {
        const place = placeAt(model.sql, position ?? firstWord(model.sql)?.position ?? 0, model.path);
        this.#fileFaults.push({ ...place, message, severity: isConditional ? "warning" : "error" });
      }
    }
  }

  /** Many tables in one go: a round trip costs more than a table. */
  async #createModels(tables: readonly ModelTable[]): Promise<void> {
    const plain = tables.filter(({ columns }) => repeatedColumn(columns) === undefined);
    const statements = plain.map(({ model, columns }) => createTable(modelTable(model.name), columns));
    if (statements.length > 0) await this.#session.run(statements.join(";\n"));
    for (const table of tables) {
      const repeated = repeatedColumn(table.columns);
      if (repeated !== undefined) await this.#createWithRepeated(table, repeated.name);
    }
  }

  /** DuckDB gives the second `id` the name `id_1`, and other models see that one. */
  async #createWithRepeated({ model, node, columns }: ModelTable, repeated: string): Promise<void> {
    const sql = `CREATE OR REPLACE TABLE ${modelTable(model.name)} AS (\n`;
    await this.#session.run(`${sql}${withoutTerminators(model.sql)}\n) WITH NO DATA`);
    const renamed = await this.#session.describe(`SELECT * FROM ${modelTable(model.name)}`);
    this.#columns.set(node, renamed);
    const place = placeAt(model.sql, firstWord(model.sql)?.position ?? 0, model.path);
    const others = renamed.map(({ name }) => name).filter((name) =>
      !columns.some((column) => column.name === name)
    );
    const message = `the query has more than one column "${repeated}": DuckDB calls the others ` +
      `${listWords(others)}; give each its own name`;
    this.#fileFaults.push({ ...place, message, severity: "warning" });
  }

  #addModelFaults(error: unknown): void {
    if (!(error instanceof AppError) || error.faults.length === 0) throw error;
    this.#fileFaults.push(...error.faults);
  }

  #warnOfUnknownStreams(graph: Graph): void {
    for (const [stream, columns] of Object.entries(this.#input.streams)) {
      const readers = graph.nodes.get(`extract:${stream}`)?.dependents ?? [];
      if (columns !== undefined || readers.length === 0) continue;
      const names = readers.map((node) => graph.nodes.get(node)?.label ?? node);
      const message = `the columns of raw.${stream} are not known, so ${listWords(names)} ` +
        "could not be checked against them";
      this.#definitionFaults.push({ path: ["extract", stream], message, severity: "warning" });
    }
  }
}

interface ModelTable {
  readonly model: Model;
  readonly node: string;
  readonly columns: readonly Column[];
}

function repeatedColumn(columns: readonly Column[]): Column | undefined {
  const names = columns.map(({ name }) => nameKey(name));
  return columns.find(({ name }, index) => names.indexOf(nameKey(name)) !== index);
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

function createTable(table: string, columns: readonly Column[]): string {
  const list = columns.map(({ name, type }) => `${quoteIdentifier(name)} ${type}`);
  return `CREATE OR REPLACE TABLE ${table} (${list.join(", ")})`;
}

function sortedFaults(faults: readonly Fault[]): Fault[] {
  return [...faults].sort((a, b) =>
    (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || (a.line ?? 0) - (b.line ?? 0) ||
    (a.column ?? 0) - (b.column ?? 0)
  );
}
