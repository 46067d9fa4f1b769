import { type Fault, formatFault } from "../../text/fault.ts";
import type { DefinitionFault } from "../../contract/jobs/check_job.ts";
import type { ParamDefinitions } from "../../contract/params/definition.ts";
import { type Column, quoteIdentifier, SqlError, type SqlSession } from "../../contract/sql.ts";
import { listWords } from "../../text/suggest.ts";
import { bindModels, createTable } from "./bind_models.ts";
import { bindChecks, type OwnedCheck } from "./compile_checks.ts";
import { checkHeader, renamedFaults, TypeNames } from "./compile_header.ts";
import type { CompileMemory } from "./compile_memory.ts";
import { BoundMacros, macroVariableFaults } from "./compile_macros.ts";
import { ImpossibleExpressions } from "./impossible_expressions.ts";
import { knownVariables, variableFaults } from "./compile_variables.ts";
import { loadFaults, type LoadReference, publishFaults } from "./compile_loads.ts";
import { type Check, modelChecks } from "../language/checks/check.ts";
import { explainSqlError } from "../language/explain_error.ts";
import type { Graph } from "../language/graph.ts";
import { analyzeGraph, type GraphAnalysis } from "../language/graph/analyze_graph.ts";
import type { GraphStream } from "../language/graph/graph_nodes.ts";
import type { MacroSet } from "../language/macros/macro_set.ts";
import type { Macro } from "../language/macros/parse_macros.ts";
import type { Model } from "../language/model.ts";
import { paramFaults } from "../../contract/params/values.ts";
import { declareRunVariables, RUN_VARIABLES } from "../build/variables.ts";

export interface CompileInput {
  readonly models: readonly Model[];
  /** The columns of raw.<name>; undefined where nobody has looked yet. */
  readonly streams: Readonly<Record<string, readonly Column[] | undefined>>;
  /** Checks of streams, by their names. */
  readonly streamChecks?: Readonly<Record<string, readonly Check[]>>;
  /** Tables among `streams` that another stream makes beside its own, with its name. */
  readonly madeBy?: Readonly<Record<string, string>>;
  readonly params: ParamDefinitions;
  /** Params of which only the names are known. */
  readonly unknownParams?: readonly string[];
  readonly loads: readonly LoadReference[];
  /** Models that are published; none where it is left out. */
  readonly published?: readonly LoadReference[];
  /** Names of models that parseModel refused: what reads them is not reported as reading a missing table. */
  readonly unreadable?: readonly string[];
  /** Names of models with `enabled: false`, and the files that say so. */
  readonly disabled?: ReadonlyMap<string, string>;
  /** What models and checks may call. */
  readonly macros?: readonly Macro[];
  /**
   * Called before DuckDB is given models, or the checks of one: what it then computes may never end. What it returns is
   * disposed of when that is done.
   */
  readonly onBind?: (models: readonly Model[]) => Disposable;
  /** How many models are bound in one go, 25 unless given. */
  readonly modelsAtOnce?: number;
  /** Another session of the same database: models that do not read each other are bound side by side. */
  readonly beside?: SqlSession;
  /** Of earlier compilations with the same params and functions over the same database, which is then not empty. */
  readonly memory?: CompileMemory;
}

export interface Compilation {
  /** Of files first, by place, then those of the definition. */
  readonly faults: readonly (Fault | DefinitionFault)[];
  /** As far as it could be made. */
  readonly graph: Graph;
  /** The columns of each model that could be bound. */
  readonly columns: Readonly<Record<string, readonly Column[]>>;
  /** What each model's SQL refers to, by the model's name; without those that do not parse. */
  readonly trees: GraphAnalysis["trees"];
}

/**
 * The compile gate: binds every model, header and check against empty typed tables, so that a wrong
 * table, column or type is found with its line before any run. `session` is of an in-memory database, which it
 * fills: an empty one, or that of the memory. Faults are returned, not thrown.
 */
export async function compile(session: SqlSession, input: CompileInput): Promise<Compilation> {
  return await new Compiler(session, input).compile();
}

/** A round trip costs as much as binding a model does. */
const MODELS_AT_ONCE = 25;

class Compiler {
  readonly #session: SqlSession;
  readonly #input: CompileInput;
  readonly #models: ReadonlyMap<string, Model>;
  readonly #fileFaults: Fault[] = [];
  readonly #definitionFaults: DefinitionFault[] = [];
  /** By node, as `model:daily`: what has a table now. */
  readonly #columns = new Map<string, readonly Column[]>();
  readonly #types: TypeNames;
  readonly #casts: ImpossibleExpressions;

  constructor(session: SqlSession, input: CompileInput) {
    this.#session = session;
    this.#input = input;
    this.#models = new Map(input.models.map((model) => [model.name, model]));
    const { memory } = input;
    this.#types = memory?.types ?? new TypeNames(session);
    this.#casts = memory?.casts ?? new ImpossibleExpressions(session);
  }

