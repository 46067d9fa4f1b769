import { nameFault } from "../names.ts";
import { isSameName } from "../sql.ts";

/**
 * Arrays of a stream's rows that become raw tables of their own, as its `child_tables` names them: `lines` of the stream
 * `orders` is `raw.orders__lines`, with a row for each element.
 */

export interface ChildTable {
  /** As the definition writes it, `customer.addresses`. */
  readonly text: string;
  /** The stored column and the fields in it; what lies in the elements of another array goes on from its own. */
  readonly path: readonly string[];
  /** The raw table. */
  readonly table: string;
  /** The path from the row, or from the element of the array that it lies in. */
  readonly inner: readonly string[];
  /** The named array in whose elements it lies. */
  readonly within?: ChildTable;
}

/** Where an element was in its array, from 0. */
export const INDEX_COLUMN = "_sluice_index";
/** The column with the element of an array whose elements are no objects. */
export const VALUE_COLUMN = "value";

/** The column of a child table with a column of the parent's primary key. */
export const parentColumn = (key: string): string => `_sluice_parent_${key}`;

/** The column of a child table that lies in another one: where that one's element was. */
export const outerIndexColumn = ({ path }: ChildTable): string => `_sluice_${placeName(path)}_index`;

export interface ChildTablesNamed {
  readonly child_tables?: readonly string[] | undefined;
}

/** The child tables of a stream, each behind the one that it lies in. Paths that are none are left out. */
export function childTablesOf(
  stream: string,
  { child_tables: named = [] }: ChildTablesNamed,
): readonly ChildTable[] {
  const paths = named.flatMap((text) => {
    const path = pathOf(text);
    return path === undefined ? [] : [{ text, path }];
  }).sort((one, other) => one.path.length - other.path.length);
  const tables: ChildTable[] = [];
  for (const { text, path } of paths) {
    const within = tables.findLast((other) => isWithin(path, other.path));
    tables.push({
      text,
      path,
      table: tableName(stream, path),
      inner: within === undefined ? path : path.slice(within.path.length),
      ...(within === undefined ? {} : { within }),
    });
  }
  return tables;
}

/** All child tables of streams, with the stream that makes each. */
export function childTablesBy(
  streams: Readonly<Record<string, ChildTablesNamed>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(streams).flatMap(([name, stream]) =>
      childTablesOf(name, stream).map(({ table }) => [table, name])
    ),
  );
}

/** What is wrong with a path, by its place in `child_tables`; undefined for one that may be used. */
export function childTableFault(stream: string, named: readonly string[], index: number): string | undefined {
  const text = named[index] ?? "";
  const path = pathOf(text);
  if (path === undefined) return `"${text}" is no path of fields, as lines or customer.addresses`;
  const table = tableName(stream, path);
  const name = nameFault("stream", table);
  if (name !== undefined) return `"${text}" would be the table ${table}: ${name}`;
  const twin = named.slice(0, index).find((other) => {
    const before = pathOf(other);
    return before !== undefined && isSameName(tableName(stream, before), table);
  });
  return twin === undefined ? undefined : `"${twin}" and "${text}" would be the same table, ${table}`;
}

const tableName = (stream: string, path: readonly string[]): string => `${stream}__${placeName(path)}`;

const placeName = (path: readonly string[]): string =>
  path.map((part) => part.replace(/[^A-Za-z0-9_]+/g, "_")).join("__");

const isWithin = (path: readonly string[], outer: readonly string[]): boolean =>
  path.length > outer.length && outer.every((part, i) => isSameName(part, path[i] ?? ""));

/** The fields of a path: between dots, those with a dot in their name in double quotes. */
function pathOf(text: string): readonly string[] | undefined {
  const part = '(?:"(?:[^"]|"")+"|[^."]+)';
  if (!new RegExp(`^${part}(?:\\.${part})*$`).test(text)) return undefined;
  return (text.match(new RegExp(part, "g")) ?? []).map((found) =>
    found.startsWith('"') ? found.slice(1, -1).replaceAll('""', '"') : found
  );
}
