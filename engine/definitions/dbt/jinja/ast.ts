/** The parse tree of a template. `line` counts from 1. */

export type Expression =
  & { readonly line: number }
  & (
    | { readonly kind: "literal"; readonly value: string | number | boolean | null }
    | { readonly kind: "name"; readonly name: string }
    | { readonly kind: "list"; readonly items: readonly Expression[] }
    | { readonly kind: "dict"; readonly entries: readonly (readonly [Expression, Expression])[] }
    | { readonly kind: "attribute"; readonly of: Expression; readonly name: string }
    | { readonly kind: "item"; readonly of: Expression; readonly index: Expression }
    | {
      readonly kind: "slice";
      readonly of: Expression;
      readonly start: Expression | undefined;
      readonly stop: Expression | undefined;
    }
    | { readonly kind: "call"; readonly callee: Expression; readonly args: Arguments }
    | { readonly kind: "filter"; readonly of: Expression; readonly name: string; readonly args: Arguments }
    | {
      readonly kind: "test";
      readonly of: Expression;
      readonly name: string;
      readonly args: Arguments;
      readonly isNegated: boolean;
    }
    | { readonly kind: "unary"; readonly operator: string; readonly operand: Expression }
    | {
      readonly kind: "binary";
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
    }
    | {
      readonly kind: "choice";
      readonly test: Expression;
      readonly then: Expression;
      readonly otherwise: Expression | undefined;
    }
  );

export interface Arguments {
  readonly positional: readonly { readonly value: Expression; readonly isSpread: boolean }[];
  /** The name `**` spreads a dict. */
  readonly named: readonly (readonly [string, Expression])[];
}

export interface Parameter {
  readonly name: string;
  readonly default: Expression | undefined;
}

export type Node =
  & { readonly line: number }
  & (
    | { readonly kind: "text"; readonly text: string }
    | { readonly kind: "output"; readonly value: Expression }
    | { readonly kind: "do"; readonly value: Expression }
    /** `{% break %}`, or `{% continue %}` where the loop goes on. */
    | { readonly kind: "leave"; readonly goesOn: boolean }
    | { readonly kind: "set"; readonly targets: readonly Expression[]; readonly value: Expression }
    | { readonly kind: "set_block"; readonly name: string; readonly body: readonly Node[] }
    | {
      readonly kind: "if";
      readonly branches: readonly { readonly test: Expression; readonly body: readonly Node[] }[];
      readonly otherwise: readonly Node[] | undefined;
    }
    | {
      readonly kind: "for";
      readonly names: readonly string[];
      readonly of: Expression;
      readonly condition: Expression | undefined;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    }
    | MacroNode
    | {
      readonly kind: "call_block";
      readonly parameters: readonly Parameter[];
      readonly call: Expression;
      readonly body: readonly Node[];
    }
    | {
      readonly kind: "filter_block";
      readonly name: string;
      readonly args: Arguments;
      readonly body: readonly Node[];
    }
    /** dbt's own blocks: a snapshot, a documentation; a materialization is of no use here. */
    | {
      readonly kind: "block";
      readonly block: string;
      readonly name: string;
      readonly body: readonly Node[];
    }
  );

export interface MacroNode {
  readonly kind: "macro";
  readonly line: number;
  readonly name: string;
  /** A generic test is a macro of another kind. */
  readonly isTest: boolean;
  readonly parameters: readonly Parameter[];
  readonly body: readonly Node[];
}
