import { AppError } from "../../../../contract/errors.ts";
import {
  argument,
  isEqual,
  itemsOf,
  type JinjaFunction,
  MAX_ITEMS,
  MAX_TEXT,
  textOf,
  type Value,
} from "./values.ts";

/** The methods of Python's texts, lists and dicts that templates call. */

type Method<T> = (of: T, args: readonly Value[], kwargs: ReadonlyMap<string, Value>) => Value;

const trimmed = (text: string, letters: Value, ends: "both" | "start" | "end"): string => {
  const isOff = (letter: string) =>
    typeof letters === "string" ? letters.includes(letter) : letter.trim() === "";
  let [from, to] = [0, text.length];
  if (ends !== "end") { while (from < to && isOff(text.charAt(from))) from++; }
  if (ends !== "start") { while (to > from && isOff(text.charAt(to - 1))) to--; }
  return text.slice(from, to);
};

const TEXT_METHODS: Readonly<Record<string, Method<string>>> = {
  upper: (text) => text.toUpperCase(),
  lower: (text) => text.toLowerCase(),
  title: (text) => titleOf(text),
  capitalize: (text) => text.charAt(0).toUpperCase() + text.slice(1).toLowerCase(),
  strip: (text, [letters]) => trimmed(text, letters, "both"),
  lstrip: (text, [letters]) => trimmed(text, letters, "start"),
  rstrip: (text, [letters]) => trimmed(text, letters, "end"),
  startswith: (text, [start]) => startsOf(start).some((one) => text.startsWith(one)),
  endswith: (text, [end]) => startsOf(end).some((one) => text.endsWith(one)),
  replace: (text, [old, to]) => text.replaceAll(textOf(old), () => textOf(to)),
  split: (text, [separator]) =>
    separator === undefined || separator === null
      ? text.trim().split(/\s+/).filter((part) => part !== "")
      : text.split(textOf(separator)),
  join: (text, [items]) => itemsOf(items).map(textOf).join(text),
  find: (text, [part]) => text.indexOf(textOf(part)),
  count: (text, [part]) => text.split(textOf(part)).length - 1,
  zfill: (text, [width]) => text.padStart(Math.min(Number(width), MAX_TEXT), "0"),
  isdigit: (text) => /^\d+$/.test(text),
  isnumeric: (text) => /^\d+$/.test(text),
  isalpha: (text) => /^\p{L}+$/u.test(text),
  format: (text, args, kwargs) => {
    let next = 0;
    return text.replace(
      /\{(\w*)(?::[^}]*)?\}/g,
      (_, name: string) =>
        textOf(name === "" ? args[next++] : /^\d+$/.test(name) ? args[Number(name)] : kwargs.get(name)),
    );
  },
};

const startsOf = (value: Value): string[] => Array.isArray(value) ? value.map(textOf) : [textOf(value)];

export const titleOf = (text: string): string =>
  text.toLowerCase().replace(/\p{L}+/gu, (word) => word.charAt(0).toUpperCase() + word.slice(1));

const LIST_METHODS: Readonly<Record<string, Method<Value[]>>> = {
  append: (list, [item]) => {
    if (list.length >= MAX_ITEMS) throw new AppError("invalid", `a list has more than ${MAX_ITEMS} items`);
    list.push(item);
    return null;
  },
  extend: (list, [items]) => {
    const added = itemsOf(items);
    if (list.length + added.length > MAX_ITEMS) {
      throw new AppError("invalid", `a list has more than ${MAX_ITEMS} items`);
    }
    for (const item of [...added]) list.push(item);
    return null;
  },
  insert: (list, [at, item]) => {
    list.splice(Number(at), 0, item);
    return null;
  },
  remove: (list, [item]) => {
    const at = list.findIndex((other) => isEqual(other, item));
    if (at !== -1) list.splice(at, 1);
    return null;
  },
  pop: (list, [at]) => list.splice(at === undefined ? list.length - 1 : Number(at), 1)[0],
  index: (list, [item]) => list.findIndex((other) => isEqual(other, item)),
  count: (list, [item]) => list.filter((other) => isEqual(other, item)).length,
  reverse: (list) => {
    list.reverse();
    return null;
  },
  copy: (list) => [...list],
};

const DICT_METHODS: Readonly<Record<string, Method<Map<Value, Value>>>> = {
  items: (dict) => [...dict].map(([key, item]) => [key, item]),
  keys: (dict) => [...dict.keys()],
  values: (dict) => [...dict.values()],
  get: (dict, args, kwargs) => {
    const key = args[0];
    return dict.has(key) ? dict.get(key) : argument(args, kwargs, 1, "default") ?? null;
  },
  update: (dict, [other], kwargs) => {
    if (other instanceof Map) { for (const [key, item] of other) dict.set(key, item); }
    for (const [key, item] of kwargs) dict.set(key, item);
    return null;
  },
  pop: (dict, [key, otherwise]) => {
    const found = dict.has(key) ? dict.get(key) : otherwise;
    dict.delete(key);
    return found;
  },
  setdefault: (dict, [key, item]) => {
    if (!dict.has(key)) dict.set(key, item ?? null);
    return dict.get(key);
  },
  copy: (dict) => new Map(dict),
};

/** The method bound to its value; undefined where there is none of this name. */
export function methodOf(of: Value, name: string): JinjaFunction | undefined {
  const bind = <T>(methods: Readonly<Record<string, Method<T>>>, to: T): JinjaFunction | undefined => {
    const method = Object.hasOwn(methods, name) ? methods[name] : undefined;
    return method === undefined ? undefined : (args, kwargs) => method(to, args, kwargs);
  };
  if (typeof of === "string") return bind(TEXT_METHODS, of);
  if (Array.isArray(of)) return bind(LIST_METHODS, of);
  return of instanceof Map ? bind(DICT_METHODS, of) : undefined;
}
