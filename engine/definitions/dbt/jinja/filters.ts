import { methodOf, titleOf } from "./methods.ts";
import {
  argument,
  isEqual,
  isFunction,
  isObject,
  isTrue,
  isUnknown,
  itemsOf,
  plainOf,
  textOf,
  type Value,
} from "./values.ts";

/** Filters and tests of Jinja2, and those that dbt adds. */

type Filter = (of: Value, args: readonly Value[], kwargs: ReadonlyMap<string, Value>) => Value;

export const FILTERS: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  ["upper", (of) => textOf(of).toUpperCase()],
  ["lower", (of) => textOf(of).toLowerCase()],
  ["title", (of) => titleOf(textOf(of))],
  ["capitalize", (of) => textOf(of).charAt(0).toUpperCase() + textOf(of).slice(1).toLowerCase()],
  ["trim", (of, args) => methodOf(textOf(of), "strip")?.(args, new Map())],
  ["string", (of) => isUnknown(of) ? of : textOf(of)],
  ["safe", (of) => of],
  ["escape", (of) => textOf(of)],
  ["as_text", (of) => textOf(of)],
  ["as_bool", (of) => typeof of === "string" ? of.toLowerCase() === "true" : of],
  ["as_number", (of) => typeof of === "string" ? Number(of) : of],
  ["as_native", (of) => of],
  [
    "int",
    (of, args, kwargs) => Math.trunc(numberOf(of) ?? Number(argument(args, kwargs, 0, "default") ?? 0)),
  ],
  ["float", (of, args, kwargs) => numberOf(of) ?? Number(argument(args, kwargs, 0, "default") ?? 0)],
  ["abs", (of) => Math.abs(Number(of))],
  ["round", (of, [digits]) => Number(Number(of).toFixed(Number(digits ?? 0)))],
  ["length", (of) => of instanceof Map ? of.size : itemsOf(of).length],
  ["count", (of) => of instanceof Map ? of.size : itemsOf(of).length],
  ["list", (of) => [...itemsOf(of)]],
  ["first", (of) => itemsOf(of)[0]],
  ["last", (of) => itemsOf(of).at(-1)],
  ["reverse", (of) => typeof of === "string" ? Array.from(of).reverse().join("") : itemsOf(of).toReversed()],
  [
    "sum",
    (of, args, kwargs) =>
      picked(itemsOf(of), argument(args, kwargs, 0, "attribute")).reduce<number>(
        (sum, item) => sum + Number(item),
        0,
      ),
  ],
  ["min", (of) => itemsOf(of).toSorted(compare)[0]],
  ["max", (of) => itemsOf(of).toSorted(compare).at(-1)],
  ["join", (of, args, kwargs) =>
    picked(itemsOf(of), argument(args, kwargs, 1, "attribute")).map(textOf).join(
      textOf(argument(args, kwargs, 0, "d") ?? ""),
    )],
  ["default", (of, args, kwargs) => {
    const isEmpty = isTrue(argument(args, kwargs, 1, "boolean")) ? !isTrue(of) : of === undefined;
    return isEmpty ? argument(args, kwargs, 0, "default_value") ?? "" : of;
  }],
  ["d", (of, args) => of === undefined ? args[0] ?? "" : of],
  ["replace", (of, args) => methodOf(textOf(of), "replace")?.(args, new Map())],
  [
    "unique",
    // Texts and numbers, of which there may be many, are found at once.
    (of) =>
      [...new Set(itemsOf(of))].filter((item, at, all) =>
        typeof item !== "object" || all.findIndex((other) => isEqual(other, item)) === at
      ),
  ],
  ["sort", (of, args, kwargs) => {
    const attribute = kwargs.get("attribute");
    const sorted = itemsOf(of).toSorted((a, b) =>
      compare(attributeOf(a, attribute), attributeOf(b, attribute))
    );
    return isTrue(argument(args, kwargs, 0, "reverse")) ? sorted.reverse() : sorted;
  }],
  ["items", (of) => methodOf(of, "items")?.([], new Map()) ?? []],
  ["dictsort", (of) => of instanceof Map ? [...of].toSorted(([a], [b]) => compare(a, b)) : []],
  ["map", (of, args, kwargs) => {
    const attribute = kwargs.get("attribute");
    if (attribute !== undefined) return itemsOf(of).map((item) => attributeOf(item, attribute));
    const [name, ...rest] = args;
    const filter = FILTERS.get(textOf(name));
    return itemsOf(of).map((item) => filter?.(item, rest, kwargs));
  }],
  ["select", (of, args) => itemsOf(of).filter((item) => passes(item, args))],
  ["reject", (of, args) => itemsOf(of).filter((item) => !passes(item, args))],
  [
    "selectattr",
    (of, [name, ...test]) => itemsOf(of).filter((item) => passes(attributeOf(item, name), test)),
  ],
  [
    "rejectattr",
    (of, [name, ...test]) => itemsOf(of).filter((item) => !passes(attributeOf(item, name), test)),
  ],
  ["indent", (of, args, kwargs) => {
    const pad = " ".repeat(Math.min(Number(argument(args, kwargs, 0, "width") ?? 4), 1_000));
    const isFirst = isTrue(argument(args, kwargs, 1, "first"));
    return textOf(of).split("\n").map((line, at) => (at > 0 || isFirst) && line !== "" ? pad + line : line)
      .join("\n");
  }],
  ["tojson", (of) => JSON.stringify(plainOf(of))],
  ["wordcount", (of) => textOf(of).split(/\s+/).filter((word) => word !== "").length],
  ["batch", (of, [size]) => {
    const items = itemsOf(of);
    const length = Math.max(1, Number(size));
    return Array.from(
      { length: Math.ceil(items.length / length) },
      (_, at) => items.slice(at * length, (at + 1) * length),
    );
  }],
]);

