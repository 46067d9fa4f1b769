/** The types of functions of SQL. The program inside a sandbox reads this file too: it imports nothing. */

/** Types of arguments and results, as they are written in DuckDB's SQL. */
export const FUNCTION_TYPES = [
  ...["BOOLEAN", "INTEGER", "BIGINT", "HUGEINT", "DOUBLE", "VARCHAR", "JSON", "BLOB", "DATE"],
  ...["TIMESTAMP", "TIMESTAMPTZ"],
] as const;
const DECIMAL = /^DECIMAL\s*\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)$/i;
const MAX_DIGITS = 38;

/** A type of arguments and results. `width` and `scale` are a DECIMAL's. */
export interface FunctionType {
  readonly name: (typeof FUNCTION_TYPES)[number] | "DECIMAL";
  readonly width?: number;
  readonly scale?: number;
}

/** The type by what a definition says; undefined where there is none such. */
export function parseFunctionType(written: string): FunctionType | undefined {
  const trimmed = written.trim();
  const [, width, scale] = DECIMAL.exec(trimmed) ?? [];
  if (width === undefined || scale === undefined) {
    const name = FUNCTION_TYPES.find((one) => one === trimmed.toUpperCase());
    return name === undefined ? undefined : { name };
  }
  const isType = Number(width) >= 1 && Number(width) <= MAX_DIGITS && Number(scale) <= Number(width);
  return isType ? { name: "DECIMAL", width: Number(width), scale: Number(scale) } : undefined;
}

/** The type in SQL. */
export const functionTypeText = ({ name, width, scale }: FunctionType): string =>
  name === "DECIMAL" ? `DECIMAL(${width}, ${scale})` : name;
