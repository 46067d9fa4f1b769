import type { CopyOptions } from "../../../contract/connector/destination.ts";
import { AppError } from "../../../contract/errors.ts";
import {
  type Column,
  findColumn,
  quoteIdentifier,
  quoteLiteral,
  type SqlSession,
} from "../../../contract/sql.ts";
import { isChangedByCast } from "../exact_cast.ts";
import type { DuckSession } from "../session.ts";
import { asHeld } from "./held_columns.ts";

const SHOWN_CHARACTERS = 100;
const OPTION_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

type Session = Pick<SqlSession, "run" | "rows" | "describe">;

/**
 * Writes the rows of `sql` (one SELECT) to `path`, in types that the format holds exactly. Returns how many
 * rows were written. Throws `invalid` for the name of an option that is none, for a value that the format
 * cannot hold and for keys that a merge cannot go by, `conflict` where what is there has a key twice.
 */
export async function copyRows(
  session: DuckSession,
  sql: string,
  path: string,
  options: CopyOptions,
): Promise<number> {
  const list = [
    `FORMAT ${options.format}`,
    ...Object.entries(options.options ?? {}).map(([name, value]) => `${optionName(name)} ${literal(value)}`),
    ...(options.partitionBy === undefined || options.partitionBy.length === 0
      ? []
      : [`PARTITION_BY (${options.partitionBy.map(quoteIdentifier).join(", ")})`]),
  ];
  const replaced = replaceColumns(sql, options);
  const fresh = await asHeld(session, replaced, options.format, options.partitionBy ?? []);
  const rows = options.merge === undefined
    ? fresh
    : await mergedRows(session, fresh, options.merge, options.existing?.relation);
  return await session.run(`COPY (\n${rows}\n) TO ${quoteLiteral(path)} (${list.join(", ")})`);
}

function replaceColumns(sql: string, { casts = {}, expressions = {} }: CopyOptions): string {
  const columns = [
    ...Object.entries(casts).map(([name, type]) => [name, `CAST(${quoteIdentifier(name)} AS ${type})`]),
    ...Object.entries(expressions),
  ].map(([name = "", expression]) => `${expression} AS ${quoteIdentifier(name)}`);
  return columns.length === 0 ? sql : `SELECT * REPLACE (${columns.join(", ")}) FROM (\n${sql}\n)`;
}

type Merge = NonNullable<CopyOptions["merge"]>;

/**
 * The new rows, with what they lack from the existing ones of the same key, and the existing rows of other
 * keys.
 */
async function mergedRows(
  session: Session,
  fresh: string,
  merge: Merge,
  existing: string | undefined,
): Promise<string> {
  if (merge.primaryKey.length === 0) throw new AppError("invalid", `${merge.action}: it needs a primary key`);
  await checkKeys(session, fresh, merge);
  if (existing === undefined) return fresh;
  const [columns, held] = [
    await session.describe(fresh),
    await session.describe(`SELECT * FROM ${existing}`),
  ];
  const lacking = merge.primaryKey.find((key) => findColumn(held, key) === undefined);
  if (lacking !== undefined) {
    throw new AppError(
      "conflict",
      `${merge.action}: what is there has no column "${lacking}" of the primary key; replace it first`,
    );
  }
  const match = merge.primaryKey.map(quoteIdentifier).map((key) => `kept.${key} = fresh.${key}`).join(
    " AND ",
  );
  const sources = `WITH fresh AS NOT MATERIALIZED (\n${fresh}\n)`;
  const keys = merge.primaryKey.map((key) => `fresh.${quoteIdentifier(key)}`).join(", ");
  await checkExisting(
    session,
    `${sources}\nSELECT ${keys} FROM fresh JOIN ${existing} AS kept ON ${match}`,
    merge,
  );
  const kept = held.filter(({ name }) => findColumn(columns, name) === undefined)
    .map(({ name }: Column) => `kept.${quoteIdentifier(name)}`);
  const updated = kept.length === 0
    ? "SELECT * FROM fresh"
    : `SELECT fresh.*, ${kept.join(", ")} FROM fresh LEFT JOIN ${existing} AS kept ON ${match}`;
  const rows = `${sources}\n${updated}
UNION ALL BY NAME
SELECT kept.* FROM ${existing} AS kept ANTI JOIN fresh ON ${match}`;
  const types = await session.describe(rows);
  await checkTypes(session, merge, `(\n${fresh}\n)`, columns, types);
  await checkTypes(session, merge, existing, held, types);
  return rows;
}

