import { createHash } from "node:crypto";
import type { TableFacts } from "../../../contract/runs/manifest.ts";
import { type Column, quoteIdentifier, SqlError } from "../../../contract/sql.ts";
import { hashedValues } from "../../duckdb/hashed_values.ts";
import type { DuckSession } from "../../duckdb/session.ts";

/** A table with more values than that has no hash: it would take seconds in each run. */
export const MAX_HASHED_VALUES = 100_000_000;

/** A table that is no larger is read as it is: to plan a query that hashes it takes longer. */
const SMALL = { rows: 50, cells: 1_000, bytes: 100_000 };

export interface FactsOptions {
  /** Quoted. */
  readonly relation: string;
  /** What people call it. */
  readonly table: string;
  /** How many rows it has, where that is known. */
  readonly rows?: number;
}

export interface TableLook {
  readonly facts: TableFacts;
  /** What now() is in the session's transaction. */
  readonly moment: string;
  readonly columns: readonly Column[];
  /** All of them as DuckDB's texts, of a table that is small. */
  readonly rows?: readonly (readonly (string | null)[])[];
}

/**
 * How many rows a table has, and a hash of them that is the same for the same rows in any order, process and number of
 * threads. Undefined where there is no such table.
 */
export async function lookAtTable(
  session: DuckSession,
  { relation, table, rows }: FactsOptions,
): Promise<TableLook | undefined> {
  try {
    const count = rows ?? await countOf(session, relation);
    const read = count > SMALL.rows ? undefined : await readSmall(session, relation);
    if (read?.rows !== undefined) return { ...ofTexts(table, read.columns, read.rows), moment: read.moment };
    const columns = read?.columns ?? await session.describe(`SELECT * FROM ${relation}`);
    return await hashByQuery(session, { relation, table, columns, count });
  } catch (error) {
    if (error instanceof SqlError && error.type === "Catalog") return undefined;
    throw error;
  }
}

/** The same without what else was seen of it. */
export async function tableFacts(
  session: DuckSession,
  options: FactsOptions,
): Promise<TableFacts | undefined> {
  return (await lookAtTable(session, options))?.facts;
}

interface Read {
  readonly moment: string;
  readonly columns: readonly Column[];
  readonly rows: TableLook["rows"];
}

/** `relation` is known to have few rows. */
async function readSmall(session: DuckSession, relation: string): Promise<Read> {
  // Without a LIMIT, which takes DuckDB as long as all the rest of it.
  const { columns: [, ...columns], rows } = await session.texts(
    `SELECT now()::VARCHAR, t.* FROM ${relation} AS t`,
    SMALL,
  );
  const moment = rows?.[0]?.[0] ?? await momentOf(session);
  return { moment, columns, rows: rows?.map(([, ...cells]) => cells) };
}

function ofTexts(
  table: string,
  columns: readonly Column[],
  rows: readonly (readonly (string | null)[])[],
): Pick<TableLook, "facts" | "columns" | "rows"> {
  const hash = hashOf(columns, rows.map((row) => JSON.stringify(row)).sort());
  return { facts: { table, rows: rows.length, hash }, columns, rows };
}

async function hashByQuery(
  session: DuckSession,
  { relation, table, columns, count }: {
    readonly relation: string;
    readonly table: string;
    readonly columns: readonly Column[];
    readonly count: number;
  },
): Promise<TableLook> {
  if (columns.length * count > MAX_HASHED_VALUES) {
    const reason = `it has more than ${MAX_HASHED_VALUES / 1e6} million values`;
    return {
      facts: { table, rows: count, hash: null, left_out: reason },
      moment: await momentOf(session),
      columns,
    };
  }
  const values = columns.flatMap(({ name, type }) => hashedValues(`t.${quoteIdentifier(name)}`, type));
  const [row = {}] = await session.rows(
    `SELECT count(*) AS n, now()::VARCHAR AS moment, sum(hash(${
      values.join(", ")
    })) AS h FROM ${relation} AS t`,
  );
  // A sum: an exclusive or would lose each row that is there twice.
  const hash = hashOf(columns, [row["n"], String(row["h"])]);
  return { facts: { table, rows: Number(row["n"]), hash }, moment: String(row["moment"]), columns };
}

function hashOf(columns: readonly Column[], content: readonly unknown[]): string {
  const shape = columns.map(({ name, type }) => [name, type]);
  return createHash("sha256").update(JSON.stringify([shape, ...content])).digest("hex").slice(0, 32);
}

async function momentOf(session: DuckSession): Promise<string> {
  const [row] = await session.rows("SELECT now()::VARCHAR AS moment");
  return String(row?.["moment"]);
}

async function countOf(session: DuckSession, relation: string): Promise<number> {
  const [row] = await session.rows(`SELECT count(*) AS n FROM ${relation}`);
  return Number(row?.["n"] ?? 0);
}