  async compile(): Promise<Compilation> {
    const { models, params, loads, published = [], unreadable = [], disabled = new Map(), macros = [] } =
      this.#input;
    const { beside, modelsAtOnce = MODELS_AT_ONCE } = this.#input;
    const sessions = beside === undefined ? [this.#session] : [this.#session, beside];
    const onBind = this.#input.onBind ?? (() => ({ [Symbol.dispose]: () => {} }));
    const { memory } = this.#input;
    memory?.turn();
    if (memory?.isPrepared !== true) {
      for (const session of sessions) {
        // Nothing is run here but what binding itself evaluates.
        await session.run("PRAGMA disable_optimizer");
        await declareRunVariables(session, params);
      }
      await this.#session.run("CREATE SCHEMA IF NOT EXISTS raw");
    }
    const streams = this.#streams();
    const analysis = await analyzeGraph(this.#session, {
      models,
      streams,
      unreadable,
      disabled,
      macros,
      memory,
    });
    this.#add(analysis.faults);
    for (const { path, message } of paramFaults(params, RUN_VARIABLES)) {
      this.#definitionFaults.push({ path: ["params", ...path], message, severity: "error" });
    }
    await this.#createStreams();
    await memory?.dropOthers(this.#session, this.#nodes(), macros);
    const checks = this.#checks();
    this.#add([
      ...renamedFaults(models),
      ...variableFaults(analysis, this.#input, checks),
      ...macroVariableFaults(analysis, knownVariables(this.#input)),
    ]);
    const { macroSet } = analysis;
    const boundMacros = new BoundMacros(
      this.#session,
      memory && {
        made: memory.macros,
        read: (macro) => this.#readBy(macro, macroSet),
        there: memory.madeMacros,
      },
    );
    const prepare = (step: string) => boundMacros.make(analysis.graph.macros.get(step) ?? []);
    const addFaults = (faults: readonly Fault[]) => void this.#fileFaults.push(...faults);
    await bindModels({
      sessions,
      models: this.#models,
      columns: this.#columns,
      types: this.#types,
      casts: this.#casts,
      onBind,
      prepare,
      modelsAtOnce,
      addFaults,
      memory,
    }, analysis);
    this.#warnOfUnknownStreams(analysis.graph);
    const bound = new Set(
      models.filter(({ name }) => this.#columns.has(`model:${name}`) && !analysis.broken.has(name)),
    );
    for (const model of bound) {
      const columns = this.#columns.get(`model:${model.name}`) ?? [];
      const known = memory?.headers.recall(model.name, [model, columns]);
      const found = known ?? await checkHeader(this.#session, this.#types, model, columns);
      memory?.headers.keep(model.name, [model, columns], found);
      this.#fileFaults.push(...found);
    }
    const isBound = ({ check, model }: OwnedCheck) =>
      model === undefined ? this.#columns.has(check.node) : bound.has(model);
    const open = checks.filter(isBound);
    const ways = { onBind, prepare };
    this.#add(
      await bindChecks(this.#session, open, analysis, this.#columns, ways, this.#casts, memory?.checks),
    );
    if (memory !== undefined) memory.isPrepared = true;
    this.#add(boundMacros.faults);
    const ephemeral = new Set(
      models.filter(({ materialized }) => materialized === "ephemeral").map(({ name }) => `model:${name}`),
    );
    this.#definitionFaults.push(
      ...loadFaults(loads, analysis.graph, this.#columns, ephemeral),
      ...publishFaults(published, analysis.graph, ephemeral),
    );
    return {
      faults: [...sortedFaults(this.#fileFaults), ...this.#definitionFaults],
      graph: analysis.graph,
      trees: analysis.trees,
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
      checks: this.#input.streamChecks?.[name] ?? [],
    }));
  }

  #checks(): OwnedCheck[] {
    const ofModels = this.#input.models.flatMap((model) =>
      modelChecks(model).map((check): OwnedCheck => ({ check, model }))
    );
    const ofStreams = Object.values(this.#input.streamChecks ?? {}).flat().map((check) => ({ check }));
    return [...ofModels, ...ofStreams];
  }

  #add(faults: readonly (Fault | DefinitionFault)[]): void {
    for (const fault of faults) {
      if ("path" in fault) this.#definitionFaults.push(fault);
      else this.#fileFaults.push(fault);
    }
  }

  /** What may have a table. */
  #nodes(): ReadonlySet<string> {
    const { streams, models } = this.#input;
    return new Set([
      ...Object.keys(streams).map((name) => `extract:${name}`),
      ...models.map(({ name }) => `model:${name}`),
    ]);
  }

  /** What a macro reads and calls, by identity. */
  #readBy(macro: Macro, macros: MacroSet): unknown[] {
    const tables = macros.tablesOf(macro).map(({ name, schema }) =>
      this.#columns.get(`${schema === "raw" ? "extract" : "model"}:${name}`)
    );
    return [...macros.calledByMacro(macro), ...tables];
  }

  async #createStreams(): Promise<void> {
    const { memory } = this.#input;
    for (const [stream, given] of Object.entries(this.#input.streams)) {
      if (given === undefined) continue;
      const node = `extract:${stream}`;
      const columns = memory?.sameColumns(node, given) ?? given;
      if (memory?.tables.get(node) === columns) {
        this.#columns.set(node, columns);
        continue;
      }
      try {
        const create = createTable(`raw.${quoteIdentifier(stream)}`, columns);
        // Types may be a user's own text; what is prepared is one statement.
        await this.#session.describe(create);
        await this.#session.run(create);
        this.#columns.set(node, columns);
        memory?.tables.set(node, columns);
      } catch (error) {
        if (!(error instanceof SqlError)) throw error;
        const message = `raw.${stream} cannot be made: ${explainSqlError(error)}`;
        this.#definitionFaults.push({ path: ["extract", stream], message, severity: "error" });
      }
    }
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

/** By place; what several models call is told once. */
function sortedFaults(faults: readonly Fault[]): Fault[] {
  return [...new Map(faults.map((fault) => [formatFault(fault), fault])).values()].sort((a, b) =>
    (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || (a.line ?? 0) - (b.line ?? 0) ||
    (a.column ?? 0) - (b.column ?? 0)
  );
}
