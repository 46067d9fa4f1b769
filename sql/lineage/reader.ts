import type { Node } from "./node.ts";
import type { Relation, RelationColumn, Scope } from "./scope.ts";
import type { ParseTree } from "../language/parse_tree.ts";

/** A macro of the project: an expression, or a query. */
export interface Macro {
  readonly kind: "scalar" | "table";
  readonly params: readonly string[];
  /** Of a query; of an expression that of `SELECT expression`. */
  readonly statement: ParseTree["statement"];
}

/** What only DuckDB can tell. */
export interface Question {
  /** What to do with the statement: name its columns, or read the texts in the one list that it gives. */
  readonly kind: "columns" | "texts" | "name";
  /** A statement as json_serialize_sql writes it. */
  readonly statement: Node;
}

/** What the parts that read a query's tree need of each other, and of the pipeline. */
export interface Reader {
  /** A query's tree; `scope` is around it. */
  query(node: Node, scope: Scope): Relation;
  /** The columns that a `*` or COLUMNS stands for. */
  star(node: Node, scope: Scope): readonly RelationColumn[];
  /** A table of the pipeline's, or one of DuckDB's own. */
  table(reference: { readonly name: string; readonly schema?: string; readonly catalog?: string }): Relation;
  readonly aggregates: ReadonlySet<string>;
  /** By their names in lower case. */
  readonly macros: ReadonlyMap<string, readonly Macro[]>;
  /** DuckDB's answer to a question; throws OpenQuestion where it was not asked yet. */
  ask(question: Question): readonly string[];
}

/** The answer is needed to go on. */
export class OpenQuestion extends Error {
  constructor(readonly question: Question) {
    super("DuckDB has to be asked");
  }
}
