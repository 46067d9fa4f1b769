import { type ChildTable, childTablesOf, parentColumn } from "../../../contract/pipeline/child_tables.ts";
import { AppError } from "../../../contract/errors.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import { type Column, findColumn, quoteIdentifier, type SqlSession } from "../../../contract/sql.ts";
import { changeType } from "../column_types.ts";
import { addDeleteMark, DELETED_AT, numberRows, ROW_COLUMN } from "../raw_rows.ts";
import {
  hasColumns,
  incomingTable,
  nextTable,
  rawTable,
  swapInNextTable,
  TABLE_WITHOUT_COLUMNS,
  tableColumns,
} from "../raw_table.ts";
import { alignColumns, type ContractReport } from "../stream_contract.ts";
import { hasArray, keyColumnsOf, splitRows } from "./split_rows.ts";

/**
 * The child tables of a stream. They are written in the transaction of their parents' rows, and have the elements of the
 * rows that the parent's table has, all of them and no others.
 */

export interface ParentStream {
  readonly session: SqlSession;
  readonly name: string;
  readonly stream: StreamDefinition;
}

/**
 * To be called when the stream's next table has all of its rows, one a key where they are merged: makes the next tables of
 * its children, and takes their arrays out of it. `isKnown` is false where nothing tells the stream's columns.
 */
export async function splitNextTable(
  { session, name, stream }: ParentStream,
  { isKnown }: { readonly isKnown: boolean },
): Promise<void> {
  const children = childTablesOf(name, stream);
  const placeOf = ({ table }: ChildTable) => nextTable(table);
  if (!isKnown) {
    for (const child of children) {
      await session.run(`CREATE TABLE ${placeOf(child)} AS ${TABLE_WITHOUT_COLUMNS}`);
    }
    return;
  }
  await splitRows({ session, name, stream, table: nextTable(name) }, children, placeOf);
  for (const child of children) {
    await keepColumns(session, stream, child);
    if (stream.deletes === "soft") await addDeleteMark(session, placeOf(child));
  }
}

/** Puts the next tables of the children into the places of theirs. */
export async function swapInChildren({ session, name, stream }: ParentStream): Promise<void> {
  for (const { table } of childTablesOf(name, stream)) await swapInNextTable(session, table);
}

/** Nothing but an element tells the columns: without one, those that were there stay. */
async function keepColumns(session: SqlSession, stream: StreamDefinition, child: ChildTable): Promise<void> {
  const next = nextTable(child.table);
  const [row] = await session.rows(`SELECT EXISTS (FROM ${next}) AS has`);
  if (row?.["has"] === true || !await hasColumns(session, child.table)) return;
  const fresh = await session.describe(`SELECT * FROM ${next}`);
  await session.run(`CREATE OR REPLACE TABLE ${next} AS FROM ${rawTable(child.table)} WHERE false`);
  const keys = keyColumnsOf(child, stream);
  const held = await session.describe(`SELECT * FROM ${next}`);
  for (const key of keys) {
    const [one, other] = [findColumn(held, key), findColumn(fresh, key)];
    // The stream had another primary_key before.
    if (one === undefined || other === undefined) return await makeTable(session, next, fresh);
    await changeType(session, { ...one, table: next }, other.type);
  }
}

async function makeTable(session: SqlSession, table: string, columns: readonly Column[]): Promise<void> {
  const list = columns.map(({ name, type }) => `${quoteIdentifier(name)} ${type}`);
  await session.run(`CREATE OR REPLACE TABLE ${table} (${list.join(", ")})`);
}

/**
 * Makes the child tables that a stream which keeps its rows does not have yet, of the rows that are there. Throws
 * `invalid` where arrays came into the stream's own table meanwhile, so that nobody knows which of both is older.
 */
