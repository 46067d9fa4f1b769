import { createHash } from "node:crypto";
import type { TableFacts } from "../../../contract/runs/manifest.ts";
import { type Column, quoteIdentifier, SqlError, type SqlSession } from "../../../contract/sql.ts";
import { hashedValues } from "../../duckdb/hashed_values.ts";

/** A table with more values than that has no hash: it would take seconds in each run. */
export const MAX_HASHED_VALUES = 100_000_000;

export interface FactsOptions {
  /** Quoted. */
  readonly relation: string;
  /** What people call it. */
  readonly table: string;
  /** How many rows it has, where that is known. */
  readonly rows?: number;
}

/**
 * How many rows a table has, and a hash of them that is the same for the same rows in any order, process and number of
 * threads; with what now() is in the session's transaction. Undefined where there is no such table.
 */
export async function tableFacts(
  session: SqlSession,
  { relation, table, rows }: FactsOptions,
): Promise<TableFacts & { readonly moment: string } | undefined> {
  let columns: readonly Column[];
  try {
    columns = await session.describe(`SELECT * FROM ${relation}`);
  } catch (error) {
    if (error instanceof SqlError && error.type === "Catalog") return undefined;
    throw error;
  }
  const isHashed = columns.length * (rows ?? await countOf(session, relation)) <= MAX_HASHED_VALUES;
  // One query: of a small table that is read, most of what this takes is to plan it.
  const values = columns.flatMap(({ name, type }) => hashedValues(`t.${quoteIdentifier(name)}`, type));
  const [row = {}] = await session.rows(
    `SELECT count(*) AS n, now()::VARCHAR AS moment${
      isHashed ? `, sum(hash(${values.join(", ")})) AS h` : ""
    } FROM ${relation} AS t`,
  );
  const found = { table, rows: Number(row["n"]), moment: String(row["moment"]) };
  if (!isHashed) {
    return { ...found, hash: null, left_out: `it has more than ${MAX_HASHED_VALUES / 1e6} million values` };
  }
  const shape = columns.map(({ name, type }) => [name, type]);
  // A sum: an exclusive or would lose each row that is there twice.
  const text = JSON.stringify([shape, row["n"], String(row["h"])]);
  return { ...found, hash: createHash("sha256").update(text).digest("hex").slice(0, 32) };
}

async function countOf(session: SqlSession, relation: string): Promise<number> {
  const [row] = await session.rows(`SELECT count(*) AS n FROM ${relation}`);
  return Number(row?.["n"] ?? 0);
}
