import { AppError } from "../errors.ts";
import { quoteName } from "../names.ts";
import { type Column, findColumn } from "../sql.ts";
import { didYouMeanOneOf, listWords } from "../../text/suggest.ts";

/**
 * What is asked of a snapshot's rows, in the words of PostgREST: `amount.gte.10,country.in.(fr,de)` of `where`,
 * `day.desc,id` of `order`. A name or value with a comma, a bracket, a dot or a quote in it stands in double quotes.
 */

export const DATA_FORMATS = ["json", "ndjson", "csv", "parquet", "arrow"] as const;
export type DataFormat = (typeof DATA_FORMATS)[number];

/** How JSON has numbers that JavaScript would round: as texts, or as numbers with all their digits. */
export const NUMBER_STYLES = ["text", "number"] as const;
export type NumberStyle = (typeof NUMBER_STYLES)[number];

export const MEDIA_TYPES: Readonly<Record<DataFormat, string>> = {
  json: "application/json",
  ndjson: "application/x-ndjson",
  csv: "text/csv; charset=utf-8",
  parquet: "application/vnd.apache.parquet",
  arrow: "application/vnd.apache.arrow.stream",
};

const COMPARISONS = { eq: "=", neq: "<>", gt: ">", gte: ">=", lt: "<", lte: "<=" } as const;
const MATCHES = { like: "LIKE", ilike: "ILIKE" } as const;
export const OPERATORS: readonly string[] = [
  ...Object.keys(COMPARISONS),
  ...Object.keys(MATCHES),
  "in",
  "is",
];

export type Condition =
  & { readonly column: string; readonly isNegated: boolean }
  & (
    | { readonly kind: "compare"; readonly operator: string; readonly value: string }
    | { readonly kind: "match"; readonly operator: string; readonly value: string }
    | { readonly kind: "in"; readonly values: readonly string[] }
    | { readonly kind: "is"; readonly value: "null" | "true" | "false" }
  );

export interface OrderTerm {
  readonly column: string;
  readonly isDescending: boolean;
  /** Where NULLs come; last by default, whatever the direction. */
  readonly nullsFirst: boolean;
}

/** What is read, columns by the snapshot's own names. */
export interface SnapshotQuery {
  readonly format: DataFormat;
  readonly numbers: NumberStyle;
  /** All where it is left out. */
  readonly columns?: readonly string[];
  readonly where: readonly Condition[];
  readonly order: readonly OrderTerm[];
  /** All where it is left out. */
  readonly limit?: number;
  /** Rows before, of those that fit: with an order. */
  readonly offset: number;
  /** Rows behind this place in the file: without one. */
  readonly afterRow?: number;
}

/** The same as it is written. */
export interface WrittenQuery {
  readonly format: DataFormat;
  readonly numbers?: NumberStyle;
  readonly columns?: string;
  readonly where?: string;
  readonly order?: string;
  readonly limit?: number;
  /** Of a page: as the one before gave it. */
  readonly cursor?: string;
}

/** The snapshot and the place in it that a page ends at. */
export interface Cursor {
  readonly snapshot: string;
  readonly at: number;
}

const CURSOR = /^([0-9A-HJKMNP-TV-Z]{26})-(\d{1,15})$/;

export const cursorText = ({ snapshot, at }: Cursor): string => `${snapshot}-${at}`;

/** Throws `invalid` (unknown_cursor) for what is none. */
export function parseCursor(text: string): Cursor {
  const [, snapshot, at] = CURSOR.exec(text) ?? [];
  if (snapshot === undefined || at === undefined) {
    throw new AppError(
      "invalid",
      `${quoteName(text)} is no cursor of published data: take the one of the Link header, or begin without`,
      { reason: "unknown_cursor" },
    );
  }
  return { snapshot, at: Number(at) };
}

/** Whether the file as it is answers the query. */
export const isWholeFile = ({ format, columns, where, order, limit, cursor }: WrittenQuery): boolean =>
  format === "parquet" && columns === undefined && where === undefined && order === undefined &&
  limit === undefined && cursor === undefined;

/** Throws `invalid` for what is not written so, and for columns that there are not. */
export function parseQuery(query: WrittenQuery, columns: readonly Column[]): SnapshotQuery {
  const order = query.order === undefined ? [] : parseOrder(query.order, columns);
  const at = query.cursor === undefined ? undefined : parseCursor(query.cursor).at;
  return {
    format: query.format,
    numbers: query.numbers ?? "text",
    ...(query.columns === undefined ? {} : { columns: parseColumns(query.columns, columns) }),
    where: query.where === undefined ? [] : parseWhere(query.where, columns),
    order,
    ...(query.limit === undefined ? {} : { limit: query.limit }),
    offset: order.length > 0 ? at ?? 0 : 0,
    ...(order.length > 0 || at === undefined ? {} : { afterRow: at }),
  };
}

