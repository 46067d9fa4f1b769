import { faultOf, type Findings } from "../findings.ts";
import type { Node } from "../jinja/ast.ts";
import { type Jinja, type Scope, scopeOf } from "../jinja/evaluate.ts";
import { parseTemplate } from "../jinja/parser.ts";
import type { JinjaFunction, Value } from "../jinja/values.ts";
import { DBT_MACROS } from "../macros/dbt_macros.ts";
import { PACKAGE_MACROS } from "../macros/package_macros.ts";
import type { DbtProject } from "../project/read_project.ts";

/** Macros, generic tests and documentation that the files of a dbt project define. */

export interface LoadedMacros {
  /** The names that a text of the package sees: its own macros before all others. */
  scopeOf(packageName: string): Scope;
  /** Generic tests by their bare names; those of a package by `package.name` too. */
  readonly tests: ReadonlyMap<string, JinjaFunction>;
}

/**
 * `utils` are macros of dbt_utils that ask the database. Puts all macros into `global`, which has the names of dbt: those of packages by `package.name`, and by their bare names
 * where nothing else has them. Files that cannot be read are findings.
 */
export function loadMacros(
  project: DbtProject,
  jinja: Jinja,
  global: Scope,
  findings: Findings,
  utils: Readonly<Record<string, JinjaFunction>>,
): LoadedMacros {
  const tests = new Map<string, JinjaFunction>();
  for (const [name, value] of Object.entries(DBT_MACROS)) global.names.set(name, value);
  global.names.set("dbt", new Map(Object.entries(DBT_MACROS)));
  const taken = new Set(global.names.keys());
  const scopes = new Map<string, Scope>();
  const scopeFor = (name: string): Scope => {
    const scope = scopes.get(name) ?? scopeOf(global);
    scopes.set(name, scope);
    return scope;
  };
  const files = [
    ...project.files.macros,
    ...project.files.tests.filter(({ text }) => isGenericTest(text)),
  ];
  for (const { package: of, path, text } of files) {
    let nodes: readonly Node[];
    try {
      nodes = parseTemplate(text);
    } catch (error) {
      const { message, line } = faultOf(error);
      findings.hand(path, `the macros of this file are left out: ${message}`, line);
      continue;
    }
    const scope = scopeFor(of.name);
    for (const node of nodes) {
      if (node.kind !== "macro") continue;
      const value = jinja.macro(node, scope, path);
      if (node.isTest) {
        tests.set(node.name, value);
        tests.set(`${of.name}.${node.name}`, value);
      }
      // dbt itself calls a generic test so.
      const name = node.isTest ? `test_${node.name}` : node.name;
      scope.names.set(name, value);
      // The project's own come last, and may stand in for those of dbt.
      if (of === project.root || !taken.has(name)) global.names.set(name, value);
    }
  }
  for (const [name, scope] of scopes) global.names.set(name, new Map(scope.names));
  for (const [name, macros] of Object.entries(PACKAGE_MACROS)) {
    const written = name === "dbt_utils" ? { ...macros, ...utils } : macros;
    const installed = global.names.get(name);
    const own = installed instanceof Map ? installed : new Map<Value, Value>();
    // Where the package itself has one for DuckDB, that is the one.
    const others = Object.entries(written).filter(([key]) => !own.has(`duckdb__${key}`));
    if (name === "dbt_utils" || own.size > 0) {
      global.names.set(name, new Map<Value, Value>([...own, ...others]));
    }
  }
  return { scopeOf: scopeFor, tests };
}

export const isGenericTest = (text: string): boolean => /\{%-?\s*(?:data_)?test\b/.test(text);

const DOCS = /\{%-?\s*docs\s+(\w+)\s*-?%\}([\s\S]*?)\{%-?\s*enddocs\s*-?%\}/g;

/** Texts of `doc()`. */
export const docTexts = ({ docs }: DbtProject): ReadonlyMap<string, string> =>
  new Map(
    docs.flatMap(({ text }) =>
      [...text.matchAll(DOCS)].map(([, name = "", body = ""]) => [name, body.trim()])
    ),
  );
