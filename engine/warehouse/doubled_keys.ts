import type { StreamDefinition } from "../../contract/pipeline/stream.ts";
import { quoteIdentifier, type SqlSession } from "../../contract/sql.ts";
import { formatCount } from "../../text/format.ts";
import { rawTable } from "./raw_table.ts";

const SHOWN_CHARACTERS = 100;

/**
 * What to tell of a table that was read as a whole, where the stream's primary key does not tell its rows apart; undefined
 * where it does, or where there is none. Of NULLs nothing is told. None of the rows is removed: whether the source gave
 * one record twice, as an API whose pages shift, or the key is not the rows' key, is not known here.
 */
export async function doubledKeys(
  session: Pick<SqlSession, "rows">,
  name: string,
  { mode, primary_key: key }: Pick<StreamDefinition, "mode" | "primary_key">,
): Promise<string | undefined> {
  if (mode !== "full" || key === undefined) return undefined;
  const names = key.map(quoteIdentifier);
  const shown = `left(concat_ws(', ', ${names.join(", ")}), ${SHOWN_CHARACTERS})`;
  const [found] = await session.rows(
    `SELECT count(*) OVER () AS keys, (sum(n) OVER ())::BIGINT AS "rows", shown FROM (
       SELECT count(*) AS n, ${shown} AS shown FROM ${rawTable(name)}
        WHERE ${names.map((column) => `${column} IS NOT NULL`).join(" AND ")}
        GROUP BY ${names.join(", ")} HAVING count(*) > 1) ORDER BY shown LIMIT 1`,
  );
  if (found === undefined) return undefined;
  const keys = Number(found["keys"]);
  const [what, have] = keys === 1 ? ["key", "is"] : ["keys", "are"];
  return `${formatCount(keys)} ${what} (${key.join(", ")}) ${have} there more than once, in ${
    formatCount(Number(found["rows"]))
  } rows, as ${
    found["shown"]
  }: mode full keeps every row that the source gives. An API whose pages shift while they are ` +
    "read gives a row twice: a model, or dedup_sort of a load, chooses one";
}
