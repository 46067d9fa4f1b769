import { AppError } from "../../../../contract/errors.ts";
import type { Arguments, Expression, MacroNode, Node, Parameter } from "./ast.ts";
import { attributeOf, FILTERS, TESTS } from "./filters.ts";
import { limited, placed, weightOf } from "./limits.ts";
import { binary, itemAt } from "./operators.ts";
import {
  isFunction,
  isObject,
  isTrue,
  isUnknown,
  itemsOf,
  type JinjaFunction,
  textOf,
  type Value,
} from "./values.ts";

/** Names and their values; those of the scopes above are seen, too. */
export interface Scope {
  readonly names: Map<string, Value>;
  readonly parent: Scope | undefined;
}

export const scopeOf = (
  parent: Scope | undefined,
  entries: Iterable<readonly [string, Value]> = [],
): Scope => ({
  names: new Map(entries),
  parent,
});

/** What a caller wants to know of the template's own text, outside of macros and of what is set. */
export interface Watch {
  /** What an output is, in place of its value; undefined: it is evaluated. */
  instead?(expression: Expression): string | undefined;
  /** Writes what an output at the top gives; undefined: as its text. */
  output?(expression: Expression, value: Value): string | undefined;
  /** Writes a branch of an `if` at the top that was taken. */
  branch?(test: Expression, body: string, hasOthers: boolean): string;
}

/** What `return()` throws: the macro that it is in has that value. */
class Returned extends Error {
  constructor(readonly value: Value) {
    super("return() outside of a macro");
  }
}

/** Filters that leave a value as it is. */
const OF_UNKNOWN = new Set(["string", "safe", "as_text", "as_native", "default", "d"]);

const MAX_STEPS = 2_000_000;
/** Of macros that call each other, each of which takes some of the machine's own stack. */
const MAX_DEPTH = 100;

export interface Jinja {
  /** The same within a template that is rendered: its steps count together with the other's. */
  inner(nodes: readonly Node[], scope: Scope, watch?: Watch): string;
  /** Counts anew: before each text, whose macros are called from outside. */
  start(): void;
  /** The template's text. Throws `invalid` with the line for what does not work. */
  render(nodes: readonly Node[], scope: Scope, watch?: Watch): string;
  evaluate(expression: Expression, scope: Scope): Value;
  /** `file` is where it is written, for what is wrong in it; undefined: in the template that is rendered. */
  macro(node: MacroNode, scope: Scope, file?: string): JinjaFunction;
}

/** `{% break %}` and `{% continue %}`, on their way to their loop. */
class Left extends AppError {
  readonly goesOn: boolean;
  /** What the loop's body has made before it. */
  text = "";

  constructor(goesOn: boolean, line: number) {
    super("invalid", `line ${line}: {% ${goesOn ? "continue" : "break"} %} stands in no loop`);
    this.goesOn = goesOn;
  }
}

/** `return()` for the names of a template. */
export const returnValue: JinjaFunction = ([value]) => {
  throw new Returned(value ?? null);
};

