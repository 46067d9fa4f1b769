// deno-fmt-ignore-file
// Written by `sluice script types`, which writes it anew: docs/scripts.md of Sluice tells about all of it.

/**
 * A value of a column.
 *
 * - `boolean` becomes BOOLEAN, `string` VARCHAR, `Date` TIMESTAMP WITH TIME ZONE, `Uint8Array` BLOB.
 * - `number` becomes BIGINT where all values of the column are whole and at most 2^53, else DOUBLE.
 * - `bigint` becomes BIGINT, HUGEINT where 64 bits do not hold it, and text where 128 do not.
 * - an array or an object becomes JSON.
 * - `null` and `undefined` are NULL.
 *
 * A column whose values are of several kinds gets the type that holds all of them exactly, in doubt text.
 */
export type Value =
  | null
  | undefined
  | boolean
  | number
  | bigint
  | string
  | Date
  | Uint8Array
  | readonly unknown[]
  | { readonly [key: string]: unknown };

/** A row: the names of its columns, and their values. */
export interface Row {
  readonly [column: string]: Value;
}

/** Rows as columns: one list of values for each, all of one length. */
export interface Columns {
  readonly columns: { readonly [column: string]: ArrayLike<Value> };
}

/** Rows as Arrow: a Table or a RecordBatch of the package apache-arrow. Its types become those of DuckDB. */
export interface Arrow {
  readonly schema: { readonly fields: readonly unknown[] };
  readonly numRows: number;
  getChild(name: string): unknown;
}

/**
 * What a script yields: a row, many of them, rows as lists of values (once their columns are declared by
 * `ctx.columns`), columns, or Arrow. Many rows at a time are faster than one by one, lists faster than objects.
 */
export type Rows = Row | readonly Row[] | readonly (readonly Value[])[] | Columns | Arrow;

/** What a param of a pipeline can be. */
export type ParamValue = string | number | boolean | null;

/** What the run is for. A retry of a run has the same. */
export interface RunWindow {
  readonly run_id: string;
  readonly pipeline: string;
  /** When the run was begun: the same for all its streams and all its attempts. */
  readonly run_start: Date;
  /** From when on there is something new; null where nothing says so, as in a first run. */
  readonly start: Date | null;
  /** Up to when. */
  readonly end: Date;
}

/** A line of the run's log. Several values are put together with a space between them. */
export interface Log {
  info(...values: unknown[]): void;
  warn(...values: unknown[]): void;
}

/**
 * What a script is called with. `State` is what it hands to `checkpoint`, any JSON:
 *
 * ```ts
 * import type { ScriptContext } from "sluice";
 *
 * export default async function* (ctx: ScriptContext<{ page: number }>) {
 *   for (let page = ctx.state?.page ?? 1;; page++) {
 *     const response = await ctx.fetch(`https://api.example.com/orders?page=${page}`);
 *     const orders = await response.json();
 *     if (orders.length === 0) return;
 *     yield orders;
 *     await ctx.checkpoint({ page: page + 1 });
 *   }
 * }
 * ```
 */
export interface ScriptContext<State = unknown> {
  /** The params of the run, by name. */
  readonly params: { readonly [name: string]: ParamValue };
  /** What the run is for. */
  readonly window: RunWindow;
  /** The state that was committed last; undefined where there is none, as in a first run. */
  readonly state: State | undefined;
  /** Of an incremental stream: the greatest value of its update_key so far, as text; null where there is none. */
  readonly cursor: { readonly column: string; readonly value: string } | null;
  /**
   * All rows of the streams that `input` of the stream names, read as they are asked for. A loop that is left can be
   * taken up again. Throws where the stream has no `input`.
   */
  readonly input: AsyncIterable<InputBatch>;
  /** Aborted when nobody waits for the script any more: the run is cancelled, or its time is over. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /**
   * Asks a host that `hosts` of the stream names, as the global fetch does; redirects lead to such only. Rejects with a
   * TypeError for any other host.
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** The value of a secret that `secrets` of the stream names. Throws a TypeError for any other. */
  secret(name: string): string;
  /** Names the columns of rows that are yielded as lists of values, before the first of them. */
  columns(names: readonly string[]): void;
  /**
   * Everything that was yielded before it is committed together with the state, which the next run gets. A run that
   * fails later keeps it.
   */
  checkpoint(state: State): Promise<void>;
}

/** Rows of one stream of a script's input, as many as its `batch` says at most; values are those of a `Batch`. */
export interface InputBatch extends ReadonlyArray<{ readonly [column: string]: Value }> {
  /** The stream that they are rows of. */
  readonly stream: string;
}

/** The function that the script of a stream exports as `default`. */
export type Source<State = unknown> = (
  ctx: ScriptContext<State>,
) => AsyncIterable<Rows> | Iterable<Rows> | Promise<readonly Rows[]>;

/**
 * Rows of a load, as many as its `batch` says at most. A value is what its column's type in DuckDB makes of it: whole
 * numbers are `number`, `bigint` beyond 2^53; DECIMAL, dates and times (ISO 8601), UUIDs are `string`; BLOB is
 * `Uint8Array`; lists, structs and JSON are arrays and objects.
 */
export interface Batch extends ReadonlyArray<{ readonly [column: string]: unknown }> {
  /** The same whenever the same rows are given again, as in a retry: an idempotency key. */
  readonly key: string;
  /** Says that a row, or the one at a place from 0, is not wanted; it is kept aside. To be called before the next batch is asked for. */
  reject(row: { readonly [column: string]: unknown } | number, reason: string): void;
}

/** What the script of a load is called with. */
export type WriteContext = Omit<ScriptContext, "state" | "cursor" | "input" | "columns" | "checkpoint">;

/** The function that the script of a load exports as `write`. It returns when all rows are where they belong. */
export type Write = (batches: AsyncIterable<Batch>, ctx: WriteContext) => Promise<void>;

/** A request of a connector as it is about to be sent. */
export interface SignRequest {
  readonly method: string;
  /** The address as it is sent, its query to the letter. A copy: changing it changes nothing. */
  readonly url: URL;
  /** As they are sent, and `host`. A copy. */
  readonly headers: Headers;
  /** As it is sent; empty where there is none. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** The body as text. */
  readonly text: string;
  /** The time of the signature. */
  readonly now: Date;
}

/** What a script that signs requests may use. It has no network. */
export interface SignContext {
  /** The value of a secret that `secrets` of the connector's `auth` names. Throws a TypeError for any other. */
  secret(name: string): string;
  readonly log: Log;
  /** Aborts when the run is stopped. */
  readonly signal: AbortSignal;
}

/** What a request gets beside what it has. */
export interface Signature {
  /** Headers to set. */
  readonly headers?: Headers | { readonly [name: string]: string | number };
  /** Parameters to put behind those of the query. */
  readonly params?:
    | URLSearchParams
    | { readonly [name: string]: string | number | readonly (string | number)[] };
  /** The whole address in the place of the request's, with another query; server and path are to be the same. */
  readonly url?: string | URL;
}
