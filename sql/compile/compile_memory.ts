import { type Column, quoteIdentifier, type SqlError, type SqlSession } from "../../contract/sql.ts";
import { Memo } from "../../text/memo.ts";
import type { Fault } from "../../text/fault.ts";
import type { GraphMemory } from "../language/graph/analyze_graph.ts";
import type { MacroSet } from "../language/macros/macro_set.ts";
import type { Macro } from "../language/macros/parse_macros.ts";
import { modelTable } from "../language/model.ts";
import type { ParseTree } from "../language/parse_tree.ts";
import { ImpossibleExpressions } from "./impossible_expressions.ts";
import { TypeNames } from "./compile_header.ts";

/** What binding a model has found; a table that is made later may add to it. */
export interface BoundModel {
  columns: readonly Column[] | undefined;
  readonly faults: Fault[];
}

/**
 * What one compilation leaves to the next of the same pipeline over the same database: what has not changed, and reads nothing that
 * has, is not bound again. Params and functions have to be the same for all of them.
 */
export class CompileMemory implements GraphMemory {
  readonly trees = new Memo<ParseTree | SqlError>();
  readonly macroSets = new Memo<MacroSet>();
  /** By node. */
  readonly models = new Memo<BoundModel>();
  readonly headers = new Memo<readonly Fault[]>();
  /** Checks in which nothing was wrong, by their steps. */
  readonly checks = new Memo<true>();
  /** Macros that are made, by their names. */
  readonly macros = new Memo<true>();
  readonly types: TypeNames;
  readonly casts: ImpossibleExpressions;
  /** Those that the database has, in whatever form. */
  readonly madeMacros = new Set<Macro>();
  /** The columns of each table that the database has, by node. */
  readonly tables = new Map<string, readonly Column[]>();
  /** Whether the database has what all compilations need. */
  isPrepared = false;
  readonly #columns = new Map<string, readonly Column[]>();

  constructor(session: SqlSession) {
    this.types = new TypeNames(session);
    this.casts = new ImpossibleExpressions(session);
  }

  /** Another compilation begins. */
  turn(): void {
    for (const memo of [this.trees, this.macroSets, this.models, this.headers, this.checks, this.macros]) {
      memo.turn();
    }
  }

  /** The list that was known of the node where it says the same, so that who reads it is seen to read what it read. */
  sameColumns(node: string, columns: readonly Column[]): readonly Column[] {
    const known = this.#columns.get(node);
    if (known !== undefined && isSame(known, columns)) return known;
    this.#columns.set(node, columns);
    return columns;
  }

  /** Removes the tables of nodes, and macros, that are no more. */
  async dropOthers(
    session: SqlSession,
    nodes: { has(node: string): boolean },
    macros: readonly Macro[],
  ): Promise<void> {
    for (const macro of [...this.madeMacros].filter((one) => !macros.includes(one))) {
      const name = `main.${quoteIdentifier(macro.name)}`;
      // One that is called in FROM and another of the same name are two.
      await session.run(`DROP MACRO ${macro.isTable ? "TABLE " : ""}IF EXISTS ${name}`);
      this.madeMacros.delete(macro);
    }
    for (const node of [...this.tables.keys()].filter((one) => !nodes.has(one))) {
      const label = node.slice(node.indexOf(":") + 1);
      const table = node.startsWith("extract:") ? `raw.${quoteIdentifier(label)}` : modelTable(label);
      await session.run(`DROP TABLE IF EXISTS ${table}`);
      this.tables.delete(node);
    }
  }
}

const isSame = (one: readonly Column[], other: readonly Column[]): boolean =>
  one.length === other.length &&
  one.every(({ name, type }, index) => name === other[index]?.name && type === other[index]?.type);