export async function makeMissingChildren({ session, name, stream }: ParentStream): Promise<void> {
  const missing: ChildTable[] = [];
  for (const child of childTablesOf(name, stream)) {
    const isThere = await hasColumns(session, child.table);
    if (!isThere) missing.push(child);
    const table = rawTable(child.within?.table ?? name);
    const isNew = child.within !== undefined && missing.includes(child.within);
    if (!isThere || isNew || !await hasArray({ session, name, stream, table }, child)) continue;
    throw new AppError(
      "invalid",
      `Stream "${name}": raw.${child.table} is there, and "${child.text}" is in the rows of its parent as well`,
      { detail: "Run once with --full-refresh, so that both are of the same rows." },
    );
  }
  for (const { table } of missing) await session.run(`DROP TABLE IF EXISTS ${rawTable(table)}`);
  const parent = { session, name, stream, table: rawTable(name) };
  if (missing.length > 0) await splitRows(parent, missing, ({ table }) => rawTable(table));
}

/** The stream's rows as they came, where its contract may set some of them aside. */
const wholeTable = (name: string): string => `_sluice.${quoteIdentifier(`whole ${name}`)}`;

/** New rows of a stream whose arrays are in the children's incoming tables. */
export class SplitIncoming {
  readonly #parent: ParentStream;
  readonly #children: readonly ChildTable[];

  private constructor(parent: ParentStream) {
    this.#parent = parent;
    this.#children = childTablesOf(parent.name, parent.stream);
  }

  /** Takes the arrays out of the stream's incoming table, whose rows get numbers; of those of one key the newest stays. */
  static async split(parent: ParentStream): Promise<SplitIncoming> {
    const { session, name, stream } = parent;
    const split = new SplitIncoming(parent);
    const table = incomingTable(name);
    if (split.#maySetAside) {
      await session.run(
        `CREATE TABLE ${wholeTable(name)} AS SELECT rowid AS ${quoteIdentifier(ROW_COLUMN)},
           CAST(to_json(given) AS VARCHAR) AS "row" FROM ${table} AS given`,
      );
    }
    await numberRows(session, stream, table);
    await splitRows(
      { ...parent, table, carried: [ROW_COLUMN] },
      split.#children,
      (child) => incomingTable(child.table),
    );
    return split;
  }