/** Evaluates templates; all that one of them does counts towards one limit of steps. */
export function createJinja(): Jinja {
  let steps = 0;
  let depth = 0;

  const start = (): void => {
    steps = 0;
    depth = 0;
  };

  /** Counts a step, and what is looked through in it. */
  const spend = (line: number, ...values: readonly Value[]): void => {
    steps += values.reduce<number>((sum, value) => sum + weightOf(value), 1);
    if (steps > MAX_STEPS) {
      throw new AppError("invalid", `line ${line}: the template does not come to an end`);
    }
  };

  const render = (nodes: readonly Node[], scope: Scope, watch: Watch | undefined): string => {
    let text = "";
    for (const node of nodes) {
      try {
        text = limited(text + renderNode(node, scope, watch), node.line);
      } catch (error) {
        // What stands before it in the loop counts.
        if (error instanceof Left) error.text = text + error.text;
        throw error;
      }
    }
    return text;
  };

  const renderNode = (node: Node, scope: Scope, watch: Watch | undefined): string => {
    spend(node.line);
    switch (node.kind) {
      case "text":
        return node.text;
      case "output": {
        const instead = watch?.instead?.(node.value);
        if (instead !== undefined) return instead;
        const value = evaluate(node.value, scope);
        return watch?.output?.(node.value, value) ?? textOf(value);
      }
      case "do":
        evaluate(node.value, scope);
        return "";
      case "leave":
        throw new Left(node.goesOn, node.line);
      case "set":
        assign(node.targets, evaluate(node.value, scope), scope);
        return "";
      case "set_block":
        scope.names.set(node.name, render(node.body, scope, undefined));
        return "";
      case "if": {
        const taken = node.branches.find(({ test }) => isTrue(evaluate(test, scope)));
        if (taken === undefined) {
          return node.otherwise === undefined ? "" : render(node.otherwise, scope, watch);
        }
        const body = render(taken.body, scope, watch);
        const hasOthers = node.branches.length > 1 || node.otherwise !== undefined;
        return watch?.branch?.(taken.test, body, hasOthers) ?? body;
      }
      case "for":
        return renderFor(node, scope, watch);
      case "macro":
        scope.names.set(node.name, macro(node, scope));
        return "";
      case "call_block":
        return renderCallBlock(node, scope);
      case "filter_block":
        return textOf(
          applyFilter(node.name, render(node.body, scope, undefined), node.args, scope, node.line),
        );
      case "block":
        return "";
    }
  };

  const renderFor = (node: Node & { kind: "for" }, scope: Scope, watch: Watch | undefined): string => {
    const bind = (item: Value): Scope => {
      const [name = "", ...others] = node.names;
      const inner = scopeOf(scope);
      if (others.length === 0) inner.names.set(name, item);
      else {
        const parts = itemsOf(item);
        node.names.forEach((one, at) => inner.names.set(one, parts[at]));
      }
      return inner;
    };
    const { condition } = node;
    const items = itemsOf(evaluate(node.of, scope)).filter((item) =>
      condition === undefined || isTrue(evaluate(condition, bind(item)))
    );
    if (items.length === 0) return render(node.otherwise, scope, watch);
    let text = "";
    for (const [at, item] of items.entries()) {
      const inner = bind(item);
      inner.names.set(
        "loop",
        new Map<Value, Value>([
          ["index", at + 1],
          ["index0", at],
          ["revindex", items.length - at],
          ["revindex0", items.length - at - 1],
          ["first", at === 0],
          ["last", at === items.length - 1],
          ["length", items.length],
          ["previtem", items[at - 1]],
          ["nextitem", items[at + 1]],
        ]),
      );
      try {
        text = limited(text + render(node.body, inner, watch), node.line);
      } catch (error) {
        if (!(error instanceof Left)) throw error;
        text += error.text;
        if (!error.goesOn) break;
      }
    }
    return text;
  };

  const renderCallBlock = (node: Node & { kind: "call_block" }, scope: Scope): string => {
    if (node.call.kind !== "call") {
      throw new AppError("invalid", `line ${node.line}: {% call %} calls no macro`);
    }
    const caller: JinjaFunction = (args, kwargs) =>
      render(node.body, bindParameters(node.parameters, args, kwargs, scope), undefined);
    const { args, kwargs } = argumentsOf(node.call.args, scope);
    kwargs.set("caller", caller);
    return textOf(call(node.call.callee, args, kwargs, scope, node.line));
  };

  const bindParameters = (
    parameters: readonly Parameter[],
    args: readonly Value[],
    kwargs: ReadonlyMap<string, Value>,
    scope: Scope,
  ): Scope => {
    const inner = scopeOf(scope);
    parameters.forEach(({ name, default: otherwise }, at) => {
      const given = at < args.length ? args[at] : kwargs.get(name);
      const isGiven = at < args.length || kwargs.has(name);
      inner.names.set(name, isGiven || otherwise === undefined ? given : evaluate(otherwise, inner));
    });
    const known = new Set(parameters.map(({ name }) => name));
    inner.names.set("varargs", args.slice(parameters.length));
    inner.names.set("kwargs", new Map([...kwargs].filter(([name]) => !known.has(name))));
    if (kwargs.has("caller")) inner.names.set("caller", kwargs.get("caller"));
    return inner;
  };

  const macro = (node: MacroNode, scope: Scope, file?: string): JinjaFunction => (args, kwargs) => {
    if (++depth > MAX_DEPTH) {
      depth = 0;
      throw new AppError("invalid", `line ${node.line}: macros call each other more than ${MAX_DEPTH} deep`);
    }
    try {
      return render(node.body, bindParameters(node.parameters, args, kwargs, scope), undefined);
    } catch (error) {
      if (error instanceof Returned) return error.value;
      throw file === undefined ? error : placed(error, node.name, file);
    } finally {
      depth--;
    }
  };

  const assign = (targets: readonly Expression[], value: Value, scope: Scope): void => {
    const values = targets.length === 1 ? [value] : itemsOf(value);
    targets.forEach((target, at) => {
      if (target.kind === "name") scope.names.set(target.name, values[at]);
      else if (target.kind === "attribute") {
        const namespace = evaluate(target.of, scope);
        if (!isObject(namespace) || namespace.set === undefined) {
          throw new AppError("invalid", `line ${target.line}: ${target.name} can be set of a namespace only`);
        }
        namespace.set(target.name, values[at]);
      }
    });
  };

  const lookUp = (name: string, scope: Scope): Value => {
    for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) {
      if (at.names.has(name)) return at.names.get(name);
    }
    return undefined;
  };

  const evaluate = (node: Expression, scope: Scope): Value => {
    spend(node.line);
    switch (node.kind) {
      case "literal":
        return node.value;
      case "name":
        return lookUp(node.name, scope);
      case "list":
        return node.items.map((item) => evaluate(item, scope));
      case "dict":
        return new Map(node.entries.map(([key, item]) => [evaluate(key, scope), evaluate(item, scope)]));
      case "attribute": {
        const of = evaluate(node.of, scope);
        // What is called next looks through all of it.
        spend(node.line, of);
        return attributeOf(present(of, node.of, node.line), node.name);
      }
      case "item":
        return itemAt(evaluate(node.of, scope), evaluate(node.index, scope));
      case "slice": {
        const of = evaluate(node.of, scope);
        spend(node.line, of);
        const [start, stop] = [node.start, node.stop].map((end) => end && Number(evaluate(end, scope)));
        if (isObject(of) && of.slice !== undefined) return of.slice(start, stop);
        return typeof of === "string" ? of.slice(start, stop) : itemsOf(of).slice(start, stop);
      }
      case "call": {
        const { args, kwargs } = argumentsOf(node.args, scope);
        return call(node.callee, args, kwargs, scope, node.line);
      }
      case "filter":
        return applyFilter(node.name, evaluate(node.of, scope), node.args, scope, node.line);
      case "test": {
        const test = TESTS.get(node.name);
        if (test === undefined) {
          throw new AppError("invalid", `line ${node.line}: the test ${node.name} is not known`);
        }
        return test(evaluate(node.of, scope), argumentsOf(node.args, scope).args) !== node.isNegated;
      }
      case "unary": {
        const value = evaluate(node.operand, scope);
        return node.operator === "not"
          ? !isTrue(value)
          : node.operator === "-"
          ? -Number(value)
          : Number(value);
      }
      case "binary":
        return evaluateBinary(node, scope);
      case "choice":
        if (isTrue(evaluate(node.test, scope))) return evaluate(node.then, scope);
        return node.otherwise === undefined ? undefined : evaluate(node.otherwise, scope);
    }
  };

  const evaluateBinary = (node: Expression & { kind: "binary" }, scope: Scope): Value => {
    const left = evaluate(node.left, scope);
    if (node.operator === "and") return isTrue(left) ? evaluate(node.right, scope) : left;
    if (node.operator === "or") return isTrue(left) ? left : evaluate(node.right, scope);
    const right = evaluate(node.right, scope);
    spend(node.line, left, right);
    return limited(binary(node.operator, left, right, node.line), node.line);
  };

  const call = (
    callee: Expression,
    args: readonly Value[],
    kwargs: ReadonlyMap<string, Value>,
    scope: Scope,
    line: number,
  ): Value => {
    const value = evaluate(callee, scope);
    const callable = isObject(value) ? value.call : value;
    if (isFunction(callable)) {
      try {
        spend(line, ...args, ...kwargs.values());
        return limited(callable(args, kwargs), line);
      } catch (error) {
        // What a built-in macro cannot do is told at its call.
        if (!(error instanceof AppError) || error.message.startsWith("line ")) throw error;
        throw new AppError(error.code, `line ${line}: ${error.message}`);
      }
    }
    throw new AppError("invalid", `line ${line}: the macro ${nameOf(callee)} is not known`);
  };

  const applyFilter = (name: string, of: Value, args: Arguments, scope: Scope, line: number): Value => {
    const filter = FILTERS.get(name);
    if (filter === undefined) throw new AppError("invalid", `line ${line}: the filter ${name} is not known`);
    if (isUnknown(of) && !OF_UNKNOWN.has(name)) {
      throw new AppError(
        "invalid",
        `line ${line}: the filter ${name} of what a query gives, which the database knows when the model runs`,
      );
    }
    const given = argumentsOf(args, scope);
    spend(line, of, ...given.args);
    return limited(filter(of, given.args, given.kwargs), line);
  };

  const argumentsOf = (args: Arguments, scope: Scope): { args: Value[]; kwargs: Map<string, Value> } => {
    const kwargs = new Map<string, Value>();
    for (const [name, expression] of args.named) {
      const value = evaluate(expression, scope);
      if (name !== "**") kwargs.set(name, value);
      else if (value instanceof Map) { for (const [key, item] of value) kwargs.set(textOf(key), item); }
    }
    const positional = args.positional.flatMap(({ value, isSpread }) => {
      const one = evaluate(value, scope);
      return isSpread ? itemsOf(one) : [one];
    });
    return { args: positional, kwargs };
  };

  return {
    start,
    inner: render,
    render: (nodes, scope, watch) => {
      start();
      return render(nodes, scope, watch);
    },
    evaluate,
    macro,
  };
}

function present(value: Value, of: Expression, line: number): Value {
  if (value === undefined) throw new AppError("invalid", `line ${line}: ${nameOf(of)} is not known`);
  return value;
}

function nameOf(node: Expression): string {
  if (node.kind === "name") return node.name;
  if (node.kind === "attribute") return `${nameOf(node.of)}.${node.name}`;
  return node.kind === "call" ? `${nameOf(node.callee)}()` : "this value";
}
