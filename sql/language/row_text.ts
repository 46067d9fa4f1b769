import { isSameName, type SqlRow } from "../../contract/sql.ts";

const MAX_SHOWN_COLUMNS = 6;
const MAX_SHOWN_LENGTH = 60;

/** A row for a message, cut where it is long: `day = "2024-01-01", revenue = 5`. `column` comes first. */
export function rowText(row: SqlRow, column?: string): string {
  const entries = Object.entries(row);
  const isChecked = ([name]: [string, unknown]) => column !== undefined && isSameName(name, column);
  const sorted = [...entries.filter(isChecked), ...entries.filter((entry) => !isChecked(entry))];
  const shown = sorted.slice(0, MAX_SHOWN_COLUMNS).map(([name, value]) => `${name} = ${valueText(value)}`);
  return shown.join(", ") + (sorted.length > MAX_SHOWN_COLUMNS ? ", …" : "");
}

function valueText(value: SqlRow[string] | undefined): string {
  if (value === null || value === undefined) return "NULL";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text;
}
