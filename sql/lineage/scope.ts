import { isSameName, nameKey } from "../../contract/sql.ts";
import { changed, type Derived, merged, NOTHING } from "./derived.ts";

/** Thrown where the sources of a query's columns cannot be told: the message says why. */
export class UnknownLineage extends Error {}

export interface RelationColumn {
  /** Undefined where DuckDB makes one up of the expression. */
  readonly name: string | undefined;
  /** The name that it makes up; absent where that is not known. */
  readonly madeName?: () => string;
  readonly value: Derived;
  /** It stands for a column a field of a struct: how many those are, and their names, DuckDB alone knows. */
  readonly isSpread?: true;
}

/** A column's name, whoever gave it. Throws UnknownLineage for one that is not known. */
export function requireName({ name, madeName }: RelationColumn): string {
  const known = name ?? madeName?.();
  if (known === undefined) throw new UnknownLineage("the name of an expression is not known");
  return known;
}

/** What a query or a table in FROM gives. */
export interface Relation {
  readonly columns: readonly RelationColumn[];
  /** What decides on its rows; it has no sources. */
  readonly rows: Derived;
}

/** A relation under its name in FROM. */
export interface Binding extends Relation {
  /** Undefined for a subquery without an alias. */
  readonly alias: string | undefined;
  /** Of a table that is named with its schema, and has no alias. */
  readonly schema?: string | undefined;
}

/** A column that USING or NATURAL made one of several. */
export interface SharedColumn {
  readonly name: string;
  readonly value: Derived;
  readonly bindings: readonly Binding[];
}

/** All that is in FROM. */
export interface FromScope {
  readonly bindings: readonly Binding[];
  readonly shared: readonly SharedColumn[];
  readonly rows: Derived;
}

export const NO_TABLES: FromScope = { bindings: [], shared: [], rows: NOTHING };

/** What a name in an expression may stand for, the nearest first. */
export interface Scope {
  readonly from: FromScope;
  /** Params of lambdas and macros, by the keys of their names. */
  readonly params?: ReadonlyMap<string, Derived>;
  /** What SELECT calls by this name. */
  readonly alias?: (name: string) => Derived | undefined;
  /** ORDER BY means the alias where a column has the same name; all else the column. */
  readonly isAliasFirst?: boolean;
  /** The columns of SELECT, by their position from 1 on. */
  readonly position?: (position: number) => Derived | undefined;
  /** Common table expressions in reach, by the keys of their names. */
  readonly ctes: ReadonlyMap<string, () => Relation>;
  /** What COLUMNS(…) stands for, where one is looked at for each of its columns. */
  readonly star?: Derived;
  /** Around a subquery. */
  readonly outer?: Scope;
}

/** Without the params of the lambdas and macros around it. */
export function withoutParams({ params: _, outer, ...scope }: Scope): Scope {
  return { ...scope, ...(outer === undefined ? {} : { outer: withoutParams(outer) }) };
}

export function withParams(scope: Scope, params: ReadonlyMap<string, Derived>): Scope {
  return { ...scope, params: new Map([...scope.params ?? [], ...params]) };
}

/** Words that DuckDB takes for functions where no column has their name, and the number of a row. */
const NO_COLUMNS = new Set([
  "current_catalog",
  "current_database",
  "current_date",
  "current_role",
  "current_schema",
  "current_time",
  "current_timestamp",
  "current_user",
  "localtime",
  "localtimestamp",
  "rowid",
  "session_user",
  "user",
]);

/** What `a`, `t.a`, `t.a.field` or `schema.t.a` stands for; undefined for a name of nothing. Throws UnknownLineage. */
export function findColumn(names: readonly string[], scope: Scope): Derived | undefined {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.outer) {
    const found = resolveIn(names, at);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** As findColumn, and throws UnknownLineage where there is none. */
export function resolveColumn(names: readonly string[], scope: Scope): Derived {
  const found = findColumn(names, scope);
  if (found !== undefined) return found;
  if (NO_COLUMNS.has(nameKey(names.at(-1) ?? ""))) return NOTHING;
  throw new UnknownLineage(`the column ${names.join(".")} was not found`);
}

function resolveIn(names: readonly string[], scope: Scope): Derived | undefined {
  const [first = "", ...fields] = names;
  const param = scope.params?.get(nameKey(first));
  if (param !== undefined) return fieldOf(param, fields);
  const alias = () => {
    const value = scope.alias?.(first);
    return value === undefined ? undefined : fieldOf(value, fields);
  };
  const column = () => columnIn(names, scope.from);
  const found = scope.isAliasFirst ? alias() ?? column() : column() ?? alias();
  return found ?? wholeRow(names, scope.from);
}

function columnIn(names: readonly string[], from: FromScope): Derived | undefined {
  const [first = "", second, third, ...fields] = names;
  if (second !== undefined && third !== undefined) {
    const table = from.bindings.find(({ alias, schema }) =>
      schema !== undefined && isSameName(schema, first) && alias !== undefined && isSameName(alias, second)
    );
    const column = table && columnOf(table, third);
    if (column !== undefined) return fieldOf(column, fields);
  }
  if (second !== undefined) {
    const column = oneOf(
      from.bindings.filter(({ alias }) => alias !== undefined && isSameName(alias, first)).map((table) =>
        columnOf(table, second)
      ),
      names,
    );
    if (column !== undefined) return fieldOf(column, names.slice(2));
  }
  const shared = from.shared.find(({ name }) => isSameName(name, first));
  const inTables = from.bindings.filter((table) => shared?.bindings.includes(table) !== true);
  const column = oneOf([shared?.value, ...inTables.map((table) => columnOf(table, first))], names);
  return column === undefined ? undefined : fieldOf(column, names.slice(1));
}

function columnOf({ columns }: Relation, name: string): Derived | undefined {
  const found = columns.find((column) => column.name !== undefined && isSameName(column.name, name)) ??
    columns.find((column) =>
      column.name === undefined && column.isSpread !== true && isSameName(requireName(column), name)
    );
  // DuckDB has found it, and it is nowhere else.
  const spread = columns.filter((column) => column.isSpread === true);
  return found?.value ?? (spread.length === 0 ? undefined : merged(spread.map(({ value }) => value)));
}

/** DuckDB takes no name that may stand for several. */
function oneOf(found: readonly (Derived | undefined)[], names: readonly string[]): Derived | undefined {
  const [first, second] = found.filter((column) => column !== undefined);
  if (second !== undefined) throw new UnknownLineage(`the column ${names.join(".")} is in several tables`);
  return first;
}

/** `t` as a struct of all columns of t. */
function wholeRow(names: readonly string[], from: FromScope): Derived | undefined {
  const [name = "", ...fields] = names;
  const table = from.bindings.find(({ alias }) => alias !== undefined && isSameName(alias, name));
  if (table === undefined || fields.length > 0) return undefined;
  return changed(merged(table.columns.map(({ value }) => value)), "transformed");
}

function fieldOf(column: Derived, fields: readonly string[]): Derived {
  return fields.length === 0 ? column : changed(column, "transformed");
}