  /** What the contract sets aside of the stream itself is kept as it came, with its arrays. */
  told(contract: ContractReport): ContractReport {
    if (!this.#maySetAside) return contract;
    const number = quoteIdentifier(ROW_COLUMN);
    const whole = wholeTable(this.#parent.name);
    return {
      ...contract,
      rowJson: `(SELECT whole."row" FROM ${whole} AS whole WHERE whole.${number} = given.${number})`,
    };
  }

  /**
   * To be called when the stream's table has taken the rows of its incoming table, which has lost those that it did not
   * take: puts their children, in the place of those from before where rows are merged. `told` gives the report of each
   * child table; returns those that got rows.
   */
  async put(told: (child: ChildTable) => ContractReport): Promise<readonly ChildTable[]> {
    const { session, name, stream } = this.#parent;
    const filled: ChildTable[] = [];
    for (const child of this.#children) {
      const incoming = incomingTable(child.table);
      const number = quoteIdentifier(ROW_COLUMN);
      await session.run(
        `DELETE FROM ${incoming} WHERE ${number} NOT IN (SELECT ${number} FROM ${incomingTable(name)});
         ALTER TABLE ${incoming} DROP COLUMN ${number}`,
      );
      // DuckDB does not commit changes of rows that came before one of their table.
      if (stream.deletes === "soft") await addDeleteMark(session, rawTable(child.table));
      await alignKeys(this.#parent, child);
      const columns = await this.#align(child, told(child));
      if (stream.mode === "incremental") await this.#deleteOld(child);
      if (columns !== undefined) {
        filled.push(child);
        const list = columns.map(quoteIdentifier).join(", ");
        await session.run(`INSERT INTO ${rawTable(child.table)} (${list}) SELECT ${list} FROM ${incoming}`);
      }
      await session.run(`DROP TABLE ${incoming}`);
    }
    if (this.#maySetAside) await session.run(`DROP TABLE ${wholeTable(name)}`);
    return filled;
  }

  /** The children of every row that came. */
  async #deleteOld({ table }: ChildTable): Promise<void> {
    const { session, name, stream } = this.#parent;
    const keys = stream.primary_key ?? [];
    const own = keys.map((key) => quoteIdentifier(parentColumn(key))).join(", ");
    const came = `SELECT (${keys.map(quoteIdentifier).join(", ")}) FROM ${incomingTable(name)}`;
    await session.run(`DELETE FROM ${rawTable(table)} WHERE (${own}) IN (${came})`);
  }

  /** The columns that new rows have for the child's table; undefined where there are none. */
  async #align({ table }: ChildTable, told: ContractReport): Promise<readonly string[] | undefined> {
    const { session, stream } = this.#parent;
    const incoming = incomingTable(table);
    const [row] = await session.rows(`SELECT EXISTS (FROM ${incoming}) AS has`);
    if (row?.["has"] !== true) return undefined;
    // Its fields have nothing to do with the stream's own columns.
    const { update_key: _, ...ofChild } = stream;
    return await alignColumns(session, table, ofChild, incoming, told, [DELETED_AT]);
  }

  get #maySetAside(): boolean {
    const { columns, types } = this.#parent.stream.contract;
    return columns === "discard_row" || types === "discard_row";
  }
}

/** The keys of parents have the types that the stream's own table gives them. */
async function alignKeys({ session, name, stream }: ParentStream, { table }: ChildTable): Promise<void> {
  const columns = await tableColumns(session, "raw", name);
  for (const place of [rawTable(table), incomingTable(table)]) {
    const own = await session.describe(`SELECT * FROM ${place}`);
    for (const key of stream.primary_key ?? []) {
      const [one, other] = [findColumn(own, parentColumn(key)), findColumn(columns, key)];
      if (one === undefined || other === undefined) continue;
      await changeType(session, { ...one, table: place }, other.type);
    }
  }
}

/** After deletes at the source were applied to the stream's table: its children go with their parents, or are marked. */
export async function deleteChildren({ session, name, stream }: ParentStream): Promise<void> {
  const keys = stream.primary_key ?? [];
  const isOwn = keys.map((key) =>
    `parent.${quoteIdentifier(key)} = child.${quoteIdentifier(parentColumn(key))}`
  ).join(" AND ");
  const mark = quoteIdentifier(DELETED_AT);
  for (const { table } of childTablesOf(name, stream)) {
    if (stream.deletes === "hard") {
      await session.run(
        `DELETE FROM ${rawTable(table)} AS child WHERE NOT EXISTS (SELECT 1 FROM ${
          rawTable(name)
        } AS parent WHERE ${isOwn})`,
      );
      continue;
    }
    await addDeleteMark(session, rawTable(table));
    await session.run(
      `UPDATE ${rawTable(table)} AS child SET ${mark} = parent.${mark} FROM ${rawTable(name)} AS parent
        WHERE ${isOwn} AND child.${mark} IS DISTINCT FROM parent.${mark}`,
    );
  }
}

/** How many rows of the quoted table share their key with another one: their children cannot be told apart. */
export async function rowsOfOneKey(
  session: SqlSession,
  { primary_key: keys = [] }: StreamDefinition,
  table: string,
): Promise<number> {
  const list = keys.map(quoteIdentifier).join(", ");
  const [row] = await session.rows(
    `SELECT coalesce(sum(n), 0) AS n FROM (SELECT count(*) AS n FROM ${table} GROUP BY ${list} HAVING count(*) > 1)`,
  );
  return Number(row?.["n"] ?? 0);
}

/**
 * The columns of the raw tables that a stream with such columns makes: its own under its name, those of its children. Makes
 * tables for it, and removes them: the session is of a database without the stream.
 */
export async function columnsOfTables(
  { session, name, stream }: ParentStream,
  columns: readonly Column[],
): Promise<ReadonlyMap<string, readonly Column[]>> {
  const children = childTablesOf(name, stream);
  const tables = new Map([[name, columns]]);
  if (children.length === 0) return tables;
  const place = (table: string) => quoteIdentifier(`columns of ${table}`);
  await makeTable(session, place(name), columns);
  try {
    await splitRows({ session, name, stream, table: place(name) }, children, ({ table }) => place(table));
    for (const table of [name, ...children.map((child) => child.table)]) {
      tables.set(table, await session.describe(`SELECT * FROM ${place(table)}`));
    }
    return tables;
  } finally {
    for (const table of [name, ...children.map((child) => child.table)]) {
      await session.run(`DROP TABLE IF EXISTS ${place(table)}`);
    }
  }
}
