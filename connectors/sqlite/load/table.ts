import type { Field, RecordBatch, Schema } from "apache-arrow";
import type { ConnectorContext } from "../../../contract/connector.ts";
import type { WholeRequest as AnyWholeRequest, WholeResult } from "../../destination/whole_load.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { readerOf } from "./arrow_values.ts";
import { isBusy, type SqliteDatabase, type SqliteValue } from "../driver.ts";
import type { SqliteTarget } from "../options.ts";
import { declaredTypeOf } from "./types.ts";

type WholeRequest = AnyWholeRequest<SqliteTarget>;

/**
 * A load is one transaction, together with its id in _sluice_loads. A replace builds the new table
 * beside the old one and gives it the old one's name, indexes and triggers.
 */

/** How long another program's write is waited for. */
const LOCK_TIMEOUT_MS = 30_000;
const LOCK_RETRY_MS = 20;
/** Rows are written without a wait; the event loop gets its turn this often. */
const SLICE_MS = 8;
const SLICE_ROWS = 256;
const LOADS = "_sluice_loads";

export async function loadTable(
  database: SqliteDatabase,
  request: WholeRequest,
  context: ConnectorContext,
  signal: AbortSignal,
): Promise<WholeResult> {
  const target = tableName(request);
  await beginWrite(database, signal);
  try {
    const result = await loadInTransaction(database, target, request, signal);
    signal.throwIfAborted();
    database.execute("COMMIT");
    return result;
  } catch (error) {
    rollback(database, context);
    throw error;
  }
}

function tableName({ target, input }: WholeRequest): string {
  const name = target.table.replace(/^main\./i, "");
  if (/^(?:sqlite_|_sluice_)/i.test(name)) {
    throw new AppError(
      "invalid",
      `Cannot write table "${name}": the name is kept for SQLite's or Sluice's own tables`,
    );
  }
  if (input.schema.fields.length === 0) {
    throw new AppError("invalid", `Cannot write table "${name}": it has no columns`);
  }
  const seen = new Set<string>();
  for (const { name: column } of input.schema.fields) {
    if (seen.has(column.toLowerCase())) {
      throw new AppError(
        "invalid",
        `Cannot write table "${name}": the columns "${column}" differ in nothing but case, which SQLite does not tell apart`,
      );
    }
    seen.add(column.toLowerCase());
  }
  return name;
}

/** Waits for another writer without blocking the process. */
async function beginWrite(database: SqliteDatabase, signal: AbortSignal): Promise<void> {
  const deadlineMs = performance.now() + LOCK_TIMEOUT_MS;
  for (;;) {
    signal.throwIfAborted();
    try {
      return database.execute("BEGIN IMMEDIATE");
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadlineMs) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, LOCK_RETRY_MS));
  }
}

function rollback(database: SqliteDatabase, context: ConnectorContext): void {
  try {
    database.execute("ROLLBACK");
  } catch (error) {
    // A full disk rolls back by itself; the file is rolled back at its next opening in any case.
    context.log(
      "debug",
      `Rolling back in "${context.name}": ${error instanceof Error ? error.message : error}`,
    );
  }
}

async function loadInTransaction(
  database: SqliteDatabase,
  target: string,
  request: WholeRequest,
  signal: AbortSignal,
): Promise<WholeResult> {
  database.execute(
    `CREATE TABLE IF NOT EXISTS ${LOADS} (load_id TEXT PRIMARY KEY, target TEXT NOT NULL, rows INTEGER NOT NULL, ` +
      `loaded_at TEXT NOT NULL) WITHOUT ROWID`,
  );
  const { loadId, earlierLoadId = loadId } = request;
  const [known] = database.all(`SELECT rows FROM ${LOADS} WHERE load_id IN (?, ?)`, loadId, earlierLoadId);
  if (known !== undefined) return { rows: Number(known[0]), sizeBytes: 0, repeated: true };
  const kind = kindOf(database, target);
  if (kind === "view") {
    throw new AppError("invalid", `Cannot write "${target}": it is a view; choose another name`);
  }
  const { schema } = request.input;
  const isNew = request.mode === "replace" || kind === undefined;
  const table = isNew ? `_sluice_new_${target}` : target;
  if (isNew) createTable(database, table, schema.fields);
  else addColumns(database, table, schema.fields);
  if (request.mode === "merge") createKey(database, table, target, request.primaryKey, schema);
  const { rows, sizeBytes } = await insertRows(database, table, request, signal);
  if (isNew) swapIn(database, table, target, kind !== undefined);
  if (request.mode === "merge" && isNew) createKey(database, target, target, request.primaryKey, schema);
  database.prepare(`INSERT INTO ${LOADS} VALUES (?, ?, ?, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))`)([
    request.loadId,
    target,
    BigInt(rows),
  ]);
  return { rows, sizeBytes, repeated: false };
}

