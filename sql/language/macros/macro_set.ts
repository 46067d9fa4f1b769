import { nameKey, quoteLiteral, SqlError, type SqlSession } from "../../../contract/sql.ts";
import type { Fault } from "../../../text/fault.ts";
import { refusedCalls } from "../allowed_functions.ts";
import { guessPosition } from "../error_position.ts";
import {
  type FunctionReference,
  parseSelects,
  type ParseTree,
  type TableFunctionReference,
  type TableReference,
  type VariableReference,
} from "../parse_tree.ts";
import { placeAt } from "../position.ts";
import { scanSql } from "../scan_sql.ts";
import { orderTopologically } from "../graph/topological_order.ts";
import type { Macro, MacroPart } from "./parse_macros.ts";

/** What the parts of a macro refer to; positions are of its file. */
interface MacroTree {
  readonly tables: TableReference[];
  readonly functions: TableFunctionReference[];
  readonly scalars: FunctionReference[];
  readonly variables: VariableReference[];
}

/** The macros of a pipeline, read by DuckDB's parse tree: what they call, and what is wrong with them. */
export class MacroSet {
  readonly #order: readonly Macro[];
  readonly #trees: ReadonlyMap<string, MacroTree>;
  readonly #calls = new Map<string, ReadonlySet<string>>();
  readonly faults: readonly Fault[];
  /** Names, as nameKey has them, of those with a fault and of those that call one. */
  readonly broken: ReadonlySet<string>;

