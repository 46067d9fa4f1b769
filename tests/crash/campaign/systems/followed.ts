import type { SourceRow } from "../expectation.ts";
import { behindRelay, COLUMNS_SQL, type SourceKind, textOf, valuesOf } from "./system.ts";

/** Databases whose log of changes is followed: rows come to be by changes of those that are there. */

/** Rows of one INSERT. */
const ROWS_A_STATEMENT = 500;

/**
 * Transactions that make `rows` of `before`: what is new is inserted, also by another row that takes its key; what is
 * the same is left alone or written again; all at once or a few at a time. At times the table is emptied first.
 */
export function transactionsTo(
  before: ReadonlyMap<number, SourceRow>,
  rows: readonly SourceRow[],
  random: () => number,
): string[][] {
  const after = new Map(rows.map((row) => [row.id, row]));
  if (before.size > 0 && random() < 0.15) return [["TRUNCATE TABLE src", ...insertsOf(rows)]];
  const free = [...before.keys()].filter((id) => !after.has(id));
  const statements: string[] = [];
  const fresh: SourceRow[] = [];
  for (const row of rows) {
    const { id, name, part, gone, moved } = row;
    const set = `name = ${textOf(name)}, part = ${part}, gone = ${gone}, moved = ${moved}`;
    if (before.has(id)) statements.push(`UPDATE src SET ${set} WHERE id = ${id}`);
    else {
      const old = random() < 0.3 ? free.pop() : undefined;
      if (old === undefined) fresh.push(row);
      else statements.push(`UPDATE src SET id = ${id}, ${set} WHERE id = ${old}`);
    }
  }
  statements.push(...free.map((id) => `DELETE FROM src WHERE id = ${id}`), ...insertsOf(fresh));
  const each = random() < 0.5 ? Infinity : 5;
  const transactions: string[][] = [];
  while (statements.length > 0) transactions.push(statements.splice(0, Math.min(each, statements.length)));
  return transactions;
}

function insertsOf(rows: readonly SourceRow[]): string[] {
  const inserts: string[] = [];
  for (let at = 0; at < rows.length; at += ROWS_A_STATEMENT) {
    inserts.push(`INSERT INTO src VALUES ${rows.slice(at, at + ROWS_A_STATEMENT).map(valuesOf).join(", ")}`);
  }
  return inserts;
}

const CREATE = `CREATE TABLE src (${COLUMNS_SQL}, PRIMARY KEY (id))`;

export const FOLLOWED_SOURCES: Readonly<Record<string, SourceKind>> = {
  "mysql-cdc": async (servers, _projectDir, random) => {
    const database = await (await servers.mariadb()).createDatabase();
    const { url, behind } = behindRelay(database);
    await database.run(CREATE);
    let held = new Map<number, SourceRow>();
    return {
      connector: { type: "mysql", url },
      stream: { stream: "src", mode: "cdc" },
      isFollowed: true,
      ...behind,
      async write(rows) {
        for (const statements of transactionsTo(held, rows, random)) {
          await database.run(["BEGIN", ...statements, "COMMIT"].join("; "));
        }
        held = new Map(rows.map((row) => [row.id, row]));
      },
    };
  },
  "postgres-cdc": async (servers, _projectDir, random) => {
    const database = await (await servers.postgres()).createDatabase();
    const { url, behind } = behindRelay(database);
    await database.sql.unsafe(CREATE);
    let held = new Map<number, SourceRow>();
    return {
      connector: { type: "postgres", url },
      stream: { stream: "public.src", mode: "cdc" },
      isFollowed: true,
      ...behind,
      async write(rows) {
        for (const statements of transactionsTo(held, rows, random)) {
          await database.sql.begin(async (sql) => {
            for (const statement of statements) await sql.unsafe(statement);
          });
        }
        held = new Map(rows.map((row) => [row.id, row]));
      },
    };
  },
};