function kindOf(database: SqliteDatabase, name: string): string | undefined {
  const [row] = database.all(
    "SELECT type FROM sqlite_master WHERE type IN ('table', 'view') AND name = ? COLLATE NOCASE",
    name,
  );
  return row === undefined ? undefined : String(row[0]);
}

function createTable(database: SqliteDatabase, table: string, fields: readonly Field[]): void {
  database.execute(`DROP TABLE IF EXISTS ${quoteIdentifier(table)}`);
  const columns = fields.map((field) => `${quoteIdentifier(field.name)} ${declaredTypeOf(field)}`);
  database.execute(`CREATE TABLE ${quoteIdentifier(table)} (${columns.join(", ")})`);
}

function addColumns(database: SqliteDatabase, table: string, fields: readonly Field[]): void {
  const known = new Set(
    database.all(`SELECT name FROM pragma_table_xinfo(${quoteLiteral(table)})`).map(([name]) =>
      String(name).toLowerCase()
    ),
  );
  for (const field of fields.filter(({ name }) => !known.has(name.toLowerCase()))) {
    database.execute(
      `ALTER TABLE ${quoteIdentifier(table)} ADD COLUMN ${quoteIdentifier(field.name)} ${
        declaredTypeOf(field)
      }`,
    );
  }
}

/** A unique index on the key, which ON CONFLICT needs; the table's own primary key does as well. */
function createKey(
  database: SqliteDatabase,
  table: string,
  target: string,
  primaryKey: readonly string[],
  schema: Schema,
): void {
  const missing = primaryKey.find((key) =>
    !schema.fields.some(({ name }) => name.toLowerCase() === key.toLowerCase())
  );
  if (missing !== undefined) {
    throw new AppError(
      "invalid",
      `Cannot merge into "${target}": the rows have no column "${missing}" of the primary key`,
    );
  }
  if (hasKey(database, table, primaryKey)) return;
  const index = `${table === target ? "_sluice_key_" : "_sluice_newkey_"}${target}`;
  try {
    database.execute(`DROP INDEX IF EXISTS ${quoteIdentifier(index)}`);
    database.execute(
      `CREATE UNIQUE INDEX ${quoteIdentifier(index)} ON ${quoteIdentifier(table)} (${
        primaryKey.map(quoteIdentifier).join(", ")
      })`,
    );
  } catch (error) {
    if (!(error instanceof AppError) || !/UNIQUE constraint/i.test(error.message)) throw error;
    throw new AppError(
      "conflict",
      `Cannot merge into "${target}": it has rows with the same ${
        primaryKey.join(", ")
      }; remove them, or replace it`,
      { cause: error },
    );
  }
}

function hasKey(database: SqliteDatabase, table: string, primaryKey: readonly string[]): boolean {
  const wanted = primaryKey.map((name) => name.toLowerCase()).sort().join("\0");
  const same = (names: readonly string[]) =>
    names.map((name) => name.toLowerCase()).sort().join("\0") === wanted;
  const own = database.all(`SELECT name FROM pragma_table_info(${quoteLiteral(table)}) WHERE pk > 0`);
  if (same(own.map(([name]) => String(name)))) return true;
  const indexes = database.all(
    `SELECT name FROM pragma_index_list(${quoteLiteral(table)}) WHERE "unique" AND NOT partial`,
  );
  return indexes.some(([name]) =>
    same(
      database.all(`SELECT name FROM pragma_index_info(${quoteLiteral(String(name))})`).map(([column]) =>
        String(column)
      ),
    )
  );
}

