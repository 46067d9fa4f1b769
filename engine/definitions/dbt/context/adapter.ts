import { AppError } from "../../../../contract/errors.ts";
import type { Findings } from "../findings.ts";
import type { Scope } from "../jinja/evaluate.ts";
import {
  argument,
  isFunction,
  type JinjaFunction,
  type JinjaObject,
  textOf,
  type Value,
} from "../jinja/values.ts";
import { PACKAGE_MACROS } from "../macros/package_macros.ts";
import type { DbtProject } from "../project/read_project.ts";
import { MARKS, type RenderingState, type Tables } from "./rendering.ts";
import { relation, type RelationFunctions } from "./relations.ts";

/** What templates ask of the database: as far as the files of the project know it, it is told; the rest is a fault. */

export const asks = (what: string): JinjaFunction => () => {
  throw new AppError(
    "invalid",
    `${what} asks the database while dbt compiles: write what it gives into the SQL`,
  );
};

/** An object of dbt's class Column. */
export function columnValue(name: string, type: string): JinjaObject {
  const plain = type.toLowerCase();
  const is = (pattern: RegExp) => () => pattern.test(plain);
  const attributes: Readonly<Record<string, Value>> = {
    name,
    column: name,
    quoted: `"${name.replaceAll('"', '""')}"`,
    dtype: type,
    data_type: type,
    is_string: is(/^(?:varchar|text|string|char)/),
    is_number: is(/int|decimal|numeric|double|float|real/),
    is_numeric: is(/^(?:decimal|numeric)/),
    is_float: is(/^(?:double|float|real)/),
    is_integer: is(/int/),
  };
  return {
    get: (key) => Object.hasOwn(attributes, key) ? attributes[key] : undefined,
    text: () => `<Column ${name} (${type})>`,
  };
}

/** Macros for other databases are tried last: some are plain SQL. */
const PREFIXES = ["duckdb", "default", "postgres", "redshift", "snowflake"];

/** The macro that stands for this name in DuckDB: that of the packages in their order, and of any other then. */
function dispatched(root: Scope, packages: readonly string[], name: string): JinjaFunction | undefined {
  for (const one of packages) {
    const members = root.names.get(one);
    if (!(members instanceof Map)) continue;
    const written = PACKAGE_MACROS[one]?.[name];
    if (written !== undefined && !members.has(`duckdb__${name}`)) return written;
    for (const prefix of PREFIXES) {
      const found = members.get(`${prefix}__${name}`);
      if (isFunction(found)) return found;
    }
  }
  for (const prefix of PREFIXES) {
    const found = root.names.get(`${prefix}__${name}`);
    if (isFunction(found)) return found;
  }
  const bare = root.names.get(name);
  return isFunction(bare) ? bare : undefined;
}

interface AdapterWork {
  readonly project: DbtProject;
  readonly root: Scope;
  readonly tables: Tables;
  readonly state: RenderingState;
  readonly relations: RelationFunctions;
  readonly findings: Findings;
}

export function adapterFunctions({ project, root, tables, state, relations, findings }: AdapterWork) {
  const file = () => state.current?.file ?? "dbt_project.yml";
  const dispatch: JinjaFunction = (args, kwargs) => {
    const name = textOf(args[0]);
    const given = argument(args, kwargs, 1, "macro_namespace") ?? kwargs.get("packages") ?? "";
    const packages = Array.isArray(given) ? given.map(textOf) : [textOf(given)];
    const found = dispatched(root, [project.root.name, ...packages], name);
    if (found !== undefined) return found;
    throw new AppError(
      "invalid",
      `adapter.dispatch('${name}'): no macro is for DuckDB, and none is the default`,
    );
  };
  const columns: JinjaFunction = ([of]) => {
    const name = textOf(of).replace(/^main\./, "");
    const known = tables.columns(name);
    if (known === undefined) {
      throw new AppError(
        "invalid",
        `adapter.get_columns_in_relation() asks for the columns of ${name}, which no file says: ` +
          "run `dbt docs generate` first, whose catalog.json has them",
      );
    }
    findings.note(
      file(),
      `the columns of ${name} are written out as they are now: one that comes later has to be added`,
    );
    return known.map(({ name, type = "varchar" }) => columnValue(name, type));
  };
  /** What is built by this run is not there at the first one. */
  const isSelf = (identifier: string) => identifier.toLowerCase() === state.current?.name.toLowerCase();
  const ownRelation = (identifier: string): Value =>
    state.current?.isIncremental === true ? relation(MARKS.self, { schema: "main", identifier }) : null;
  const getRelation: JinjaFunction = (args, kwargs) => {
    const schema = textOf(argument(args, kwargs, 1, "schema") ?? "");
    const identifier = textOf(argument(args, kwargs, 2, "identifier") ?? "");
    if (isSelf(identifier)) return ownRelation(identifier);
    const found = tables.find(schema, identifier);
    findings.note(
      file(),
      `adapter.get_relation() is asked whether ${schema}.${identifier} is there: taken as ${
        found === undefined ? "no" : "yes"
      }`,
    );
    return found === undefined ? null : relations.use(found);
  };
  const loadRelation: JinjaFunction = ([of]) => {
    const text = textOf(of);
    if (text === MARKS.self || isSelf(text)) return ownRelation(text);
    return of;
  };
  return {
    loadRelation,
    columns,
    adapter: new Map<Value, Value>(
      [
        ["dispatch", dispatch],
        ["type", () => "duckdb"],
        ["quote", ([name]) => `"${textOf(name)}"`],
        ["quote_as_configured", ([name]) => textOf(name)],
        ["get_columns_in_relation", columns],
        ["get_relation", getRelation],
        ["already_exists", ([schema, table]) => tables.find(textOf(schema), textOf(table)) !== undefined],
        ["check_schema_exists", asks("adapter.check_schema_exists()")],
        ["get_missing_columns", asks("adapter.get_missing_columns()")],
      ] satisfies [string, Value | JinjaFunction][],
    ),
  };
}
