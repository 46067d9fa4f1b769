import { AppError } from "../../../../contract/errors.ts";

/** Values of a template, as Python has them: `undefined` is what has no value, `null` is None, a Map is a dict. */
export type Value =
  | undefined
  | null
  | boolean
  | number
  | string
  | Value[]
  | Map<Value, Value>
  | JinjaFunction
  | JinjaObject;

export type JinjaFunction = (args: readonly Value[], kwargs: ReadonlyMap<string, Value>) => Value;

/** What has names of its own, as a relation or a namespace. */
export interface JinjaObject {
  get(name: string): Value;
  /** Only a namespace can be written to. */
  set?(name: string, value: Value): void;
  /** Of what is a function as well. */
  readonly call?: JinjaFunction;
  /** What `+` and `-` make of it and another value; undefined where they make nothing. */
  plus?(other: Value, sign: 1 | -1): Value;
  /** Below, at or above zero; undefined where the two cannot be compared. */
  compareTo?(other: Value): number | undefined;
  /** Of what is a list as well. */
  items?(): Value[];
  /** Of what can be sliced. */
  slice?(start: number | undefined, stop: number | undefined): Value;
  /** Whether the database alone knows it: nothing can be computed from it. */
  readonly isUnknown?: boolean;
  text(): string;
}

export const isFunction = (value: Value): value is JinjaFunction => typeof value === "function";

export function isObject(value: Value): value is JinjaObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Map);
}

/** Letters of a text that a template may make. */
export const MAX_TEXT = 20_000_000;
/** Items of a list that it may make. */
export const MAX_ITEMS = 1_000_000;
/** Values inside of one another, and in all: a list may hold another one many times, or itself. */
const MAX_NESTED = 100;
const MAX_PARTS = 1_000_000;

/** Counts the parts of one value. */
interface Parts {
  left: number;
}

function enter(parts: Parts, depth: number): void {
  if (depth > MAX_NESTED || --parts.left < 0) {
    throw new AppError("invalid", "a list or dict has itself inside, or too much");
  }
}

const allParts = (): Parts => ({ left: MAX_PARTS });

/** As Python's `str()` writes it; what has no value is an empty text, as Jinja prints it. */
export function textOf(value: Value): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : reprOf(value, allParts(), 0);
}

function reprOf(value: Value, parts: Parts, depth: number): string {
  enter(parts, depth);
  if (value === undefined) return "Undefined";
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return value.includes("'") ? JSON.stringify(value) : `'${value}'`;
  const inner = (item: Value) => reprOf(item, parts, depth + 1);
  if (Array.isArray(value)) return `[${value.map(inner).join(", ")}]`;
  if (value instanceof Map) {
    return `{${[...value].map(([key, item]) => `${inner(key)}: ${inner(item)}`).join(", ")}}`;
  }
  return isFunction(value) ? "<function>" : value.text();
}

export const isUnknown = (value: Value): boolean => isObject(value) && value.isUnknown === true;

export function isTrue(value: Value): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Map) return value.size > 0;
  if (isObject(value) && value.items !== undefined) return value.items().length > 0;
  return Boolean(value);
}

export function isEqual(a: Value, b: Value, parts = allParts(), depth = 0): boolean {
  if (a === b) return true;
  enter(parts, depth);
  if (typeof a === "boolean" && typeof b === "number") return Number(a) === b;
  if (typeof a === "number" && typeof b === "boolean") return a === Number(b);
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isEqual(item, b[index], parts, depth + 1));
  }
  if (a instanceof Map && b instanceof Map) {
    return a.size === b.size &&
      [...a].every(([key, item]) => b.has(key) && isEqual(item, b.get(key), parts, depth + 1));
  }
  if (isObject(a) && typeof b === "string") return a.text() === b;
  if (isObject(b) && typeof a === "string") return b.text() === a;
  return false;
}

/** The items of a list, the keys of a dict, the letters of a text. Throws `invalid` for what has none. */
export function itemsOf(value: Value): Value[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value;
  if (value instanceof Map) return [...value.keys()];
  if (typeof value === "string") return Array.from(value);
  if (isObject(value) && value.items !== undefined) return value.items();
  throw new AppError("invalid", `${textOf(value)} is no list`);
}

/** JSON or YAML as a template has it. */
export function valueOf(input: unknown): Value {
  if (Array.isArray(input)) return input.map(valueOf);
  if (input instanceof Date) return input.toISOString().slice(0, 10);
  if (typeof input === "object" && input !== null) {
    return new Map(Object.entries(input).map(([key, item]) => [key, valueOf(item)]));
  }
  return typeof input === "string" || typeof input === "number" || typeof input === "boolean"
    ? input
    : input === undefined
    ? undefined
    : null;
}

/** The other way round, for YAML; objects and functions as their text. */
export function plainOf(value: Value, parts = allParts(), depth = 0): unknown {
  enter(parts, depth);
  if (Array.isArray(value)) return value.map((item) => plainOf(item, parts, depth + 1));
  if (value instanceof Map) {
    return Object.fromEntries(
      [...value].map(([key, item]) => [textOf(key), plainOf(item, parts, depth + 1)]),
    );
  }
  return isFunction(value) || isObject(value) ? textOf(value) : value;
}

/** The argument by its place or its name. */
export function argument(
  args: readonly Value[],
  kwargs: ReadonlyMap<string, Value>,
  index: number,
  name: string,
): Value {
  return index < args.length ? args[index] : kwargs.get(name);
}
