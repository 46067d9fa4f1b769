import duckdb from "@duckdb/node-bindings";
import { UNHELD_VALUE } from "../../../contract/connector/destination.ts";
import { isSameName, quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { type DuckType, scalarType, typeText } from "../duck_type.ts";
import type { DuckSession } from "../session.ts";
import { describeColumns } from "./export.ts";

/**
 * What a file format holds of DuckDB's types, so that each value is read back as it was: a type that it
 * has no like of is written as another that holds the same values, or as text; a value for which there is
 * none is an error.
 */

const { Type } = duckdb;
const VARCHAR = scalarType(Type.VARCHAR);
const LONG_INTEGERS: ReadonlySet<number> = new Set([Type.BIGINT, Type.UBIGINT, Type.HUGEINT, Type.UHUGEINT]);
const NO_KEYWORDS: ReadonlySet<string> = new Set();

/** The query with its columns, but for `except`, as the format holds them. */
export async function asHeld(
  session: DuckSession,
  sql: string,
  format: "csv" | "json" | "parquet",
  except: readonly string[],
): Promise<string> {
  const columns = await session.withConnection(sql, (connection) => describeColumns(connection, sql));
  const replaced = columns.flatMap(({ name, type }) => {
    if (except.some((column) => isSameName(column, name))) return [];
    const column = quoteIdentifier(name);
    const value = format === "json"
      ? asJson(name, type)
      : format === "csv"
      ? asCsv(name, type)
      : cast(column, type, parquetType(type));
    return value === column ? [] : [`${value} AS ${column}`];
  });
  return replaced.length === 0 ? sql : `SELECT * REPLACE (${replaced.join(", ")}) FROM (\n${sql}\n)`;
}

/**
 * The query with numbers that JSON's usual readers would round as texts: integers of 64 bits and more, and decimals,
 * in lists and structs as well.
 */
export async function withTextNumbers(session: DuckSession, sql: string): Promise<string> {
  const columns = await session.withConnection(sql, (connection) => describeColumns(connection, sql));
  const replaced = columns.flatMap(({ name, type }) => {
    const column = quoteIdentifier(name);
    const value = cast(
      column,
      type,
      mapType(type, (part) => part.kind === "decimal" || LONG_INTEGERS.has(part.id) ? VARCHAR : undefined),
    );
    return value === column ? [] : [`${value} AS ${column}`];
  });
  return replaced.length === 0 ? sql : `SELECT * REPLACE (${replaced.join(", ")}) FROM (\n${sql}\n)`;
}

function cast(value: string, from: DuckType, to: DuckType): string {
  const [before, after] = [typeText(from, NO_KEYWORDS), typeText(to, NO_KEYWORDS)];
  return before === after ? value : `CAST(${value} AS ${after})`;
}

/** The type with its parts replaced, from the outside in; undefined goes on to what is inside. */
function mapType(type: DuckType, replace: (type: DuckType) => DuckType | undefined): DuckType {
  const replaced = replace(type);
  if (replaced !== undefined) return replaced;
  const inner = (child: DuckType) => mapType(child, replace);
  switch (type.kind) {
    case "list":
    case "array":
      return { ...type, child: inner(type.child) };
    case "map":
      return { ...type, key: inner(type.key), value: inner(type.value) };
    case "struct":
      return { ...type, fields: type.fields.map((field) => ({ ...field, type: inner(field.type) })) };
    default:
      return type;
  }
}

/**
 * DuckDB would write integers of 128 bits as doubles, intervals with milliseconds, times of day without their
 * zone, unions as structs without names, and a NULL array so that other readers fail.
 */
function parquetType(type: DuckType): DuckType {
  return mapType(type, (part) => {
    switch (part.id) {
      case Type.HUGEINT:
      case Type.UHUGEINT:
        return { kind: "decimal", id: Type.DECIMAL, width: 38, scale: 0 };
      case Type.INTERVAL:
      case Type.TIME_TZ:
      case Type.UNION:
        return VARCHAR;
      case Type.ARRAY:
        return part.kind === "array"
          ? { kind: "list", id: Type.LIST, child: parquetType(part.child) }
          : undefined;
    }
  });
}

/** Nested values are JSON: DuckDB's own text of them is known to DuckDB alone. */
function asCsv(name: string, type: DuckType): string {
  const column = quoteIdentifier(name);
  if (!["list", "array", "map", "struct"].includes(type.kind) && type.id !== Type.UNION) return column;
  return `CASE WHEN ${column} IS NOT NULL THEN CAST(to_json(${asJson(name, type)}) AS VARCHAR) END`;
}

function asJson(name: string, type: DuckType): string {
  const column = quoteIdentifier(name);
  if (type.kind === "scalar" && type.isJson) return withKeptNumbers(name);
  if (type.id === Type.FLOAT || type.id === Type.DOUBLE) {
    const isKept = `${column} IS NULL OR isfinite(${column})`;
    return `CASE WHEN ${isKept} THEN ${column} ELSE ${unheld(name, `CAST(${column} AS VARCHAR)`)} END`;
  }
  const value = type.kind === "decimal" && type.scale === 38
    ? `regexp_replace(CAST(${column} AS VARCHAR), '^(-?)\\.', '\\10.')`
    : cast(column, type, jsonType(type));
  if (!hasPart(type, ({ id }) => id === Type.FLOAT || id === Type.DOUBLE)) return value;
  const text = `CAST(to_json(${column}) AS VARCHAR)`;
  const isKept = `NOT (contains(${text}, 'NaN') OR contains(${text}, 'Infinity')) OR ` +
    `NOT regexp_matches(${withoutStrings(text)}, 'NaN|Infinity')`;
  return `CASE WHEN ${column} IS NULL OR ${isKept} THEN ${value} ELSE ${unheld(name, text)} END`;
}

/** DuckDB writes a decimal that has no digits before its point as .5, which is no JSON. */
function jsonType(type: DuckType): DuckType {
  return mapType(type, (part) => {
    if (part.kind !== "decimal" || part.scale < part.width) return undefined;
    return part.width < 38 ? { ...part, width: part.width + 1 } : VARCHAR;
  });
}

function hasPart(type: DuckType, test: (type: DuckType) => boolean): boolean {
  let isFound = false;
  mapType(type, (part) => {
    isFound ||= test(part);
    return undefined;
  });
  return isFound;
}

function unheld(name: string, value: string): string {
  const reason = quoteLiteral(`${UNHELD_VALUE}column "${name}" has `);
  const advice = quoteLiteral(
    ", which JSON cannot hold: write another value for it, NULL or a text, in the model",
  );
  return `error(concat(${reason}, left(${value}, 200), ${advice}))`;
}

const withoutStrings = (json: string) =>
  `regexp_replace(${json}, ${quoteLiteral(String.raw`"(?:[^"\\]|\\.)*"`)}, '""', 'g')`;

