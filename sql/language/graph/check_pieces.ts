import { SqlError } from "../../../contract/sql.ts";
import { isRecord } from "../../../text/is_record.ts";
import type { Check } from "../checks/check.ts";
import type { ParseTree } from "../parse_tree.ts";

/** A piece of its author's SQL in a check. */
export interface CheckPiece {
  readonly check: Check;
  /** The piece alone, as a query: in brackets that no check puts around it, so that it cannot close those. */
  readonly sql: string;
  /** Where it begins in the check's SQL, in UTF-16 units. */
  readonly start: number;
}

/**
 * The pieces that stand in other SQL than the check's own when checks are counted together: each has to be whole by itself, or a
 * quote that one leaves open would make text of what was looked at, and SQL of what was text.
 */
export function checkPieces(checks: readonly Check[]): CheckPiece[] {
  return checks.filter(({ measure }) => measure.by !== "query").flatMap((check) =>
    check.fragments.map(({ text, start }) => ({ check, sql: `SELECT [\n${text}\n]`, start }))
  );
}

/** Whether the piece is one expression, with nothing open at its beginning or end. */
export function isWhole(tree: ParseTree | SqlError | undefined): boolean {
  if (tree === undefined || tree instanceof SqlError) return false;
  const node = isRecord(tree.statement) ? tree.statement["node"] : undefined;
  if (!isRecord(node)) return false;
  const { type, select_list: items, from_table: from, aggregate_handling: _, ...more } = node;
  const [list, another]: unknown[] = Array.isArray(items) ? items : [];
  return type === "SELECT_NODE" && another === undefined && isRecord(list) &&
    list["function_name"] === "list_value" && Array.isArray(list["children"]) &&
    list["children"].length === 1 &&
    isRecord(from) && from["type"] === "EMPTY" && Object.keys(more).length === 0;
}
