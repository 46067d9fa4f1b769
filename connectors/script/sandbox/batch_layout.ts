/**
 * How rows are laid out in a frame, so that neither side has to copy a value: the place of a description as uint32,
 * four bytes of zero, then the buffers of the columns as Arrow has them, each at a multiple of eight bytes, in the order
 * of the columns: a bitmap of the values that are there, where one is missing; where the type has values of any length,
 * rows + 1 int32 of where each begins; the values. The description, JSON, comes last.
 */

/** What a column of rows may hold, and the DuckDB type that it is. */
export const COLUMN_TYPES = {
  boolean: "BOOLEAN",
  int64: "BIGINT",
  int128: "HUGEINT",
  double: "DOUBLE",
  text: "VARCHAR",
  json: "JSON",
  timestamp: "TIMESTAMPTZ",
  blob: "BLOB",
} as const;
export type ColumnType = keyof typeof COLUMN_TYPES;

/** The same of what only Python has values of; a decimal's type has digits. */
export const PYTHON_TYPES = {
  datetime: "TIMESTAMP",
  date: "DATE",
  time: "TIME",
  decimal: "DECIMAL",
} as const;
export type LayoutType = ColumnType | keyof typeof PYTHON_TYPES;

/** Bytes of a value of each type; 0 where it differs from value to value, an eighth of a byte for booleans. */
export const VALUE_BYTES: Readonly<Record<LayoutType, number>> = {
  boolean: 0.125,
  int64: 8,
  int128: 16,
  double: 8,
  timestamp: 8,
  datetime: 8,
  date: 4,
  time: 8,
  decimal: 16,
  text: 0,
  json: 0,
  blob: 0,
};

export interface RowsLayout {
  readonly rows: number;
  readonly columns: readonly ColumnLayout[];
}

export interface ColumnLayout {
  readonly name: string;
  readonly type: LayoutType;
  readonly nulls: number;
  /** Bytes of the values of any length together; 0 for other types. */
  readonly bytes: number;
  /** Of decimals, which are whole numbers of that many digits: so many of them are behind the point. */
  readonly precision?: number | undefined;
  readonly scale?: number | undefined;
}

/** The next multiple of eight. */
export const aligned = (at: number): number => Math.ceil(at / 8) * 8;

export const LAYOUT_HEAD_BYTES = 8;