  private constructor(
    macros: readonly Macro[],
    trees: ReadonlyMap<string, MacroTree>,
    found: readonly Fault[],
    wrong: ReadonlySet<string>,
  ) {
    this.#trees = trees;
    const byName = new Map(macros.map((macro) => [nameKey(macro.name), macro]));
    const direct = new Map(
      [...byName.keys()].map((name) => [name, namesIn(trees.get(name)).filter((other) => byName.has(other))]),
    );
    const { order, cycles } = orderTopologically(direct);
    this.#order = order.flatMap((name) => byName.get(name) ?? []);
    const cycleFaults = cycles.flatMap((cycle): Fault[] => {
      const macro = byName.get(cycle.at(-2) ?? "");
      if (macro === undefined) return [];
      const names = cycle.map((name) => byName.get(name)?.name ?? name);
      const message = `macros call each other in a circle: ${names.join(" → ")}`;
      return [{ ...this.placeOf(macro, macro.position), message, severity: "error" }];
    });
    this.faults = [...found, ...cycleFaults];
    const broken = new Set([...wrong, ...cycles.flat()]);
    for (const { name } of this.#order) {
      const key = nameKey(name);
      const calls = new Set<string>();
      for (const other of direct.get(key) ?? []) {
        calls.add(other);
        for (const inner of this.#calls.get(other) ?? []) calls.add(inner);
      }
      this.#calls.set(key, calls);
      if ([...calls].some((other) => broken.has(other))) broken.add(key);
    }
    this.broken = broken;
  }

  /** Asks DuckDB for the parse trees, and which of the names it knows itself. */
  static async read(session: SqlSession, macros: readonly Macro[]): Promise<MacroSet> {
    if (macros.length === 0) return new MacroSet([], new Map(), [], new Set());
    const faults: Fault[] = [];
    const broken = new Set<string>();
    const fail = (macro: Macro, position: number, message: string) => {
      faults.push({ ...placeAt(macro.text, position, macro.path), message, severity: "error" });
      broken.add(nameKey(macro.name));
    };
    for (const macro of await shadowing(session, macros)) {
      fail(
        macro,
        macro.position,
        `${macro.name} is a function or a word of DuckDB's own: give the macro another name`,
      );
    }
    const parts = macros.flatMap((macro) => macro.parts.map((part) => ({ macro, part })));
    const found = await parseSelects(session, parts.map(({ macro, part }) => sqlOf(macro, part)));
    const defaults: MacroDefault[] = [];
    const trees = new Map<string, MacroTree>(macros.map(({ name }) => [nameKey(name), emptyTree()]));
    for (const [index, { macro, part }] of parts.entries()) {
      const tree = found[index];
      const at = (position: number) => part.start + Math.max(0, position - PREFIX[part.kind].length);
      if (tree === undefined || tree instanceof SqlError) {
        const position = tree === undefined
          ? 0
          : tree.position ?? guessPosition(sqlOf(macro, part), tree) ?? 0;
        fail(macro, Math.min(at(position), part.end), tree?.message ?? "cannot be parsed");
        continue;
      }
      addTree(trees.get(nameKey(macro.name)) ?? emptyTree(), tree, at);
      if (part.kind === "default") defaults.push({ macro, part, tree });
    }
    for (const { macro, part, called } of await unsteadyDefaults(session, defaults, trees)) {
      const message =
        `a default is computed once, when the macro is made, and ${called}() differs from run to run: ` +
        "call it in the macro's body, as coalesce(parameter, …) with NULL for the default";
      fail(macro, part.start, message);
    }
    const isMacro = (name: string) => trees.has(nameKey(name));
    for (const macro of macros) {
      const tree = trees.get(nameKey(macro.name));
      for (const { message, position } of tree === undefined ? [] : refusedCalls(tree, isMacro)) {
        fail(macro, position ?? macro.position, message);
      }
    }
    return new MacroSet(macros, trees, faults, broken);
  }

  /** Each behind those that it calls. */
  get all(): readonly Macro[] {
    return this.#order;
  }

  has(name: string): boolean {
    return this.#trees.has(nameKey(name));
  }

  /** The macros that a query calls, directly or through others, each behind those that it calls. */
  calledBy(tree: ParseTree | undefined): Macro[] {
    if (this.#trees.size === 0) return [];
    const called = new Set(namesIn(tree).flatMap((name) => [name, ...this.#calls.get(name) ?? []]));
    return this.#order.filter(({ name }) => called.has(nameKey(name)));
  }

  /** The macros that a macro calls, directly or through others, each behind those that it calls. */
  calledByMacro(macro: Macro): Macro[] {
    const called = this.#calls.get(nameKey(macro.name)) ?? new Set();
    return this.#order.filter(({ name }) => called.has(nameKey(name)));
  }

  /** The tables that a macro itself names, with their positions in its file. */
  tablesOf({ name }: Macro): readonly TableReference[] {
    return this.#trees.get(nameKey(name))?.tables ?? [];
  }

  variablesOf({ name }: Macro): readonly VariableReference[] {
    return this.#trees.get(nameKey(name))?.variables ?? [];
  }

  placeOf(macro: Macro, position: number | undefined) {
    return placeAt(macro.text, position ?? macro.position, macro.path);
  }
}

/** A part by itself as a query: what stands in brackets cannot reach out of them. */
const PREFIX: Readonly<Record<MacroPart["kind"], string>> = {
  default: "SELECT (\n",
  expression: "SELECT (\n",
  query: "",
};

function sqlOf({ text }: Macro, { kind, start, end }: MacroPart): string {
  const part = text.slice(start, end);
  return kind === "query" ? part : `${PREFIX.expression}${part}\n)`;
}

function emptyTree(): MacroTree {
  return { tables: [], functions: [], scalars: [], variables: [] };
}

function addTree(into: MacroTree, tree: ParseTree, at: (position: number) => number): void {
  const moved = <T extends { readonly position?: number }>(references: readonly T[]): T[] =>
    references.map((one) => one.position === undefined ? one : { ...one, position: at(one.position) });
  into.tables.push(...moved(tree.tables));
  into.functions.push(...moved(tree.functions));
  into.scalars.push(...moved(tree.scalars));
  into.variables.push(...moved(tree.variables));
}

/** Names of the functions that a tree calls, as nameKey has them. */
function namesIn(tree: Pick<ParseTree, "functions" | "scalars"> | undefined): string[] {
  if (tree === undefined) return [];
  return [...new Set([...tree.scalars, ...tree.functions].map(({ name }) => nameKey(name)))];
}

/** To DuckDB's parser these are names of columns where no parenthesis follows. */
const MOMENTS: ReadonlySet<string> = new Set([
  "current_date",
  "current_time",
  "current_timestamp",
  "localtime",
  "localtimestamp",
]);

const wordsOf = (sql: string): string[] =>
  [...scanSql(sql)].filter(({ kind }) => kind === "word").map(({ start, end }) =>
    nameKey(sql.slice(start, end))
  );

interface MacroDefault {
  readonly macro: Macro;
  readonly part: MacroPart;
  readonly tree: ParseTree;
}

/** Defaults of parameters that call, directly or through macros, what is another value later. */
async function unsteadyDefaults(
  session: SqlSession,
  defaults: readonly MacroDefault[],
  trees: ReadonlyMap<string, MacroTree>,
): Promise<(MacroDefault & { readonly called: string })[]> {
  if (defaults.length === 0) return [];
  const rows = await session.rows(
    "SELECT DISTINCT lower(function_name) AS name FROM duckdb_functions() WHERE stability <> 'CONSISTENT'",
  );
  const unsteady = new Set([...rows.map(({ name }) => String(name)), "getvariable", "current_setting"]);
  return defaults.flatMap((one) => {
    const seen = new Set<string>();
    const { macro: { text }, part: { start, end } } = one;
    const open = [
      ...namesIn(one.tree),
      ...wordsOf(text.slice(start, end)).filter((word) => MOMENTS.has(word)),
    ];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      if (seen.has(name)) continue;
      seen.add(name);
      if (unsteady.has(name) || MOMENTS.has(name)) return [{ ...one, called: name }];
      open.push(...namesIn(trees.get(name)));
    }
    return [];
  });
}

/** The macros whose names DuckDB has for functions, or for something of its grammar, as `coalesce`. */
async function shadowing(session: SqlSession, macros: readonly Macro[]): Promise<Macro[]> {
  const names = macros.map(({ name }) => quoteLiteral(nameKey(name))).join(", ");
  const rows = await session.rows(
    `SELECT DISTINCT lower(function_name) AS name FROM duckdb_functions()
     WHERE internal AND lower(function_name) IN (${names})`,
  );
  const known = new Set(rows.map(({ name }) => String(name)));
  const calls = macros.flatMap(({ name }) =>
    ["1", "1, 2", "1, 2, 3"].map((list) => `SELECT ${name}(${list})`)
  );
  const trees = await parseSelects(session, calls);
  return macros.filter(({ name }, index) => {
    const read = trees.slice(index * 3, index * 3 + 3).flatMap((tree) =>
      tree instanceof SqlError ? [] : [tree]
    );
    const isPlain = read.length > 0 && read.every((tree) => namesIn(tree).includes(nameKey(name)));
    return known.has(nameKey(name)) || !isPlain;
  });
}
