import { AppError } from "../../../../contract/errors.ts";
import { createJinja, type Jinja, returnValue, type Scope, scopeOf, type Watch } from "../jinja/evaluate.ts";
import type { Node } from "../jinja/ast.ts";
import { parseTemplate } from "../jinja/parser.ts";
import {
  argument,
  isObject,
  itemsOf,
  type JinjaFunction,
  type JinjaObject,
  textOf,
  type Value,
  valueOf,
} from "../jinja/values.ts";
import { faultOf, type Findings } from "../findings.ts";
import { DBT_MACROS } from "../macros/dbt_macros.ts";
import { UTILS_MACROS } from "../macros/utils_macros.ts";
import type { DbtProject, Dict } from "../project/read_project.ts";

/** The names that dbt gives a template, for SQL that is to run in DuckDB without dbt. */

/** What names in SQL become. */
export interface Names {
  /** The name in SQL of a model, seed or snapshot; undefined where there is none. */
  reference(name: string, version: string | undefined): string | undefined;
  /** The stream of a table of a source. */
  source(source: string, table: string): string | undefined;
}

export interface Rendering {
  /** In findings. */
  readonly file: string;
  readonly text: string;
  /** The model's own name. */
  readonly name: string;
  readonly settings: Dict;
  readonly isIncremental: boolean;
  /** Names in SQL that a WITH of this text has as well: the table is named with its schema then. */
  readonly taken: (name: string) => boolean;
}

export interface Rendered {
  readonly sql: string;
  /** What `config()` was given. */
  readonly config: Dict;
  readonly sources: ReadonlySet<string>;
  readonly references: ReadonlySet<string>;
}

export interface Context {
  /** Throws `invalid`, with the line in front, for what does not work. */
  render(rendering: Rendering): Rendered;
  /** A text of YAML that may have a template in it. */
  renderText(text: string, file: string): string;
  /** A description; as it is written where its template does not work. */
  describe(text: string): string;
  /** A generic test's SQL: its macro with these arguments. Undefined where there is no such macro. */
  renderTest(name: string, args: ReadonlyMap<string, Value>, rendering: Rendering): Rendered | undefined;
}

/** Marks in rendered text, which no SQL has. */
export const MARKS = {
  variable: ["\uE000", "\uE001", "\uE002"],
  branch: ["\uE010", "\uE011"],
  self: "\uE020",
} as const;

export function relation(text: string, name: string): JinjaObject {
  const self: JinjaObject = {
    get(key) {
      if (["identifier", "name", "table", "alias"].includes(key)) return name;
      if (key === "schema" || key === "database") return text.startsWith("raw.") ? "raw" : "main";
      if (key === "type") return "table";
      if (["include", "quote", "render", "without_identifier"].includes(key)) return () => self;
      return undefined;
    },
    text: () => text,
  };
  return self;
}

