import { AppError } from "../../../contract/errors.ts";
import { type Fault, formatFault, type SourcePlace } from "../../../text/fault.ts";
import type { Memo } from "../../../text/memo.ts";
import { nameKey, SqlError, type SqlSession } from "../../../contract/sql.ts";
import type { DefinitionFault } from "../../../contract/jobs/check_job.ts";
import { type Check, checkStep, modelChecks, readsOtherTables } from "../checks/check.ts";
import { checkFault } from "../checks/check_place.ts";
import { guessPosition } from "../error_position.ts";
import { foreignSyntax } from "../foreign/syntax.ts";
import { refusedCalls } from "../allowed_functions.ts";
import { MacroSet } from "../macros/macro_set.ts";
import type { Macro } from "../macros/parse_macros.ts";
import { headerPlace, type Model } from "../model.ts";
import { partitionFaults, partitionQuery } from "../partition.ts";
import { parseSelects, type ParseTree, type TableReference } from "../parse_tree.ts";
import { placeAt } from "../position.ts";
import {
  parseTableName,
  type ResolvedTable,
  resolveTable,
  type TableNames,
  tableNames,
} from "../resolve_table.ts";
import type { Graph } from "../graph.ts";
import { checkPieces, isWhole } from "./check_pieces.ts";
import { graphNodes, type GraphStream, orderNodes } from "./graph_nodes.ts";

export interface GraphInput {
  readonly models: readonly Model[];
  /** The pipeline's streams, by name or with their tags. */
  readonly streams: readonly (string | GraphStream)[];
  /** Names of models whose files could not be read: others may name them without a fault of their own. */
  readonly unreadable?: readonly string[];
  /** Names of models with `enabled: false`, and the files that say so. */
  readonly disabled?: ReadonlyMap<string, string>;
  /** What models and checks may call. */
  readonly macros?: readonly Macro[];
  /** What was read for the graph before. */
  readonly memory?: GraphMemory | undefined;
}

/** What reading texts of SQL has found, for the next time. */
export interface GraphMemory {
  readonly trees: Memo<ParseTree | SqlError>;
  readonly macroSets: Memo<MacroSet>;
}

/** A graph as far as it can be made, and what is wrong with it. */
export interface GraphAnalysis {
  readonly graph: Graph;
  readonly faults: readonly (Fault | DefinitionFault)[];
  /** Names of the models that have a fault. */
  readonly broken: ReadonlySet<string>;
  /** What each model's SQL refers to, by the model's name; without those that do not parse. */
  readonly trees: ReadonlyMap<string, ParseTree>;
  /** The same for the SQL of checks, by their steps. */
  readonly checkTrees: ReadonlyMap<string, ParseTree>;
  /** Names of the incremental models that read themselves. */
  readonly selfReferring: ReadonlySet<string>;
  /** Steps of the checks whose SQL calls or reads what it may not; they must not even be bound. */
  readonly refusedChecks: ReadonlySet<string>;
  /** What does not parse in the SQL of checks. */
  readonly checkFaults: readonly (Fault | DefinitionFault)[];
  readonly macroSet: MacroSet;
}

/**
 * Reads the dependencies from the models' SQL. Throws invalid with every fault, of checks too; see
 * analyzeGraph.
 */
export async function buildGraph(session: SqlSession, input: GraphInput): Promise<Graph> {
  const { graph, faults: found, checkFaults } = await analyzeGraph(session, input);
  const faults = [...found, ...checkFaults];
  const [first] = faults;
  if (first === undefined) return graph;
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : "";
  const text = "path" in first ? `${first.path.join(".")}: ${first.message}` : formatFault(first);
  throw new AppError("invalid", `${text}${more}`, { faults: faults.filter((fault) => "file" in fault) });
}

/**
 * As buildGraph, but returns faults: cycles, unknown tables, SQL that is not one SELECT, names that
 * clash, calls of functions that SQL may not use.
 */
export async function analyzeGraph(session: SqlSession, input: GraphInput): Promise<GraphAnalysis> {
  return await new GraphBuilder(session, input).build();
}

const NOT_WHOLE = "expected one expression, whose quotes and brackets are closed where it ends";

