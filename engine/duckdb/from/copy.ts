import type { Copied, CopyOptions } from "../../../contract/connector/destination.ts";
import { AppError } from "../../../contract/errors.ts";
import {
  type Column,
  findColumn,
  isSameName,
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
 * Writes the rows of `sql` (one SELECT) to `path`, in types that the format holds exactly; `gone` selects the
 * keys of existing rows that a merge leaves out. Throws `invalid` for the name of an option that is none, for a value that the format
 * cannot hold and for keys that a merge cannot go by, `conflict` where what is there has a key twice.
 */
export async function copyRows(
  session: DuckSession,
  sql: string,
  path: string,
  options: CopyOptions,
  gone?: string,
): Promise<Copied> {
  const list = [
    `FORMAT ${options.format}`,
    ...Object.entries(options.options ?? {}).map(([name, value]) => `${optionName(name)} ${literal(value)}`),
    ...(options.partitionBy === undefined || options.partitionBy.length === 0
      ? []
      : [`PARTITION_BY (${options.partitionBy.map(quoteIdentifier).join(", ")})`]),
  ];
  const replaced = replaceColumns(sql, options);
  const fresh = await asHeld(session, replaced, options.format, options.partitionBy ?? []);
  const goneKeys = gone === undefined ? undefined : await asHeld(
    session,
    replaceColumns(gone, ofKey(options)),
    options.format,
    options.partitionBy ?? [],
  );
  const merged = options.merge === undefined
    ? { rows: fresh, deleted: 0 }
    : await mergedRows(session, fresh, options.merge, options.existing?.relation, goneKeys);
  const rows = await session.run(`COPY (\n${merged.rows}\n) TO ${quoteLiteral(path)} (${list.join(", ")})`);
  return { rows, deleted: merged.deleted };
}

function replaceColumns(sql: string, { casts = {}, expressions = {} }: Replaced): string {
  const columns = [
    ...Object.entries(casts).map(([name, type]) => [name, `CAST(${quoteIdentifier(name)} AS ${type})`]),
    ...Object.entries(expressions),
  ].map(([name = "", expression]) => `${expression} AS ${quoteIdentifier(name)}`);
  return columns.length === 0 ? sql : `SELECT * REPLACE (${columns.join(", ")}) FROM (\n${sql}\n)`;
}

type Replaced = Pick<CopyOptions, "casts" | "expressions">;

/** The casts and expressions of the key's columns. */
function ofKey(
  { casts = {}, expressions = {}, merge }: CopyOptions,
): Replaced {
  const only = (values: Readonly<Record<string, string>>) =>
    Object.fromEntries(
      Object.entries(values).filter(([name]) => merge?.primaryKey.some((key) => isSameName(key, name))),
    );
  return { casts: only(casts), expressions: only(expressions) };
}

type Merge = NonNullable<CopyOptions["merge"]>;

/**
 * The new rows, with what they lack from the existing ones of the same key, and the existing rows of other
 * keys that stay; and how many of those do not.
 */
async function mergedRows(
  session: Session,
  fresh: string,
  merge: Merge,
  existing: string | undefined,
  gone: string | undefined,
): Promise<{ readonly rows: string; readonly deleted: number }> {
  if (merge.primaryKey.length === 0) throw new AppError("invalid", `${merge.action}: it needs a primary key`);
  await checkKeys(session, fresh, merge);
  if (existing === undefined) return { rows: fresh, deleted: 0 };
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
  const { stays, deleted } = await keptRows(session, merge, existing, sources, match, gone);
  const rows = `${sources}\n${updated}\nUNION ALL BY NAME\n${stays}`;
  const types = await session.describe(rows);
  await checkTypes(session, merge, `(\n${fresh}\n)`, columns, types);
  await checkTypes(session, merge, existing, held, types);
  return { rows, deleted };
}

/** The existing rows of other keys that stay, as a SELECT on `kept`; its condition `match` is on `fresh` too. */
async function keptRows(
  session: Session,
  { deletesMissing, primaryKey }: Merge,
  existing: string,
  sources: string,
  match: string,
  gone: string | undefined,
): Promise<{ readonly stays: string; readonly deleted: number }> {
  const others = `SELECT kept.* FROM ${existing} AS kept ANTI JOIN fresh ON ${match}`;
  const count = async (rows: string) => {
    const [counted] = await session.rows(`${sources}\nSELECT count(*) AS n FROM (${rows})`);
    return Number(counted?.["n"]);
  };
  if (deletesMissing) return { stays: `${others} WHERE false`, deleted: await count(others) };
  if (gone === undefined) return { stays: others, deleted: 0 };
  const isGone = primaryKey.map(quoteIdentifier).map((key) => `kept.${key} = gone.${key}`).join(" AND ");
  return {
    stays: `${others} ANTI JOIN (${gone}) AS gone ON ${isGone}`,
    deleted: await count(`SELECT 1 FROM ${existing} AS kept SEMI JOIN (${gone}) AS gone ON ${isGone}`),
  };
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
