import type { Copied, CopyOptions } from "../../../contract/connector/destination.ts";
import { UNHELD_VALUE } from "../../../contract/connector/destination.ts";
import type { Scan } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import { type Column, quoteIdentifier, quoteLiteral, type SqlValue } from "../../../contract/sql.ts";
import { copyRows } from "../../duckdb/from/copy.ts";
import { exportRows } from "../../duckdb/from/export.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import type { StreamShape } from "../extract/stream_shape.ts";
import type { PassingLoad } from "./passing_load.ts";

/** Hash keys of masks, which must not stand in SQL, for errors quote it. */
const VARIABLE = "_sluice_bound_";

export interface CopiedScan {
  readonly rows: number;
  readonly columns: readonly Column[];
}

/**
 * Has DuckDB write what it reads from a source, in its shape, to where the load stages it: one statement, with nothing
 * in between. Undefined where the files tell no columns. Throws what the scan explains, and where a file has changed
 * meanwhile; what the destination fails with says the load's `check`.
 */
export async function copyScan(
  session: DuckSession,
  scan: Scan,
  shape: StreamShape,
  load: PassingLoad,
  signal: AbortSignal,
): Promise<CopiedScan | undefined> {
  if (scan.hasNoColumns) return undefined;
  await shape.checkWhere(session);
  // A statement reads all files: there are no parts that could make room for each other.
  await using prepared = await scan.prepare?.(signal);
  if (prepared === undefined && scan.parts !== undefined) {
    throw new AppError("internal", "Cannot copy a scan whose files come in parts only");
  }
  await using bound = new BoundValues(session);
  const query = await bindQuery(session, prepared?.relation ?? scan.relation, scan, shape, bound, signal);
  const copied = new ScannedRows(session, scan, query, signal);
  const rows = await load.copy(copied);
  load.check();
  await scan.verify();
  return { rows, columns: session.columnsOf(query.schema) };
}

type Query = { readonly sql: string } & Pick<Awaited<ReturnType<typeof exportRows>>, "schema">;

async function bindQuery(
  session: DuckSession,
  relation: string,
  scan: Scan,
  shape: StreamShape,
  bound: BoundValues,
  signal: AbortSignal,
): Promise<Query> {
  try {
    const columns = await session.describe(`SELECT * FROM ${relation}`);
    const select = shape.select(columns, (value) => bound.bind(value));
    await bound.set();
    const sql = `SELECT ${select} FROM ${relation}${shape.whereClause}`;
    const { schema } = await exportRows(session, sql, { signal });
    return { sql, schema };
  } catch (error) {
    if (signal.aborted) throw error;
    throw await scan.explain(error);
  }
}

/** The rows of a scan for a load, and what reading them has failed with. */
class ScannedRows {
  readonly #session: DuckSession;
  readonly #scan: Scan;
  readonly #query: Query;
  readonly #signal: AbortSignal;
  #failure: { readonly error: unknown } | undefined;

  constructor(session: DuckSession, scan: Scan, query: Query, signal: AbortSignal) {
    this.#session = session;
    this.#scan = scan;
    this.#query = query;
    this.#signal = signal;
  }

  get schema(): Query["schema"] {
    return this.#query.schema;
  }

  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  async copyTo(path: string, options: CopyOptions): Promise<Copied> {
    try {
      return await copyRows(this.#session, this.#query.sql, path, options);
    } catch (error) {
      if (!this.#signal.aborted && isOfWriting(error, path)) throw error;
      this.#failure = { error: this.#signal.aborted ? error : await this.#scan.explain(error) };
      throw this.#failure.error;
    }
  }
}

/** Whether the destination is at fault, of an error of a statement that reads and writes. */
function isOfWriting(error: unknown, path: string): boolean {
  const message = error instanceof Error ? error.message : String(error);
  return message.includes(path) || message.includes(UNHELD_VALUE) ||
    /No space left|Disk quota/i.test(message);
}

/** Values of a query as variables of its session; they are forgotten at the end. */
class BoundValues implements AsyncDisposable {
  readonly #session: DuckSession;
  readonly #values: SqlValue[] = [];

  constructor(session: DuckSession) {
    this.#session = session;
  }

  /** The SQL that stands for the value. */
  bind(value: SqlValue): string {
    const number = this.#values.push(value);
    return `getvariable(${quoteLiteral(`${VARIABLE}${number}`)})`;
  }

  async set(): Promise<void> {
    for (const [i, value] of this.#values.entries()) {
      await this.#session.setVariable(`${VARIABLE}${i + 1}`, value);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const i of this.#values.keys()) {
      await this.#session.run(`RESET VARIABLE ${quoteIdentifier(`${VARIABLE}${i + 1}`)}`).catch(() => {});
    }
  }
}
