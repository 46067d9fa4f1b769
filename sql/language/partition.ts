import { quoteIdentifier } from "../../contract/sql.ts";
import { refusedCalls } from "./allowed_functions.ts";
import type { ParseTree } from "./parse_tree.ts";
import { scanSql } from "./scan_sql.ts";

/** An entry of `partition_by`: a column's name, or an expression of the row's columns. */

/** Anything but letters, digits and _ makes it an expression: another name stands in double quotes. */
export const isColumnName = (entry: string): boolean => /^[\p{L}\p{N}_]+$/u.test(entry);

export function partitionSql(entry: string): string {
  return isColumnName(entry) ? quoteIdentifier(entry) : `(\n${entry}\n)`;
}

/**
 * The entries of a list. YAML ends one at each comma of `[date_trunc('month', day), country]`: what was one expression, as
 * its brackets show, is put together again.
 */
export function partitionEntries(list: readonly string[]): string[] {
  const entries: string[] = [];
  let open: string[] = [];
  for (const piece of list) {
    open.push(piece);
    if (depthOf(open.join(", ")) > 0) continue;
    entries.push(open.join(", "));
    open = [];
  }
  return [...entries, ...open];
}

/** How many brackets are open at the end of a text. */
function depthOf(sql: string): number {
  let depth = 0;
  for (const { kind, start, end } of scanSql(sql)) {
    if (kind !== "other") continue;
    if (/[([{]/.test(sql.slice(start, end))) depth += 1;
    else if (/[)\]}]/.test(sql.slice(start, end))) depth -= 1;
  }
  return depth;
}

/** The query by which an expression is parsed alone. */
export const partitionQuery = (entry: string): string => `SELECT ${partitionSql(entry)}`;

/** What is wrong with an expression, by the tree of its query. */
export function partitionFaults(tree: ParseTree): string[] {
  const calls = refusedCalls(tree).map(({ message }) => message);
  if (calls.length > 0) return calls;
  if (tree.tables.length > 0) {
    return ["expected an expression of the row's own columns, and this reads a table"];
  }
  if (tree.variables.length > 0) {
    return ["a variable is another one in each run, and a row's partition must not be"];
  }
  return [];
}
