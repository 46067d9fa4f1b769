import type { Client } from "@libsql/client/sqlite3";
import { AppError, OLD_STORE } from "../../contract/errors.ts";
import type { Migration } from "./migrations/migration.ts";
import { storeError } from "./database.ts";

export interface MigrateOptions {
  /** Whether a store of an older Sluice is left alone, and refused; one that is new never is. */
  readonly isForbidden?: boolean;
  /** It is of an older Sluice, and about to be changed. */
  readonly onUpgrade?: (from: number, to: number) => void;
}

/**
 * Brings the schema up to the last of `migrations`, each in one transaction; what was applied stays
 * applied. Returns the ids that it applied. Throws `conflict` for a store that a newer Sluice made, and for one of an
 * older where that is forbidden.
 */
export async function migrate(
  client: Client,
  migrations: readonly Migration[],
  { isForbidden = false, onUpgrade }: MigrateOptions = {},
): Promise<number[]> {
  const known = migrations.at(-1)?.id ?? 0;
  const current = await schemaVersion(client);
  if (current > known) {
    throw new AppError(
      "conflict",
      `Cannot open the control store: it was made by a newer Sluice (schema ${current}, this one knows ${known}). ` +
        `Install that version, or restore a backup from before the upgrade`,
    );
  }
  if (current > 0 && current < known) {
    if (isForbidden) {
      const reached = await whileItMoves(client, current, known);
      if (reached >= known) return [];
      throw new AppError(
        "conflict",
        `Cannot open the control store: it is of an older Sluice (schema ${reached}, this one has ${known}), ` +
          "which may be using it. Use that version, or start a server of this one first: it brings the store up to date",
        { reason: OLD_STORE },
      );
    }
    onUpgrade?.(current, known);
  }
  const applied: number[] = [];
  for (const migration of migrations) {
    if (migration.id > current && await apply(client, migration)) applied.push(migration.id);
  }
  return applied;
}

/** Between two looks, and how long the schema may stay as it is until nobody is at work on it. */
const LOOK_MS = 20;
const STILL_MS = 2_000;

/** What the schema is when another process, as the one that makes the store, has brought it as far as it does. */
async function whileItMoves(client: Client, current: number, known: number): Promise<number> {
  let version = current;
  let movedMs = performance.now();
  while (version < known && performance.now() - movedMs < STILL_MS) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const now = await schemaVersion(client);
    if (now !== version) movedMs = performance.now();
    version = now;
  }
  return version;
}

/** The id of the last migration applied; 0 for an empty file. */
export async function schemaVersion(client: Client): Promise<number> {
  const table = await client.execute(
    "select 1 from sqlite_master where type = 'table' and name = '_migrations'",
  );
  if (table.rows.length === 0) return 0;
  const { rows } = await client.execute("select max(id) as id from _migrations");
  return Number(rows[0]?.["id"] ?? 0);
}

/**
 * False where another process was faster: the row of `_migrations` goes in first, so that of two the
 * second fails on its key before it changes anything.
 */
async function apply(client: Client, migration: Migration): Promise<boolean> {
  try {
    await client.batch([
      `create table if not exists _migrations (
        id integer primary key, name text not null, applied_at integer not null
      )`,
      {
        sql: "insert into _migrations (id, name, applied_at) values (?, ?, unixepoch() * 1000)",
        args: [migration.id, migration.name],
      },
      ...migration.statements,
    ], "write");
    return true;
  } catch (error) {
    if (await schemaVersion(client) >= migration.id) return false;
    throw storeError(`apply migration ${migration.id} (${migration.name})`, error);
  }
}
