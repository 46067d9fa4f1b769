/** What a seed's file holds, as a SELECT of its rows. */
export interface SeedQuery {
  readonly sql: string;
  /** Columns whose types the seed's YAML gives: their values are looked at by DuckDB. */
  readonly given: readonly GivenColumn[];
}

export interface GivenColumn {
  readonly name: string;
  readonly type: string;
  /** A SELECT of `i`, from 0 the number of a row, and `t`, its text, for values that are none of the type. */
  readonly unfitSql: string;
  /** The line of each row in the file. */
  readonly lines: readonly number[];
}
