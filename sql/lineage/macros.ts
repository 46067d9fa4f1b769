import { nameKey } from "../../contract/sql.ts";
import { type Node, textOf } from "./node.ts";
import type { Macro } from "./reader.ts";

/** A call of a macro with what each of its params is given; undefined for its default. */
export interface MacroCall {
  readonly statement: Macro["statement"];
  readonly given: ReadonlyMap<string, Node | undefined>;
}

/** Which of a name's macros is called, and with what; undefined where none takes the arguments. */
export function macroArguments(
  macros: readonly Macro[],
  kind: Macro["kind"],
  children: readonly Node[],
): MacroCall | undefined {
  const keys = (macro: Macro) => macro.params.map(nameKey);
  const fitting = macros.filter((macro) => macro.kind === kind && macro.params.length >= children.length)
    .toSorted((one, other) => one.params.length - other.params.length);
  for (const macro of fitting) {
    const given = new Map<string, Node | undefined>(keys(macro).map((param) => [param, undefined]));
    const free = keys(macro);
    for (const child of children) {
      const named = textOf(child["alias"]);
      const param = named === undefined ? free.shift() : nameKey(named);
      if (param !== undefined && given.has(param)) given.set(param, child);
    }
    return { statement: macro.statement, given };
  }
  return undefined;
}
