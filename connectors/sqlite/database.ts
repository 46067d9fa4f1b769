/** What SQLite holds, and what is asked of a database to read it, be it in a file or behind a server. */

/** Integers are always bigints. */
export type SqliteValue = null | bigint | number | string | Uint8Array;
export type SqliteRow = readonly SqliteValue[];

export interface ResultColumn {
  readonly name: string;
  /** As the table declares it; null for an expression. */
  readonly declaredType: string | null;
}

/** All that is asked of it belongs to one read transaction. What it throws is an AppError: `Cannot <subject>: <why>`. */
export interface SqliteReader {
  /**
   * An expression for the bytes of a text or blob as its driver gives them whole: as a blob, or as a text in
   * hexadecimal.
   */
  bytesOf(value: string): string;
  /** All rows of a statement that gives few; `subject` as `read "shop.db"`. */
  all(sql: string, subject?: string): readonly SqliteRow[] | Promise<readonly SqliteRow[]>;
  /** The columns of a SELECT, which is not run. Throws `invalid` where another statement follows it. */
  columns(sql: string): readonly ResultColumn[] | Promise<readonly ResultColumn[]>;
  /** Whether its strings are the texts of a database in UTF-8, so that slices() heeds `texts`. */
  readonly keepsTexts: boolean;
  /**
   * The rows of a SELECT that may be too many to be held at once, in slices of a few; never fewer than there are
   * (rule 7). Where `keepsTexts`, a text in a column of `texts` comes as a string where that is the same text, else as
   * its bytes; and a blob in such a column as 0.
   */
  slices(
    select: string,
    params: readonly SqliteValue[],
    subject: string,
    texts?: readonly number[],
  ): Iterable<readonly SqliteRow[]> | AsyncIterable<readonly SqliteRow[]>;
  /** The same for all rows of a table that has rowids, in their order, where that is cheaper. `table` is quoted. */
  tableSlices?(
    table: string,
    expressions: readonly string[],
    subject: string,
    texts?: readonly number[],
  ): Iterable<readonly SqliteRow[]>;
}