export const TESTS: ReadonlyMap<string, (of: Value, args: readonly Value[]) => boolean> = new Map([
  ["defined", (of: Value) => of !== undefined],
  ["undefined", (of: Value) => of === undefined],
  ["none", (of: Value) => of === null],
  ["string", (of: Value) => typeof of === "string"],
  ["number", (of: Value) => typeof of === "number"],
  ["integer", (of: Value) => Number.isInteger(of)],
  ["float", (of: Value) => typeof of === "number" && !Number.isInteger(of)],
  ["boolean", (of: Value) => typeof of === "boolean"],
  ["true", (of: Value) => of === true],
  ["false", (of: Value) => of === false],
  ["mapping", (of: Value) => of instanceof Map],
  [
    "iterable",
    (of: Value) =>
      isObject(of) && of.items !== undefined || Array.isArray(of) || of instanceof Map ||
      typeof of === "string",
  ],
  ["sequence", (of: Value) => Array.isArray(of) || of instanceof Map || typeof of === "string"],
  ["callable", (of: Value) => isFunction(of)],
  ["odd", (of: Value) => Number(of) % 2 !== 0],
  ["even", (of: Value) => Number(of) % 2 === 0],
  ["divisibleby", (of: Value, [by]: readonly Value[]) => Number(of) % Number(by) === 0],
  ["upper", (of: Value) => textOf(of) === textOf(of).toUpperCase()],
  ["lower", (of: Value) => textOf(of) === textOf(of).toLowerCase()],
  ["in", (of: Value, [among]: readonly Value[]) => contains(among, of)],
  ...["eq", "equalto", "sameas", "=="].map((name) =>
    [name, (of: Value, [other]: readonly Value[]) => isEqual(of, other)] as const
  ),
  ...["ne", "!="].map((name) =>
    [name, (of: Value, [other]: readonly Value[]) => !isEqual(of, other)] as const
  ),
  ["gt", (of: Value, [other]: readonly Value[]) => compare(of, other) > 0],
  ["lt", (of: Value, [other]: readonly Value[]) => compare(of, other) < 0],
  ["ge", (of: Value, [other]: readonly Value[]) => compare(of, other) >= 0],
  ["le", (of: Value, [other]: readonly Value[]) => compare(of, other) <= 0],
]);

export function contains(among: Value, item: Value): boolean {
  if (typeof among === "string") return among.includes(textOf(item));
  if (among === undefined || among === null) return false;
  return itemsOf(among).some((other) => isEqual(other, item));
}

export function compare(a: Value, b: Value): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  const own = isObject(a) ? a.compareTo?.(b) : undefined;
  if (own !== undefined) return own;
  const [left, right] = [textOf(a), textOf(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** A value's attribute or item by its name. */
export function attributeOf(of: Value, name: Value): Value {
  if (name === undefined) return of;
  if (of instanceof Map && of.has(name)) return of.get(name);
  if (Array.isArray(of) && typeof name === "number") return of.at(name);
  if (isObject(of)) return of.get(textOf(name));
  return methodOf(of, textOf(name));
}

function passes(item: Value, [name, ...args]: readonly Value[]): boolean {
  return name === undefined ? isTrue(item) : TESTS.get(textOf(name))?.(item, args) ?? false;
}

const picked = (items: readonly Value[], attribute: Value): Value[] =>
  items.map((item) => attributeOf(item, attribute));

function numberOf(value: Value): number | undefined {
  const number = typeof value === "string" && value.trim() === "" ? NaN : Number(value);
  return Number.isNaN(number) ? undefined : number;
}