/** Throws `invalid` where old and new rows have types that have none in common which holds the values of both. */
async function checkTypes(
  session: Session,
  { action }: Merge,
  relation: string,
  columns: readonly Column[],
  types: readonly Column[],
): Promise<void> {
  for (const column of columns) {
    const type = findColumn(types, column.name)?.type ?? column.type;
    if (type === column.type) continue;
    const name = quoteIdentifier(column.name);
    const [changed] = await session.rows(
      `SELECT left(CAST(${name} AS VARCHAR), ${SHOWN_CHARACTERS}) AS value FROM ${relation}
        WHERE ${isChangedByCast(name, column.type, type)} LIMIT 1`,
    );
    if (changed === undefined) continue;
    throw new AppError(
      "invalid",
      `${action}: column "${column.name}" would be ${type} with the new rows, which cannot hold ${
        changed["value"]
      } ` +
        `without a loss; cast it in the model to one type`,
    );
  }
}

/** Throws `invalid` where the key is NULL in a row, or comes twice: which of its rows should win? */
async function checkKeys(session: Session, fresh: string, merge: Merge): Promise<void> {
  const keys = merge.primaryKey.map(quoteIdentifier);
  const shown = `(${merge.primaryKey.join(", ")})`;
  const [nulls] = await session.rows(
    `SELECT count(*) AS n FROM (\n${fresh}\n) WHERE ${keys.map((key) => `${key} IS NULL`).join(" OR ")}`,
  );
  const nullCount = Number(nulls?.["n"]);
  if (nullCount > 0) {
    throw new AppError(
      "invalid",
      `${merge.action}: the key ${shown} is NULL in ${nullCount} of the rows`,
    );
  }
  const twice = await repeatedKey(session, fresh, keys);
  if (twice === undefined) return;
  throw new AppError(
    "invalid",
    `${merge.action}: the key ${shown} = ${twice.key} comes ${twice.count} times in the rows, ` +
      "and primary_key says that each comes once",
  );
}

async function checkExisting(session: Session, matched: string, merge: Merge): Promise<void> {
  const twice = await repeatedKey(session, matched, merge.primaryKey.map(quoteIdentifier));
  if (twice === undefined) return;
  throw new AppError(
    "conflict",
    `${merge.action}: it has rows with the same ${merge.primaryKey.join(", ")}, as ${twice.key}; ` +
      "remove them, or replace it",
  );
}

async function repeatedKey(
  session: Session,
  sql: string,
  keys: readonly string[],
): Promise<{ readonly key: string; readonly count: number } | undefined> {
  const texts = keys.map((key, index) => `left(CAST(${key} AS VARCHAR), ${SHOWN_CHARACTERS}) AS k${index}`);
  const [found] = await session.rows(
    `SELECT count(*) AS n, ${texts.join(", ")} FROM (\n${sql}\n) GROUP BY ${
      keys.join(", ")
    } HAVING count(*) > 1 LIMIT 1`,
  );
  if (found === undefined) return undefined;
  return { key: `(${keys.map((_, index) => found[`k${index}`]).join(", ")})`, count: Number(found["n"]) };
}

function optionName(name: string): string {
  if (!OPTION_NAME.test(name)) throw new AppError("invalid", `"${name}" is not the name of a COPY option`);
  return name.toUpperCase();
}

function literal(value: string | number | boolean | readonly string[]): string {
  if (typeof value === "object") return `(${value.map(quoteIdentifier).join(", ")})`;
  return typeof value === "string" ? quoteLiteral(value) : String(value);
}
