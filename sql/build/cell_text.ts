import { type Column, quoteIdentifier } from "../../contract/sql.ts";

const SHOWN_BYTES = 64;

/** The column as text, one character longer than `maxChars` where it is longer; the first bytes of a BLOB. */
export function cellSql({ name, type }: Column, maxChars: number): string {
  const column = quoteIdentifier(name);
  if (type !== "BLOB") return `left(CAST(${column} AS VARCHAR), ${maxChars + 1})`;
  const rest = `CASE WHEN octet_length(${column}) > ${SHOWN_BYTES} THEN '…' ELSE '' END`;
  return `'\\x' || lower(hex(${column}[1:${SHOWN_BYTES}])) || ${rest}`;
}

/** What cellSql has given, with `…` in place of what is too much. */
export function cutCell(value: unknown, maxChars: number): string | null {
  if (value === null || value === undefined) return null;
  const characters = [...String(value)];
  return characters.length <= maxChars ? characters.join("") : `${characters.slice(0, maxChars).join("")}…`;
}
