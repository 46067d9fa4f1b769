import { isSameName } from "../../../../contract/sql.ts";
import { type CsvRecord, parseCsv } from "../../../../text/csv.ts";
import type { DbtFile, Dict } from "./read_project.ts";
import { optionalText } from "./settings.ts";

/** A seed's CSV, as dbt reads it. */
export interface SeedCsv {
  readonly columns: readonly string[];
  /** Those in which no line has a value. */
  readonly empty: readonly string[];
  /** The file as seeds are here: what dbt takes as NULL is empty, and each line has all columns. */
  readonly text: string;
  /** Why it is kept as it was: it is no CSV. */
  readonly fault?: string;
}

export function readSeedCsv({ text }: DbtFile, settings: Dict): SeedCsv {
  const delimiter = optionalText(settings["delimiter"]) ?? ",";
  if (delimiter !== ",") {
    const [line = ""] = text.split(/\r?\n/, 1);
    const fault = `is separated by "${delimiter}", and seeds are by commas`;
    return { columns: line.split(delimiter), empty: [], text, fault };
  }
  let records: CsvRecord[];
  try {
    records = parseCsv(text);
  } catch (error) {
    return { columns: [], empty: [], text, fault: error instanceof Error ? error.message : String(error) };
  }
  const [header, ...rows] = records;
  const columns = (header?.fields ?? []).map((name) => (name ?? "").trim());
  const isOther = rows.some(({ fields }) => fields.length < columns.length || fields.some(isNullText));
  const empty = columns.filter((_, at) => rows.every(({ fields }) => isNull(fields[at])));
  if (!isOther) return { columns, empty, text };
  const lines = [columns, ...rows.map(({ fields }) => filled(fields, columns.length))];
  return { columns, empty, text: lines.map((fields) => `${fields.map(csvField).join(",")}\n`).join("") };
}

/** dbt has no empty texts in a seed, and `null` is no text either. */
const isNullText = (field: string | null): boolean => field !== null && /^(?:null)?$/i.test(field.trim());
const isNull = (field: string | null | undefined): boolean =>
  field === undefined || field === null || isNullText(field);

const filled = (fields: readonly (string | null)[], count: number): (string | null)[] =>
  Array.from(
    { length: Math.max(count, fields.length) },
    (_, at) => isNull(fields[at]) ? null : fields[at] ?? null,
  );

const csvField = (field: string | null): string =>
  field === null ? "" : /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;

/** The type that dbt gives a column without a value, where nobody says one. */
export const EMPTY_TYPE = "INTEGER";

export const hasName = (names: readonly string[], name: string): boolean =>
  names.some((one) => isSameName(one, name));
