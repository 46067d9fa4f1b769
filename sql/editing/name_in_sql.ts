import { quoteIdentifier } from "../../contract/sql.ts";

/** What DuckDB takes for no name of a table without quotes: `reserved` and `type_function` of `duckdb_keywords()`. */
const RESERVED: ReadonlySet<string> = new Set(
  ("all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create " +
    "default deferrable desc describe distinct do else end except false fetch for foreign from group having in " +
    "initially intersect into lambda lateral leading limit not null offset on only or order pivot pivot_longer " +
    "pivot_wider placing primary qualify references returning select show some summarize symmetric table then to " +
    "trailing true union unique unpivot using variadic when where window with anti asof at authorization binary by " +
    "collation columns concurrently cross freeze full generated glob ilike inner is isnull join left like map " +
    "natural notnull outer overlaps positional right semi similar struct tablesample try_cast unpack verbose")
    .split(" "),
);

export const isReserved = (name: string): boolean => RESERVED.has(name.toLowerCase());

/** A name as SQL has it: in quotes only where it needs them. */
export function nameInSql(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !isReserved(name) ? name : quoteIdentifier(name);
}
