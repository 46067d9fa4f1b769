import { type JinjaFunction, textOf, type Value } from "../jinja/values.ts";

/** A macro of a package, written here: its parameters in their order, and what it gives. */
export function macro(parameters: readonly string[], body: (...values: Value[]) => Value): JinjaFunction {
  return (args, kwargs) =>
    body(...parameters.map((name, at) => at < args.length ? args[at] : kwargs.get(name)));
}

/** The same where all its arguments are SQL. */
export function sqlMacro(parameters: readonly string[], body: (...sql: string[]) => string): JinjaFunction {
  return macro(parameters, (...values) => body(...values.map(textOf)));
}
