import { AppError } from "../../contract/errors.ts";
import { nameKey, SqlError, type SqlSession } from "../../contract/sql.ts";
import type { Fault, SourcePlace } from "../../text/fault.ts";
import type { Memo } from "../../text/memo.ts";
import { listWords } from "../../text/suggest.ts";
import { storeMacros } from "../build/macros.ts";
import type { GraphAnalysis } from "../language/graph/analyze_graph.ts";
import type { MacroSet } from "../language/macros/macro_set.ts";
import type { Macro } from "../language/macros/parse_macros.ts";
import type { Model } from "../language/model.ts";
import type { ParseTree } from "../language/parse_tree.ts";
import { placeAt } from "../language/position.ts";
import { variableFault } from "./compile_variables.ts";
import type { ImpossibleExpression } from "./impossible_expressions.ts";

export interface MacroMemory {
  readonly made: Memo<true>;
  /** What a macro reads, by identity: the columns of its tables, and the macros that it calls. */
  readonly read: (macro: Macro) => readonly unknown[];
  /** Those that the database has. */
  readonly there: Set<Macro>;
}

/**
 * Makes macros when the first model or check calls them: by then there are the tables that they read. All sessions of the
 * database have them.
 */
export class BoundMacros {
  readonly #session: SqlSession;
  readonly #memory: MacroMemory | undefined;
  readonly #isMade = new Map<string, boolean>();
  readonly faults: Fault[] = [];

  /** `memory` knows those that earlier compilations have made. */
  constructor(session: SqlSession, memory?: MacroMemory) {
    this.#session = session;
    this.#memory = memory;
  }

  /** Whether all of them can be called; what is wrong with one is among the faults once. */
  async make(macros: readonly Macro[]): Promise<boolean> {
    let areMade = true;
    for (const macro of macros) {
      const key = nameKey(macro.name);
      const isMade = this.#isMade.get(key) ?? await this.#makeOne(macro);
      this.#isMade.set(key, isMade);
      areMade &&= isMade;
    }
    return areMade;
  }

  async #makeOne(macro: Macro): Promise<boolean> {
    const key = nameKey(macro.name);
    const madeOf = [macro, ...this.#memory?.read(macro) ?? []];
    if (this.#memory?.there.has(macro) === true && this.#memory.made.recall(key, madeOf) === true) {
      return true;
    }
    try {
      await storeMacros(this.#session, [macro]);
      this.#memory?.made.keep(key, madeOf, true);
      this.#memory?.there.add(macro);
      return true;
    } catch (error) {
      if (!(error instanceof AppError) || error.faults.length === 0) throw error;
      this.faults.push(...error.faults);
      return false;
    }
  }
}

/**
 * What is wrong with a model, told for a macro that it calls where it lies in one: DuckDB gives it no place then, or
 * that of the call.
 */
export function faultsByMacros(
  error: AppError,
  model: Model,
  tree: ParseTree | undefined,
  macros: MacroSet,
): readonly Fault[] {
  const raw = error.cause instanceof SqlError ? error.cause : error;
  const isCall = /^Macro \S+\(\) does not support/.test(raw.message);
  if (!(raw instanceof SqlError) || tree === undefined || isCall) return error.faults;
  const calls = [...tree.scalars, ...tree.functions].filter(({ name, position }) =>
    macros.has(name) && (raw.position === undefined || position === raw.position)
  );
  const [first] = calls;
  if (first === undefined) return error.faults;
  const names = new Map(calls.map(({ name }) => [nameKey(name), name]));
  const places = macros.all.filter(({ name }) => names.has(nameKey(name))).map((macro) => {
    const { file, line } = macros.placeOf(macro, undefined);
    return `${macro.name} (${file}:${line})`;
  });
  const where = ` in the macro${places.length === 1 ? "" : "s"} ${listWords(places, "or")}`;
  return error.faults.map((fault) => ({
    ...fault,
    ...(first.position === undefined ? {} : placeAt(model.sql, first.position, model.path)),
    message: `${fault.message}:${where}`,
  }));
}

/**
 * Where an expression stands that is not in the SQL itself but in one of the macros that it calls, as its constants tell;
 * undefined for one that may be in the SQL.
 */
export function placeInMacro(
  { literals }: Pick<ImpossibleExpression, "literals">,
  sql: string,
  macros: readonly Macro[],
): SourcePlace | undefined {
  const isIn = (text: string) => literals.every((literal) => text.includes(literal));
  if (isIn(sql)) return undefined;
  const macro = macros.find(({ text, start, end }) => isIn(text.slice(start, end)));
  if (macro === undefined) return undefined;
  return placeAt(macro.text, macro.text.indexOf(literals[0] ?? "", macro.start), macro.path);
}

/** Variables of the macros that are called which nothing sets, each once. */
export function macroVariableFaults(
  { graph, macroSet }: Pick<GraphAnalysis, "graph" | "macroSet">,
  known: readonly string[],
): Fault[] {
  const called = new Set([...graph.macros.values()].flat());
  return [...called].flatMap((macro) =>
    macroSet.variablesOf(macro).flatMap(({ name, position }) => {
      const found = variableFault(name, known);
      return found === undefined ? [] : [{ ...macroSet.placeOf(macro, position), ...found }];
    })
  );
}