/** Files of macros that cannot be read are findings. */
export function createContext(
  project: DbtProject,
  names: Names,
  vars: Dict,
  findings: Findings,
): Context {
  const jinja = createJinja();
  const root = scopeOf(undefined);
  const tests = loadMacros(project, jinja, root, findings);
  const docs = docTexts(project);
  const state = { current: undefined as Rendering | undefined };
  const seen = {
    sources: new Set<string>(),
    references: new Set<string>(),
    config: new Map<string, Value>(),
  };
  const file = () => state.current?.file ?? "dbt_project.yml";
  const set = (entries: Readonly<Record<string, Value>>) => {
    for (const [name, value] of Object.entries(entries)) root.names.set(name, value);
  };
  const ref: JinjaFunction = (args, kwargs) => {
    const name = textOf(args.length > 1 ? args[1] : args[0]);
    const version = kwargs.get("v") ?? kwargs.get("version");
    const found = names.reference(name, version === undefined ? undefined : textOf(version));
    if (found === undefined) {
      throw new AppError("invalid", `ref('${name}'): there is no such model, seed or snapshot`);
    }
    seen.references.add(found);
    return relation(state.current?.taken(found) === false ? found : `main.${found}`, found);
  };
  const source: JinjaFunction = ([of, table]) => {
    const found = names.source(textOf(of), textOf(table));
    if (found === undefined) {
      throw new AppError(
        "invalid",
        `source('${textOf(of)}', '${textOf(table)}'): no YAML file describes this table`,
      );
    }
    seen.sources.add(found);
    return relation(`raw.${found}`, found);
  };
  const variable: JinjaObject = {
    get: (key) => key === "has_var" ? ([name]) => Object.hasOwn(vars, textOf(name)) : undefined,
    text: () => "var",
    call: (args, kwargs) => {
      const name = textOf(args[0]);
      if (Object.hasOwn(vars, name)) return valueOf(vars[name]);
      const otherwise = argument(args, kwargs, 1, "default");
      if (otherwise === undefined) {
        throw new AppError("invalid", `var('${name}') has no value: give it one, as --vars '{${name}: …}'`);
      }
      return otherwise;
    },
  };
  const config: JinjaObject = {
    get: (key) =>
      key === "get" || key === "require"
        ? (args, kwargs) => {
          const name = textOf(args[0]);
          const given = seen.config.get(name) ?? valueOf(state.current?.settings[name]);
          return given ?? argument(args, kwargs, 1, "default") ?? null;
        }
        : () => "",
    text: () => "",
    call: (args, kwargs) => {
      const [given] = args;
      if (given instanceof Map) { for (const [key, value] of given) seen.config.set(textOf(key), value); }
      for (const [key, value] of kwargs) seen.config.set(key, value);
      return "";
    },
  };
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
  const raise: JinjaFunction = ([message]) => {
    throw new AppError("invalid", `the project's own macro says: ${textOf(message)}`);
  };
  const asks = (what: string): JinjaFunction => () => {
    throw new AppError(
      "invalid",
      `${what} asks the database while dbt compiles: write what it gives into the SQL`,
    );
  };
  const dispatch: JinjaFunction = (args, kwargs) => {
    const name = textOf(args[0]);
    for (const adapter of ["duckdb", "default", "postgres", "redshift", "snowflake"]) {
      const found = root.names.get(`${adapter}__${name}`);
      if (typeof found === "function") return found;
    }
    const packageName = textOf(argument(args, kwargs, 1, "macro_namespace") ?? "");
    const builtIn = root.names.get(packageName);
    const value = builtIn instanceof Map ? builtIn.get(name) : root.names.get(name);
    if (typeof value === "function") return value;
    throw new AppError(
      "invalid",
      `adapter.dispatch('${name}'): no macro is for DuckDB, and none is the default`,
    );
  };
  set({
    ref,
    source,
    var: variable,
    config,
    env_var: environment,
    return: returnValue,
    execute: true,
    run_query: asks("run_query()"),
    statement: asks("statement()"),
    load_result: asks("load_result()"),
    is_incremental: () => state.current?.isIncremental === true,
    log: () => "",
    print: () => "",
    namespace: (args, kwargs) => namespaceOf(args[0], kwargs),
    range: (args) => rangeOf(args.map(Number)),
    zip: (args) => itemsOf(args[0]).map((_, at) => args.map((list) => itemsOf(list)[at])),
    set: ([items]) => [...new Set(itemsOf(items))],
    tojson: ([value]) => JSON.stringify(value),
    dict: (_, kwargs) => new Map(kwargs),
    exceptions: new Map<Value, Value>([
      ["raise_compiler_error", raise],
      ["warn", () => ""],
    ]),
    adapter: new Map<Value, Value>([
      ["dispatch", dispatch],
      ["type", () => "duckdb"],
      ["quote", ([name]) => `"${textOf(name)}"`],
      ["get_columns_in_relation", asks("adapter.get_columns_in_relation()")],
      ["get_relation", asks("adapter.get_relation()")],
    ]),
    api: new Map<Value, Value>([
      ["Column", new Map<Value, Value>([["translate_type", ([name]) => textOf(name)]])],
    ]),
    target: targetOf(project),
    flags: new Map<Value, Value>([["FULL_REFRESH", false], ["WHICH", "run"]]),
    invocation_id: "",
    run_started_at: relation("getvariable('run_start')", "run_started_at"),
    project_name: project.root.name,
    doc: (args) => docs.get(textOf(args.at(-1))) ?? "",
    modules: new Map<Value, Value>(),
    graph: new Map<Value, Value>([["nodes", new Map<Value, Value>()]]),
  });

  const watchOf = ({ isIncremental }: Rendering): Watch => ({
    output: (expression, value) => {
      const isVariable = expression.kind === "call" && expression.callee.kind === "name" &&
        expression.callee.name === "var";
      const [name] = isVariable ? expression.args.positional : [];
      if (name?.value.kind !== "literal" || typeof value === "object") return undefined;
      const [open, middle, close] = MARKS.variable;
      return `${open}${name.value.value}${middle}${textOf(value)}${close}`;
    },
    branch: (test, body, hasOthers) => {
      const isPlain = isIncremental && !hasOthers && test.kind === "call" && test.callee.kind === "name" &&
        test.callee.name === "is_incremental";
      return isPlain ? `${MARKS.branch[0]}${body}${MARKS.branch[1]}` : body;
    },
  });
  const within = (rendering: Rendering, work: (scope: Scope) => string): Rendered => {
    state.current = rendering;
    seen.sources = new Set();
    seen.references = new Set();
    seen.config = new Map();
    const text = rendering.isIncremental ? MARKS.self : rendering.name;
    set({
      this: relation(text, rendering.name),
      model: new Map<Value, Value>([["name", rendering.name], ["alias", rendering.name]]),
    });
    const sql = work(scopeOf(root));
    const config = Object.fromEntries([...seen.config].map(([key, value]) => [key, plain(value)]));
    return { sql, config, sources: seen.sources, references: seen.references };
  };
  return {
    render: (rendering) =>
      within(rendering, (scope) => jinja.render(parseTemplate(rendering.text), scope, watchOf(rendering))),
    renderText: (text, path) => {
      if (!/\{[{%]/.test(text)) return text;
      const rendering = {
        file: path,
        text,
        name: "",
        settings: {},
        isIncremental: false,
        taken: () => false,
      };
      return within(rendering, (scope) => jinja.render(parseTemplate(text), scope)).sql;
    },
    describe(text) {
      try {
        return this.renderText(text, "");
      } catch {
        return text;
      }
    },
    renderTest: (name, args, rendering) => {
      const test = tests.get(name);
      return test === undefined ? undefined : within(rendering, () => textOf(test([], args)));
    },
  };
}

/** All macros by their bare names, those of packages by the package's name too; generic tests on their own. */
function loadMacros(
  project: DbtProject,
  jinja: Jinja,
  root: Scope,
  findings: Findings,
): ReadonlyMap<string, JinjaFunction> {
  const tests = new Map<string, JinjaFunction>();
  for (const [name, value] of Object.entries(DBT_MACROS)) root.names.set(name, value);
  root.names.set("dbt", new Map(Object.entries(DBT_MACROS)));
  const files = [
    ...project.files.macros,
    ...project.files.tests.filter(({ text }) => /\{%-?\s*(?:data_)?test\b/.test(text)),
  ];
  for (const { package: { name: packageName }, path, text } of files) {
    // Its macros are written for the database that dbt asks while it compiles.
    let nodes: readonly Node[];
    try {
      nodes = parseTemplate(text);
    } catch (error) {
      const { message, line } = faultOf(error);
      findings.hand(path, `the macros of this file are left out: ${message}`, line);
      continue;
    }
    for (const node of nodes) {
      if (node.kind !== "macro") continue;
      const value = jinja.macro(node, root);
      if (node.isTest) tests.set(node.name, value);
      else {
        root.names.set(node.name, value);
        const known = root.names.get(packageName);
        const members = known instanceof Map ? known : new Map<Value, Value>();
        members.set(node.name, value);
        root.names.set(packageName, members);
      }
    }
  }
  const known = root.names.get("dbt_utils");
  const installed = known instanceof Map ? known : new Map<Value, Value>();
  root.names.set("dbt_utils", new Map<Value, Value>([...installed, ...Object.entries(UTILS_MACROS)]));
  return tests;
}

const DOCS = /\{%-?\s*docs\s+(\w+)\s*-?%\}([\s\S]*?)\{%-?\s*enddocs\s*-?%\}/g;

const docTexts = ({ docs }: DbtProject): ReadonlyMap<string, string> =>
  new Map(
    docs.flatMap(({ text }) =>
      [...text.matchAll(DOCS)].map(([, name = "", body = ""]) => [name, body.trim()])
    ),
  );

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

function targetOf({ root, profiles }: DbtProject): Value {
  const profile = profiles[String(root.settings["profile"])];
  const target = typeof profile === "object" && profile !== null && "target" in profile
    ? profile.target
    : undefined;
  return new Map<Value, Value>([
    ["name", typeof target === "string" ? target : "prod"],
    ["type", "duckdb"],
    ["schema", "main"],
    ["dataset", "main"],
    ["database", "main"],
    ["project", "main"],
    ["profile_name", root.name],
    ["threads", 1],
  ]);
}

function plain(value: Value): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([key, item]) => [textOf(key), plain(item)]));
  }
  return isObject(value) || typeof value === "function" ? textOf(value) : value;
}