function parseColumns(text: string, columns: readonly Column[]): string[] {
  const names = splitOutside(text, ",").map((name) => knownColumn(unquoted(name.trim(), "columns"), columns));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new AppError("invalid", `columns has ${quoteName(twice)} twice`);
  return names;
}

function parseOrder(text: string, columns: readonly Column[]): OrderTerm[] {
  return splitOutside(text, ",").map((term) => {
    const [name = "", ...words] = splitOutside(term.trim(), ".");
    const unknown = words.find((word) => !["asc", "desc", "nullsfirst", "nullslast"].includes(word));
    if (unknown !== undefined) {
      throw new AppError(
        "invalid",
        `order has ${quoteName(unknown)}, expected a column, as day.desc or day.asc.nullsfirst`,
      );
    }
    return {
      column: knownColumn(unquoted(name, "order"), columns),
      isDescending: words.includes("desc"),
      nullsFirst: words.includes("nullsfirst"),
    };
  });
}

function parseWhere(text: string, columns: readonly Column[]): Condition[] {
  if (text.includes("\0")) throw new AppError("invalid", "where has a NUL character, which no value has");
  return splitOutside(text, ",").map((written) => {
    const parts = splitOutside(written.trim(), ".");
    const column = knownColumn(unquoted(parts[0] ?? "", "where"), columns);
    const isNegated = parts[1] === "not";
    const at = isNegated ? 2 : 1;
    const [operator = ""] = parts.slice(at);
    if (!OPERATORS.includes(operator) || parts.length < at + 2) {
      throw new AppError(
        "invalid",
        `where has ${quoteName(written.trim())}, expected <column>.<operator>.<value> with one of ${
          listWords(OPERATORS)
        }, as amount.gte.10; a value with a comma or a bracket stands in double quotes`,
      );
    }
    return { column, isNegated, ...conditionOf(operator, parts.slice(at + 1).join("."), written) };
  });
}

type WithoutColumn<T> = T extends unknown ? Omit<T, "column" | "isNegated"> : never;

function conditionOf(operator: string, text: string, written: string): WithoutColumn<Condition> {
  if (operator === "is") {
    if (text === "null" || text === "true" || text === "false") return { kind: "is", value: text };
    throw new AppError("invalid", `where has ${quoteName(written)}, expected is.null, is.true or is.false`);
  }
  if (operator === "in") {
    const [, list] = /^\((.*)\)$/s.exec(text) ?? [];
    if (list === undefined || list.trim() === "") {
      throw new AppError("invalid", `where has ${quoteName(written)}, expected a list, as in.(fr,de)`);
    }
    return { kind: "in", values: splitOutside(list, ",").map((value) => unquoted(value.trim(), "where")) };
  }
  const value = unquoted(text, "where");
  if (Object.hasOwn(MATCHES, operator)) {
    const sql = operator === "like" ? MATCHES.like : MATCHES.ilike;
    // PostgREST's own stand-in, which needs no escape in an address.
    return { kind: "match", operator: sql, value: value.replaceAll("*", "%") };
  }
  const [, sql = "="] = Object.entries(COMPARISONS).find(([name]) => name === operator) ?? [];
  return { kind: "compare", operator: sql, value };
}

function knownColumn(name: string, columns: readonly Column[]): string {
  const found = findColumn(columns, name);
  if (found !== undefined) return found.name;
  const meant = didYouMeanOneOf(name, columns.map((column) => column.name));
  throw new AppError("invalid", `There is no column ${quoteName(name)}${meant}`);
}

/** The parts between the separators that stand outside of double quotes and round brackets. */
function splitOutside(text: string, separator: string): string[] {
  const parts: string[] = [];
  let part = "";
  let depth = 0;
  let isQuoted = false;
  for (let i = 0; i < text.length; i++) {
    const letter = text[i] ?? "";
    if (isQuoted && letter === "\\") {
      part += letter + (text[++i] ?? "");
      continue;
    }
    if (letter === '"') isQuoted = !isQuoted;
    else if (!isQuoted && letter === "(") depth++;
    else if (!isQuoted && letter === ")") depth--;
    else if (letter === separator && !isQuoted && depth === 0) {
      parts.push(part);
      part = "";
      continue;
    }
    part += letter;
  }
  return [...parts, part];
}

/** Without its double quotes, in which `\"` and `\\` stand for the signs themselves. */
function unquoted(text: string, key: string): string {
  if (!text.startsWith('"')) return text;
  const [, inner] = /^"((?:[^"\\]|\\.)*)"$/s.exec(text) ?? [];
  if (inner === undefined) {
    throw new AppError("invalid", `${key} has ${quoteName(text)}, whose quotes do not close`);
  }
  return inner.replaceAll(/\\(.)/gs, "$1");
}
