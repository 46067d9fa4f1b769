import type { Source, StreamRequest } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import { limitOf } from "../../../contract/pipeline/words.ts";
import { findColumn, quoteIdentifier } from "../../../contract/sql.ts";
import { createTable, TableIngest } from "../../duckdb/into/ingest.ts";
import { isChangedByCast } from "../../duckdb/exact_cast.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { addDeleteMark, DELETED_AT } from "../../warehouse/raw_rows.ts";
import { rawTable, tableColumns } from "../../warehouse/raw_table.ts";
import type { StreamShape } from "./stream_shape.ts";

/**
 * Deletes at a source that keeps no log of them: its whole set of keys is read, and rows of the raw table whose key
 * is not among them are gone.
 */

/** Without `max_deletes`: this share of the rows, and at least so many. */
const DEFAULT_SHARE = 0.1;
const DEFAULT_COUNT = 10;

export interface DeletesContext {
  readonly session: DuckSession;
  readonly name: string;
  readonly stream: StreamDefinition;
  readonly shape: StreamShape;
  readonly signal: AbortSignal;
  readonly onWarning: (message: string) => void;
}

/**
 * Compares the keys of the source with those of the raw table and applies what the stream's `deletes` says, in the
 * session's transaction; returns how many rows are gone. To be called when all rows are merged: what was read is
 * among the keys then, unless it was deleted since. Throws `invalid` where more rows are gone than max_deletes
 * allows, before any is touched.
 */
export async function applyDeletes(
  context: DeletesContext,
  source: Source,
  request: StreamRequest,
): Promise<number> {
  const { session, name, stream, onWarning } = context;
  const keys = stream.primary_key ?? [];
  const table = keysTable(name);
  try {
    const isWhole = await readKeys(context, source, request);
    if (!isWhole) {
      onWarning("Rows that do not fit have no key to be told by: no row is taken for deleted this time");
      return 0;
    }
    await alignKeys(session, name, keys);
    const isHere = `EXISTS (SELECT 1 FROM ${table} AS given WHERE ${
      keys.map((key) => `given.${quoteIdentifier(key)} = held.${quoteIdentifier(key)}`).join(" AND ")
    })`;
    return await (stream.deletes === "hard"
      ? deleteRows(session, name, stream, isHere)
      : markRows(session, name, stream, isHere));
  } finally {
    await session.run(`DROP TABLE IF EXISTS ${table}`).catch(() => {});
  }
}

const keysTableName = (name: string): string => `keys ${name}`;
const keysTable = (name: string): string => `_sluice.${quoteIdentifier(keysTableName(name))}`;

/** Whether every row of the source has given its key. */
async function readKeys(
  { session, name, stream, shape, signal }: DeletesContext,
  source: Source,
  request: StreamRequest,
): Promise<boolean> {
  const keys = stream.primary_key ?? [];
  const ofKeys = shape.ofColumns(keys);
  const held = await tableColumns(session, "raw", name);
  const texts = keys.filter((key) => findColumn(held, key)?.type === "VARCHAR");
  const { setsAside: _, ...bare } = request;
  const asked = { ...ofKeys.request(bare, source), ...ofKeys.inSource({ texts }) };
  const scanned = { ...asked, ...request.setsAside ? { setsAside: true } : {} };
  const scan = await source.scan?.(scanned, signal);
  const list = keys.map(quoteIdentifier).join(", ");
  if (scan !== undefined) {
    await using prepared = await scan.prepare?.(signal);
    try {
      const columns = await session.describe(`SELECT * FROM ${scan.relation}`);
      const params: (string | number | bigint | boolean | null | Date)[] = [];
      const select = ofKeys.select(columns, (value) => `$${params.push(value)}`);
      const from = (relation: string) => `SELECT ${select} FROM ${relation}${ofKeys.whereClause}`;
      await session.run(
        `CREATE TABLE ${keysTable(name)} AS ${from(prepared?.relation ?? scan.relation)}`,
        params,
      );
      if (prepared?.rejects !== undefined) {
        const found = await session.describe(`SELECT * FROM ${prepared.rejects}`);
        const hasKeys = keys.every((key) => findColumn(found, shape.sourceName(key)) !== undefined);
        const [row] = await session.rows(`SELECT count(*) AS n FROM ${prepared.rejects}`);
        if (!hasKeys && row?.["n"] !== 0) return false;
        if (hasKeys) {
          await session.run(
            `INSERT INTO ${keysTable(name)} SELECT ${select} FROM ${prepared.rejects}`,
            params,
          );
        }
      }
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof AppError && error.code === "cancelled" ? error : await scan.explain(error);
    }
    await scan.verify();
  } else {
    await using ingest = new KeyIngest(session, name);
    let toShape: ReturnType<StreamShape["batches"]> | undefined;
    for await (const message of source.read({ streams: [asked] }, signal)) {
      signal.throwIfAborted();
      if (message.type !== "rows") continue;
      toShape ??= ofKeys.batches(message.batch.schema, source);
      await ingest.append(toShape(message.batch));
    }
    await ingest.finish();
  }
  const isNull = keys.map((key) => `${quoteIdentifier(key)} IS NULL`).join(" OR ");
  const [row] = await session.rows(
    `SELECT count(*) AS n FROM (SELECT ${list} FROM ${keysTable(name)}) WHERE ${isNull}`,
  );
  return row?.["n"] === 0;
}

