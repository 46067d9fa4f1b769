import type { ForeignSyntax } from "./syntax.ts";
import { scanSql } from "../scan_sql.ts";

/** Clauses of other databases that DuckDB does not parse, and what it has for them. */
const CLAUSES: readonly (readonly [clause: RegExp, message: string])[] = [
  [/\bSELECT\s+(?:DISTINCT\s+)?TOP\b/i, "TOP is no SQL of DuckDB: write LIMIT 10 at the end of the query"],
  [/\bLIMIT\s+\w+\s*,/i, "LIMIT a, b is no SQL of DuckDB: write LIMIT b OFFSET a"],
  [/\bSAFE_CAST\s*\(/i, "SAFE_CAST is no SQL of DuckDB: write TRY_CAST(a AS INTEGER)"],
  [/\bMINUS\s+SELECT\b/i, "MINUS is no SQL of DuckDB: write EXCEPT"],
  [/\bCONNECT\s+BY\b/i, "CONNECT BY is no SQL of DuckDB: write WITH RECURSIVE"],
  [/\b(?:CROSS|OUTER)\s+APPLY\b/i, "APPLY is no SQL of DuckDB: write CROSS JOIN LATERAL (…)"],
  [/\bLATERAL\s+VIEW\b/i, "LATERAL VIEW is no SQL of DuckDB: write CROSS JOIN unnest(list) AS t(item)"],
  [/\bWITH\s*\(\s*NOLOCK\s*\)/i, "WITH (NOLOCK) is no SQL of DuckDB: leave it out"],
  [/\bWITH\s+ROLLUP\b/i, "WITH ROLLUP is no SQL of DuckDB: write GROUP BY ROLLUP (a, b)"],
  [/\bR(?:LIKE|EGEXP)\b(?!\s*[(,.])/i, "RLIKE is no SQL of DuckDB: write regexp_matches(text, pattern)"],
  [/#(?!\d)/, "# begins no comment in DuckDB: write --"],
];

/**
 * A clause of another database in a text that DuckDB does not parse from `failedAt` on; undefined for none. Comments and
 * texts are not looked at.
 */
export function foreignClause(sql: string, failedAt = sql.length): ForeignSyntax | undefined {
  let bare = "";
  for (const { kind, start, end } of scanSql(sql)) {
    bare += kind === "comment" || kind === "text" ? " ".repeat(end - start) : sql.slice(start, end);
  }
  for (const [clause, message] of CLAUSES) {
    const position = clause.exec(bare)?.index;
    if (position !== undefined && position <= failedAt) return { message, position };
  }
  return undefined;
}
