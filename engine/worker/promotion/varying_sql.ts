import { mayCall } from "../../../contract/pipeline/functions.ts";
import { nameKey, type SqlSession } from "../../../contract/sql.ts";
import { scanSql, variableNames } from "../../../sql/language/scan_sql.ts";

/** What DuckDB calls without parentheses, too. */
const BARE = ["current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"];
/** Those of which DuckDB's own list says nothing. */
const UNLISTED = ["age", ...BARE];
/** Each run sets another value. */
const OF_A_RUN = ["run_id", "run_start", "pipeline"];
const OF_A_WINDOW = ["window_start", "window_end"];

/** Names of functions that may give another value for the same arguments, in lower case: by what DuckDB says of them. */
export async function varyingFunctions(session: SqlSession): Promise<ReadonlySet<string>> {
  const rows = await session.rows(
    `SELECT DISTINCT lower(function_name) AS name, stability, macro_definition AS body FROM duckdb_functions()
     WHERE stability IN ('VOLATILE', 'CONSISTENT_WITHIN_QUERY') OR (internal AND macro_definition IS NOT NULL)`,
  );
  const names = new Set([
    ...UNLISTED,
    ...rows.filter(({ stability }) => stability !== null).map(({ name }) => String(name)),
  ]);
  // DuckDB's own macros, as ago(), call some of them.
  const macros = rows.filter(({ stability, body }) =>
    stability === null && calledIn(String(body), names).length > 0
  );
  return new Set([...names, ...macros.map(({ name }) => String(name))]);
}

/**
 * Why the texts of SQL may give other rows from the same tables; undefined where they may not. `inWindow`: a window is no
 * reason, as it moves along with the rows.
 */
export function variesBecause(
  sqls: readonly string[],
  { functions, varying, inWindow }: {
    /** Names of scripts that the pipeline's SQL calls. */
    readonly functions: readonly string[];
    readonly varying: ReadonlySet<string>;
    readonly inWindow: boolean;
  },
): string | undefined {
  for (const sql of sqls) {
    const script = functions.find((name) => mayCall(sql, name));
    if (script !== undefined) return `it calls the script ${script}`;
    const [called] = calledIn(sql, varying);
    if (called !== undefined) return `it calls ${called}, which gives another value in each run`;
    if (/\b(?:tablesample|using\s+sample)\b/i.test(sql)) return "it takes a sample of rows";
    const names = variableNames(sql);
    if (names.length < countOf(sql, "getvariable")) return "it reads a variable whose name it makes up";
    const ofRun = names.map(nameKey).find((name) =>
      OF_A_RUN.includes(name) || (!inWindow && OF_A_WINDOW.includes(name))
    );
    if (ofRun !== undefined) return `it reads ${ofRun}, which each run sets anew`;
  }
  return undefined;
}

/** Whether one of them reads the window of its run. */
export const readsWindow = (sqls: readonly string[]): boolean =>
  sqls.flatMap(variableNames).some((name) => OF_A_WINDOW.includes(nameKey(name)));

/** Names that are called in the text, as it has them there. */
function calledIn(sql: string, names: ReadonlySet<string>): string[] {
  const tokens = wordsOf(sql);
  return tokens.flatMap((token, index) => {
    const name = token.replace(/^"(.*)"$/s, "$1").toLowerCase();
    if (!names.has(name)) return [];
    const next = tokens[index + 1];
    return next === "(" ? [`${name}()`] : BARE.includes(name) && !token.startsWith('"') ? [name] : [];
  });
}

const countOf = (sql: string, name: string): number =>
  wordsOf(sql).filter((token) => token.replace(/^"(.*)"$/s, "$1").toLowerCase() === name).length;

const wordsOf = (sql: string): string[] =>
  [...scanSql(sql)].filter(({ kind }) => kind !== "space" && kind !== "comment")
    .map(({ start, end }) => sql.slice(start, end));