/** The table of keys, made with the first batch. */
class KeyIngest implements AsyncDisposable {
  readonly #session: DuckSession;
  readonly #name: string;
  #ingest: TableIngest | undefined;

  constructor(session: DuckSession, name: string) {
    this.#session = session;
    this.#name = name;
  }

  async append(batch: Parameters<TableIngest["append"]>[0]): Promise<void> {
    const table = { schema: "_sluice", name: keysTableName(this.#name) };
    if (this.#ingest === undefined) {
      await createTable(this.#session, table, batch.schema);
      this.#ingest = await TableIngest.start(this.#session, table, batch.schema);
    }
    await this.#ingest.append(batch);
  }

  async finish(): Promise<void> {
    if (this.#ingest === undefined) throw new AppError("internal", "The source gave no batch of keys");
    await this.#ingest.finish();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ingest?.[Symbol.asyncDispose]();
  }
}

/** Gives the keys the types of the raw table. Throws `invalid` where one would not be the same any more. */
async function alignKeys(session: DuckSession, name: string, keys: readonly string[]): Promise<void> {
  const held = await tableColumns(session, "raw", name);
  const given = await session.describe(`SELECT * FROM ${keysTable(name)}`);
  for (const key of keys) {
    const [one, other] = [findColumn(held, key), findColumn(given, key)];
    if (one === undefined || other === undefined || one.type === other.type) continue;
    const column = quoteIdentifier(key);
    const changed = isChangedByCast(column, other.type, one.type);
    const [row] = await session.rows(`SELECT EXISTS (FROM ${keysTable(name)} WHERE ${changed}) AS lost`);
    if (row?.["lost"] === true) {
      throw new AppError(
        "invalid",
        `Stream "${name}": its keys cannot be compared: "${key}" is ${other.type} in the source and ${one.type} in the table`,
        { detail: "Run once with --full-refresh to take the new type." },
      );
    }
    await session.run(
      `ALTER TABLE ${keysTable(name)} ALTER COLUMN ${column} SET DATA TYPE ${one.type}`,
    );
  }
}

async function deleteRows(
  session: DuckSession,
  name: string,
  stream: StreamDefinition,
  isHere: string,
): Promise<number> {
  const gone = await guard(session, name, stream, `NOT ${isHere}`, "true");
  if (gone > 0) await session.run(`DELETE FROM ${rawTable(name)} AS held WHERE NOT ${isHere}`);
  return gone;
}

async function markRows(
  session: DuckSession,
  name: string,
  stream: StreamDefinition,
  isHere: string,
): Promise<number> {
  await addDeleteMark(session, rawTable(name));
  const mark = quoteIdentifier(DELETED_AT);
  const gone = await guard(
    session,
    name,
    stream,
    `held.${mark} IS NULL AND NOT ${isHere}`,
    `held.${mark} IS NULL`,
  );
  // A row that is back need not have changed.
  await session.run(
    `UPDATE ${rawTable(name)} AS held SET ${mark} = CASE WHEN ${isHere} THEN NULL ELSE now() END
      WHERE (held.${mark} IS NULL) <> ${isHere}`,
  );
  return gone;
}

/** How many rows are gone. Throws `invalid` for too many. */
async function guard(
  session: DuckSession,
  name: string,
  { max_deletes: limit }: StreamDefinition,
  isGone: string,
  isLive: string,
): Promise<number> {
  const [row] = await session.rows(
    `SELECT count(*) FILTER (${isGone}) AS gone, count(*) FILTER (${isLive}) AS live FROM ${
      rawTable(name)
    } AS held`,
  );
  const gone = Number(row?.["gone"] ?? 0);
  const live = Number(row?.["live"] ?? 0);
  const allowed = limit === undefined ? undefined : limitOf(limit);
  const most = allowed === undefined
    ? Math.max(DEFAULT_COUNT, live * DEFAULT_SHARE)
    : "count" in allowed
    ? allowed.count
    : live * allowed.share;
  const isAll = limit === undefined && gone > 0 && gone === live;
  if (gone <= most && !isAll) return gone;
  const rule = limit === undefined
    ? `without max_deletes at most 10 % of the rows, or ${DEFAULT_COUNT} of them, and never all`
    : `max_deletes is ${limit}`;
  throw new AppError(
    "invalid",
    `Stream "${name}": ${gone} of ${live} rows are gone at the source (${rule}); nothing is deleted`,
    {
      reason: "too_many_deletes",
      detail: "Where that is right, set max_deletes on the stream, as 50% or a number of rows, for one run.",
    },
  );
}