const REAL = String.raw`-?[0-9]+(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)`;
/** A real of few digits has no such part, nor has most else. */
const LONG_NUMBER = String.raw`[0-9.]{17}|[0-9.][eE][-+]?[0-9]{3}`;

/** DuckDB parses the JSON that it writes, and makes doubles of numbers with a point or an exponent. */
function withKeptNumbers(name: string): string {
  const column = quoteIdentifier(name);
  const text = `CAST(${column} AS VARCHAR)`;
  const digits = (number: string) => `trim(regexp_replace(${number}, '[eE].*$|[^0-9]', '', 'g'), '0')`;
  const double = "TRY_CAST(n AS DOUBLE)";
  const written = (precision: number) => digits(`format('{:.${precision - 1}e}', ${double})`);
  const isLost = `NOT coalesce(isfinite(${double}) AND (${digits("n")} = '' OR ` +
    `${digits("n")} IN (${digits(`CAST(${double} AS VARCHAR)`)}, ${written(16)}, ${written(17)})), false)`;
  const lost = `list_filter(regexp_extract_all(${withoutStrings(text)}, '${REAL}'), lambda n: ${isLost})`;
  const isShort = `${column} IS NULL OR NOT regexp_matches(${text}, '${LONG_NUMBER}')`;
  return `CASE WHEN ${isShort} OR len(${lost}) = 0 THEN ${column} ELSE ${
    unheld(name, `concat('the number ', (${lost})[1])`)
  } END`;
}