class GraphBuilder {
  readonly #session: SqlSession;
  readonly #models = new Map<string, Model>();
  readonly #streams: ReadonlyMap<string, GraphStream>;
  readonly #names: TableNames;
  readonly #disabled: ReadonlyMap<string, string>;
  readonly #given: readonly Macro[];
  readonly #memory: GraphMemory | undefined;
  /** By step. */
  readonly #calls = new Map<string, readonly Macro[]>();
  readonly #faults: (Fault | DefinitionFault)[] = [];
  readonly #told = new Set<string>();
  readonly #broken = new Set<string>();
  readonly #trees = new Map<string, ParseTree>();
  readonly #checkTrees = new Map<string, ParseTree>();
  readonly #selfReferring = new Set<string>();
  readonly #refusedChecks = new Set<string>();
  readonly #checkFaults: (Fault | DefinitionFault)[] = [];
  /** Model → node → where the model first names it. */
  readonly #edges = new Map<string, Map<string, SourcePlace>>();

  constructor(
    session: SqlSession,
    { models, streams, unreadable = [], disabled = new Map(), macros = [], memory }: GraphInput,
  ) {
    this.#session = session;
    this.#memory = memory;
    this.#disabled = disabled;
    this.#given = macros;
    this.#streams = new Map(
      streams.map((stream) =>
        typeof stream === "string" ? [stream, { name: stream, tags: [] }] : [stream.name, stream]
      ),
    );
    const seen = new Map<string, Model>();
    for (const model of models) {
      const other = seen.get(nameKey(model.name));
      if (other !== undefined) {
        const place = { file: model.path, line: 1, column: 1 };
        this.#fail(
          model,
          place,
          `the model ${model.name} is also in ${other.path}: names are the same in SQL`,
        );
        continue;
      }
      seen.set(nameKey(model.name), model);
      this.#models.set(model.name, model);
    }
    for (const name of unreadable) {
      if (seen.has(nameKey(name))) continue;
      this.#edges.set(name, new Map());
      this.#broken.add(name);
    }
    this.#names = tableNames(
      [...this.#edges.keys(), ...this.#models.keys()],
      this.#streams.values(),
      disabled,
    );
  }

  async build(): Promise<GraphAnalysis> {
    const models = [...this.#models.values()];
    const all = [
      ...models.flatMap(modelChecks),
      ...[...this.#streams.values()].flatMap(({ checks = [] }) => checks),
    ];
    const checks = all.filter(readsOtherTables);
    const partitions = models.flatMap((model) =>
      model.partitionBy.map((entry, index) => ({ model, index, sql: partitionQuery(entry) }))
    );
    const pieces = checkPieces(checks);
    const trees = await parseSelects(
      this.#session,
      [...models, ...checks, ...partitions, ...pieces].map(({ sql }) => sql),
      this.#memory?.trees,
    );
    const macros = this.#memory?.macroSets.recall("", this.#given) ??
      await MacroSet.read(this.#session, this.#given);
    this.#memory?.macroSets.keep("", this.#given, macros);
    this.#faults.push(...macros.faults);
    for (const [index, model] of models.entries()) this.#addModel(model, trees[index], macros);
    const checkDepends = new Map(all.map((check): [string, string[]] => [checkStep(check), [check.node]]));
    for (const [index, check] of checks.entries()) {
      const tree = trees[models.length + index];
      const foreign = foreignSyntax(check.sql);
      for (const { message, position } of foreign) {
        this.#faults.push(this.#checkFault(check, message, position));
      }
      if (foreign.length > 0) this.#refusedChecks.add(checkStep(check));
      if (tree === undefined || tree instanceof SqlError) {
        if (foreign.length > 0) continue;
        this.#checkFaults.push(this.#checkFault(check, tree?.message ?? "cannot be parsed", tree?.position));
        continue;
      }
      this.#checkTrees.set(checkStep(check), tree);
      const tables = tree.tables.map((table) => ({
        ...resolveTable(table, this.#names),
        name: table.name,
        position: table.position,
      }));
      const ofMacros = this.#tablesOfMacros(checkStep(check), tree, macros);
      this.#refuseCheck(check, tree, tables, macros);
      this.#refuseMacroTables(check, ofMacros);
      const nodes = [...tables, ...ofMacros]
        .flatMap((resolved) => "node" in resolved ? [resolved.node] : []);
      checkDepends.set(checkStep(check), [...new Set([check.node, ...nodes])].sort());
    }
    for (const [index, { model, index: entry }] of partitions.entries()) {
      const tree = trees[models.length + checks.length + index];
      const faults = tree === undefined || tree instanceof SqlError
        ? [tree?.message ?? "cannot be parsed"]
        : partitionFaults(tree);
      const place = () => headerPlace(model, ["partition_by", entry]);
      for (const message of faults) this.#fail(model, place(), `partition_by: ${message}`);
    }
    const pieceTrees = trees.slice(models.length + checks.length + partitions.length);
    for (const [index, { check, start }] of pieces.entries()) {
      const step = checkStep(check);
      // What does not parse as a whole was told.
      if (isWhole(pieceTrees[index]) || !this.#checkTrees.has(step)) continue;
      this.#refusedChecks.add(step);
      this.#faults.push(this.#checkFault(check, NOT_WHOLE, start));
    }
    const order = this.#order();
    return {
      graph: {
        nodes: graphNodes(order, this.#edges, this.#models, this.#streams),
        order,
        checkDepends,
        disabled: this.#disabled,
        macros: this.#calls,
      },
      faults: this.#faults,
      broken: this.#broken,
      trees: this.#trees,
      checkTrees: this.#checkTrees,
      selfReferring: this.#selfReferring,
      refusedChecks: this.#refusedChecks,
      checkFaults: this.#checkFaults,
      macroSet: macros,
    };
  }

  #addModel(model: Model, tree: ParseTree | SqlError | undefined, macros: MacroSet): void {
    this.#edges.set(model.name, new Map());
    for (const [index, name] of model.depends.entries()) {
      const resolved = resolveTable(parseTableName(name), this.#names);
      this.#addEdge(model, resolved, () => headerPlace(model, ["depends", index]));
    }
    const foreign = foreignSyntax(model.sql);
    for (const { message, position } of foreign) this.#fail(model, placeOf(model, position), message);
    if (foreign.length > 0) return;
    if (tree === undefined || tree instanceof SqlError) {
      const position = tree === undefined ? 0 : tree.position ?? guessPosition(model.sql, tree) ?? 0;
      const place = placeAt(model.sql, position, model.path);
      this.#fail(model, place, tree?.message ?? "cannot be parsed");
      return;
    }
    this.#trees.set(model.name, tree);
    for (const { message, position } of refusedCalls(tree, (name) => macros.has(name))) {
      this.#fail(model, placeOf(model, position), message);
    }
    const reported = new Set<string>();
    for (const table of tree.tables) {
      const resolved = resolveTable(table, this.#names);
      if ("message" in resolved && reported.has(resolved.message)) continue;
      if ("message" in resolved) reported.add(resolved.message);
      this.#refuseQualified(model, table, resolved);
      this.#addEdge(model, resolved, () => placeOf(model, table.position));
    }
    this.#addMacros(model, tree, macros);
  }

  /** What a model reads by the macros that it calls. */
  #addMacros(model: Model, tree: ParseTree, macros: MacroSet): void {
    const step = `model:${model.name}`;
    for (const table of this.#tablesOfMacros(step, tree, macros)) {
      if ("node" in table && table.node === step) {
        this.#fail(model, table.place, `${model.name} reads itself by a macro: only its own SQL may name it`);
      } else this.#addEdge(model, table, () => table.place);
    }
    const called = this.#calls.get(step) ?? [];
    if (called.some(({ name }) => macros.broken.has(nameKey(name)))) this.#broken.add(model.name);
  }

  /** The tables that the macros name which a step calls. */
  #tablesOfMacros(step: string, tree: ParseTree, macros: MacroSet) {
    const called = macros.calledBy(tree);
    if (called.length > 0) this.#calls.set(step, called);
    return called.flatMap((macro) =>
      macros.tablesOf(macro).map((table) => ({
        ...resolveTable(table, this.#names),
        name: table.name,
        place: macros.placeOf(macro, table.position),
      }))
    );
  }

  /** A view holds the query of an ephemeral model under its bare name; main.x would be a table of that name. */
  #refuseQualified(model: Model, table: TableReference, resolved: ResolvedTable): void {
    if (!("node" in resolved) || table.schema === undefined) return;
    if (model.materialized !== "view" && model.materialized !== "ephemeral") return;
    const read = this.#models.get(resolved.node.replace(/^model:/, ""));
    if (read?.materialized !== "ephemeral") return;
    this.#fail(
      model,
      placeOf(model, table.position),
      `${read.name} is ephemeral, and is no table: write ${read.name} without ${table.schema}.`,
    );
  }

  /** A missing table is reported when the check is bound; one that is refused must not get that far, one that is switched off is known. */
  #refuseCheck(
    check: Check,
    tree: ParseTree,
    tables: readonly (ResolvedTable & { readonly name: string; readonly position: number | undefined })[],
    macros: MacroSet,
  ): void {
    const known = tables.filter((table) =>
      "message" in table && (table.isRefused === true || table.isOff === true)
    );
    const messages = new Map<string, number | undefined>();
    for (const { message, position } of refusedCalls(tree, (name) => macros.has(name))) {
      messages.set(message, position);
    }
    for (const table of known) if ("message" in table) messages.set(table.message, table.position);

    for (const [message, position] of messages) this.#faults.push(this.#checkFault(check, message, position));
    const isBroken = macros.calledBy(tree).some(({ name }) => macros.broken.has(nameKey(name)));
    if (messages.size > 0 || isBroken) this.#refusedChecks.add(checkStep(check));
  }

  /** As with the check's own; what is wrong with a macro is told once, at its place. */
  #refuseMacroTables(
    check: Check,
    tables: readonly (ResolvedTable & { readonly place: SourcePlace })[],
  ): void {
    for (const table of tables) {
      if (!("message" in table) || (table.isRefused !== true && table.isOff !== true)) continue;
      this.#refusedChecks.add(checkStep(check));
      this.#tell({ ...table.place, message: table.message, severity: "error" });
    }
  }

  #checkFault(check: Check, message: string, position?: number): Fault | DefinitionFault {
    const model = check.node.startsWith("model:") ? this.#models.get(check.table) : undefined;
    return checkFault(check, model, `${check.label}: ${message}`, position);
  }

  #addEdge(model: Model, table: ResolvedTable, place: () => SourcePlace): void {
    if ("node" in table) {
      if (table.node !== `model:${model.name}`) {
        const edges = this.#edges.get(model.name);
        if (edges !== undefined && !edges.has(table.node)) edges.set(table.node, place());
      } else if (model.materialized === "incremental") {
        this.#selfReferring.add(model.name);
      } else {
        this.#fail(model, place(), `${model.name} reads itself: only an incremental model can`);
      }
    } else if (table.kind === "missing") {
      this.#fail(model, place(), table.message);
    }
  }

  #order(): string[] {
    const { order, cycles } = orderNodes(this.#edges, this.#streams);
    for (const { models, closedBy } of cycles) {
      const model = this.#models.get(closedBy.model);
      if (model === undefined) continue;
      const place = this.#edges.get(model.name)?.get(closedBy.node) ?? { file: model.path };
      this.#fail(model, place, `models read each other in a circle: ${models.join(" → ")}`);
      for (const name of models) this.#broken.add(name);
    }
    return order;
  }

  /** What a macro reads is wrong for each model that calls it, and told once. */
  #fail(model: Model, place: SourcePlace, message: string): void {
    this.#tell({ ...place, message, severity: "error" });
    this.#broken.add(model.name);
  }

  #tell(fault: Fault): void {
    const text = formatFault(fault);
    if (!this.#told.has(text)) this.#faults.push(fault);
    this.#told.add(text);
  }
}

function placeOf(model: Model, position: number | undefined): SourcePlace {
  return position === undefined
    ? { file: model.path, line: 1, column: 1 }
    : placeAt(model.sql, position, model.path);
}
