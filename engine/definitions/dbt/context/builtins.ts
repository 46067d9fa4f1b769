import { parse as parseYaml } from "yaml";
import { AppError } from "../../../../contract/errors.ts";
import type { Findings } from "../findings.ts";
import {
  argument,
  itemsOf,
  type JinjaFunction,
  type JinjaObject,
  plainOf,
  textOf,
  type Value,
  valueOf,
} from "../jinja/values.ts";
import type { DbtProject, Dict } from "../project/read_project.ts";
import { databaseOf, targetOf, targetSchemaOf } from "../project/target.ts";
import { type Moment, momentValue, pythonModules } from "./moments.ts";
import { columnValue } from "./adapter.ts";
import { MARKS, type RenderingState } from "./rendering.ts";
import { relation } from "./relations.ts";

/** The names that dbt gives every template, apart from tables and the adapter. */

export interface BuiltinWork {
  readonly project: DbtProject;
  readonly vars: Dict;
  readonly state: RenderingState;
  readonly findings: Findings;
  readonly docs: ReadonlyMap<string, string>;
  /** When the import runs. */
  readonly now: Moment;
  /** A text with a template in it, of the file that is rendered. */
  renderText(text: string): string;
}

export function builtinNames(work: BuiltinWork): Readonly<Record<string, Value>> {
  const { project, vars, state, findings, docs } = work;
  const file = () => state.current?.file ?? "dbt_project.yml";
  const environment: JinjaFunction = (args, kwargs) => {
    const otherwise = argument(args, kwargs, 1, "default");
    const name = textOf(args[0]);
    if (otherwise === undefined) {
      throw new AppError(
        "invalid",
        `env_var('${name}') has no default, and values of an environment are not copied`,
      );
    }
    findings.note(file(), `env_var('${name}') is written as its default, ${textOf(otherwise)}`);
    return otherwise;
  };
  const onNow = () =>
    findings.hand(
      file(),
      "what the template makes of the present time is that of the import: ask now() in SQL",
    );
  const raise: JinjaFunction = ([message]) => {
    throw new AppError("invalid", `the project's own macro says: ${textOf(message)}`);
  };
  const warn: JinjaFunction = ([message]) => {
    findings.note(file(), `the project's own macro says: ${textOf(message).trim()}`);
    return "";
  };
  return {
    var: variableFunction(vars, work.renderText),
    config: configFunction(state),
    env_var: environment,
    execute: true,
    is_incremental: () => state.current?.isIncremental === true,
    should_full_refresh: () => state.current?.isIncremental !== true,
    log: () => "",
    print: () => "",
    debug: () => "",
    namespace: (args, kwargs) => namespaceOf(args[0], kwargs),
    range: (args) => rangeOf(args.map(Number)),
    zip: (args) => itemsOf(args[0]).map((_, at) => args.map((list) => itemsOf(list)[at])),
    zip_strict: (args) => itemsOf(args[0]).map((_, at) => args.map((list) => itemsOf(list)[at])),
    set: ([items]) => [...new Set(itemsOf(items))],
    set_strict: ([items]) => [...new Set(itemsOf(items))],
    dict: ([entries], kwargs) => dictOf(entries, kwargs),
    tojson: ([value]) => JSON.stringify(plainOf(value)),
    fromjson: parsed((text) => JSON.parse(text)),
    toyaml: ([value]) => JSON.stringify(plainOf(value)),
    fromyaml: parsed((text) => parseYaml(text, { maxAliasCount: 100 })),
    as_bool: ([value]) => value,
    exceptions: new Map<Value, Value>([
      ["raise_compiler_error", raise],
      ["warn", warn],
      ["raise_not_implemented", raise],
    ]),
    api: apiValue(),
    target: targetValue(project),
    flags: new Map<Value, Value>([["FULL_REFRESH", false], ["WHICH", "run"]]),
    invocation_id: "",
    dbt_version: "1.10.0",
    run_started_at: momentValue(work.now, `${MARKS.runStart.join("")}`, false, onNow),
    project_name: project.root.name,
    doc: (args) => docs.get(textOf(args.at(-1))) ?? "",
    modules: pythonModules(work.now, onNow),
    graph: new Map<Value, Value>([["nodes", new Map<Value, Value>()], ["sources", new Map<Value, Value>()]]),
  };
}