async function insertRows(
  database: SqliteDatabase,
  table: string,
  request: WholeRequest,
  signal: AbortSignal,
): Promise<{ rows: number; sizeBytes: number }> {
  const { fields } = request.input.schema;
  const keys = request.mode === "merge" ? keyIndexes(request) : [];
  const insert = database.prepare(insertStatement(table, request));
  let rows = 0;
  let sizeBytes = 0;
  let sliceStart = performance.now();
  for await (const batch of request.input.batches()) {
    signal.throwIfAborted();
    sizeBytes += batch.data.byteLength;
    const readers = readersOf(batch, fields);
    const values: SqliteValue[] = new Array(readers.length).fill(null);
    for (let row = 0; row < batch.numRows; row++) {
      for (let i = 0; i < readers.length; i++) values[i] = readers[i]?.(row) ?? null;
      checkKey(request, keys, values);
      insert(values);
      rows++;
      if (rows % SLICE_ROWS === 0 && performance.now() - sliceStart > SLICE_MS) {
        await new Promise((resolve) => setTimeout(resolve, 0));
        signal.throwIfAborted();
        sliceStart = performance.now();
      }
    }
  }
  return { rows, sizeBytes };
}

function readersOf(batch: RecordBatch, fields: readonly Field[]) {
  return fields.map((field, i) => {
    const child = batch.data.children[i];
    if (child === undefined) throw new AppError("internal", `A batch has no column "${field.name}"`);
    return readerOf(field, child);
  });
}

function keyIndexes({ primaryKey, input }: WholeRequest): number[] {
  return primaryKey.map((key) =>
    input.schema.fields.findIndex(({ name }) => name.toLowerCase() === key.toLowerCase())
  );
}

/** SQLite lets NULL into a unique index again and again: such a row would be added by every merge. */
function checkKey(request: WholeRequest, keys: readonly number[], values: readonly SqliteValue[]): void {
  const index = keys.find((key) => values[key] === null);
  if (index === undefined) return;
  throw new AppError(
    "invalid",
    `Cannot merge into "${request.target.table}": column "${
      request.input.schema.fields[index]?.name
    }" of the primary key is NULL in a row`,
  );
}

function insertStatement(table: string, { mode, primaryKey, input }: WholeRequest): string {
  const names = input.schema.fields.map(({ name }) => quoteIdentifier(name));
  const insert = `INSERT INTO ${quoteIdentifier(table)} (${names.join(", ")}) VALUES (${
    names.map(() => "?").join(", ")
  })`;
  if (mode !== "merge") return insert;
  const isKey = (name: string) =>
    primaryKey.some((key) => quoteIdentifier(key).toLowerCase() === name.toLowerCase());
  const updates = names.filter((name) => !isKey(name)).map((name) => `${name} = excluded.${name}`);
  return `${insert} ON CONFLICT (${primaryKey.map(quoteIdentifier).join(", ")}) DO ${
    updates.length === 0 ? "NOTHING" : `UPDATE SET ${updates.join(", ")}`
  }`;
}

/** The new table gets the name, the indexes and the triggers of the old one. */
function swapIn(database: SqliteDatabase, table: string, target: string, isReplaced: boolean): void {
  const kept = isReplaced
    ? database.all(
      "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = ? COLLATE NOCASE AND type IN ('index', 'trigger') " +
        "AND sql IS NOT NULL AND name NOT LIKE '\\_sluice\\_%' ESCAPE '\\'",
      target,
    )
    : [];
  // Without it a view of the table would make the renaming fail while the table is away.
  database.execute("PRAGMA legacy_alter_table = ON");
  try {
    if (isReplaced) database.execute(`DROP TABLE ${quoteIdentifier(target)}`);
    database.execute(`ALTER TABLE ${quoteIdentifier(table)} RENAME TO ${quoteIdentifier(target)}`);
  } finally {
    database.execute("PRAGMA legacy_alter_table = OFF");
  }
  for (const [type, name, sql] of kept) {
    try {
      database.execute(String(sql));
    } catch (error) {
      throw new AppError(
        "conflict",
        `Cannot replace table "${target}": its ${type} "${name}" does not fit the new columns; drop it first`,
        { cause: error },
      );
    }
  }
}