/** A value that is a template itself is worked out, as dbt does. */
function variableFunction(vars: Dict, renderText: (text: string) => string): JinjaObject {
  return {
    get: (key) => key === "has_var" ? ([name]) => Object.hasOwn(vars, textOf(name)) : undefined,
    text: () => "var",
    call: (args, kwargs) => {
      const name = textOf(args[0]);
      if (Object.hasOwn(vars, name)) {
        const value = vars[name];
        return typeof value === "string" && /\{[{%]/.test(value) ? renderText(value) : valueOf(value);
      }
      const otherwise = argument(args, kwargs, 1, "default");
      if (otherwise === undefined) {
        throw new AppError("invalid", `var('${name}') has no value: give it one, as --vars '{${name}: …}'`);
      }
      return otherwise;
    },
  };
}

function configFunction(state: RenderingState): JinjaObject {
  return {
    get: (key) =>
      key === "get" || key === "require"
        ? (args, kwargs) => {
          const name = textOf(args[0]);
          const given = state.config.get(name) ?? valueOf(state.current?.settings[name]);
          return given ?? argument(args, kwargs, 1, "default") ?? null;
        }
        : () => "",
    text: () => "",
    call: (args, kwargs) => {
      const [given] = args;
      if (given instanceof Map) { for (const [key, value] of given) state.config.set(textOf(key), value); }
      for (const [key, value] of kwargs) state.config.set(key, value);
      return "";
    },
  };
}

const parsed = (parse: (text: string) => unknown): JinjaFunction => (args, kwargs) => {
  try {
    return valueOf(parse(textOf(args[0])));
  } catch {
    return argument(args, kwargs, 1, "default") ?? null;
  }
};

function dictOf(entries: Value, kwargs: ReadonlyMap<string, Value>): Value {
  const pairs: (readonly [Value, Value])[] = entries instanceof Map
    ? [...entries]
    : itemsOf(entries).map((pair) => {
      const [key, value] = itemsOf(pair);
      return [key, value];
    });
  return new Map<Value, Value>([...pairs, ...kwargs]);
}

function apiValue(): Value {
  const create: JinjaFunction = (_, kwargs) => {
    const schema = textOf(kwargs.get("schema") ?? "main");
    const identifier = textOf(kwargs.get("identifier") ?? "");
    return relation(schema === "" ? identifier : `${schema}.${identifier}`, { schema, identifier });
  };
  return new Map<Value, Value>([
    [
      "Column",
      new Map<Value, Value>([
        ["translate_type", ([name]: readonly Value[]) => textOf(name)],
        ["create", ([name, type]: readonly Value[]) => columnValue(textOf(name), textOf(type))],
      ]),
    ],
    ["Relation", new Map<Value, Value>([["create", create]])],
  ]);
}

function namespaceOf(given: Value, kwargs: ReadonlyMap<string, Value>): JinjaObject {
  const values = new Map<string, Value>(kwargs);
  if (given instanceof Map) { for (const [key, value] of given) values.set(textOf(key), value); }
  return {
    get: (name) => values.get(name),
    set: (name, value) => {
      values.set(name, value);
    },
    text: () => "namespace",
  };
}

const MAX_RANGE = 100_000;

function rangeOf(numbers: readonly number[]): Value[] {
  const [first = 0, second, step = 1] = numbers;
  const [from, to] = second === undefined ? [0, first] : [first, second];
  const length = Math.max(0, Math.ceil((to - from) / step));
  if (!(length <= MAX_RANGE)) throw new AppError("invalid", `range() has more than ${MAX_RANGE} numbers`);
  return Array.from({ length }, (_, at) => from + at * step);
}

function targetValue(project: DbtProject): Value {
  const { name = "prod", output = {} } = targetOf(project) ?? {};
  const database = databaseOf(output);
  const schema = targetSchemaOf(project) ?? "main";
  return new Map<Value, Value>([
    ["name", name],
    ["type", "duckdb"],
    ["schema", schema],
    ["dataset", schema],
    ["database", database],
    ["project", database],
    ["profile_name", project.root.name],
    ["threads", 1],
  ]);
}
