import { isSameName } from "../../../../contract/sql.ts";
import { isRecord } from "../../../../text/is_record.ts";
import { type CsvRecord, parseCsv } from "../../../../text/csv.ts";
import type { DbtFile, Dict } from "./read_project.ts";
import { optionalText } from "./settings.ts";

/** A seed's CSV, as dbt reads it. */
export interface SeedCsv {
  readonly columns: readonly string[];
  /** The types that dbt gives columns of which nobody says one, where a seed here would get another one. */
  readonly types: ReadonlyMap<string, string>;
  /** Columns with numbers like `007`, which stay text. */
  readonly zeros: readonly string[];
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
    return { columns: line.split(delimiter), types: new Map(), zeros: [], text, fault };
  }
  let records: CsvRecord[];
  try {
    records = parseCsv(text);
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error);
    return { columns: [], types: new Map(), zeros: [], text, fault };
  }
  const [header, ...rows] = records;
  const columns = (header?.fields ?? []).map((name) => (name ?? "").trim());
  const said = isRecord(settings["column_types"]) ? settings["column_types"] : {};
  const declared = Object.keys(said);
  const types = new Map<string, string>();
  columns.forEach((name, at) => {
    const type = hasName(declared, name) ? undefined : typeInDbt(rows.map(({ fields }) => fields[at]));
    if (type !== undefined) types.set(name, type);
  });
  const zeros = columns.filter((name, at) =>
    !hasName(declared, name) && rows.some(({ fields }) => /^0\d+$/.test(fields[at] ?? ""))
  );
  const times = columns.map((name, at) => {
    const [, type = types.get(name) ?? "date"] = Object.entries(said).find(([one]) => hasName([one], name)) ??
      [];
    const values = rows.map(({ fields }) => fields[at]).filter((field) => !isNull(field));
    return /date|time/i.test(String(type)) &&
      values.every((field) => DATE_TIME.test(field ?? "") || UTC_TIME.test(field ?? ""));
  });
  const lines = rows.map(({ fields }) => filled(fields, times));
  const isOther = rows.some(({ fields }, row) =>
    fields.length < columns.length || fields.some((field, at) => field !== lines[row]?.[at])
  );
  const written = isOther
    ? [columns, ...lines].map((fields) => `${fields.map(csvField).join(",")}\n`).join("")
    : text;
  return { columns, types, zeros, text: written };
}

/** dbt has no empty texts in a seed, and `null` is no text either. */
const isNullText = (field: string | null): boolean => field !== null && /^(?:null)?$/i.test(field.trim());
const isNull = (field: string | null | undefined): boolean =>
  field === undefined || field === null || isNullText(field);

/** All columns of a line; `times` says which of them are dates. */
const filled = (fields: readonly (string | null)[], times: readonly boolean[]): (string | null)[] =>
  Array.from({ length: Math.max(times.length, fields.length) }, (_, at) => {
    const field = fields[at] ?? null;
    if (isNull(field)) return null;
    return times[at] === true ? padded(field ?? "") : field;
  });

const DATE_TIME = /^(\d{4})-(\d{1,2})-(\d{1,2})(?: (\d{1,2}):(\d{1,2}):(\d{1,2}))?$/;

/** A column of timestamps has no zone: that is its value in UTC. */
const UTC_TIME = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2}(?:\.\d+)?)Z$/;

/** dbt reads dates whose parts have one digit. */
function padded(field: string): string {
  const [, utcDate, utcTime] = UTC_TIME.exec(field) ?? [];
  if (utcDate !== undefined) return `${utcDate} ${utcTime}`;
  const [, year, month = "", day = "", hour, minute = "", second = ""] = DATE_TIME.exec(field) ?? [];
  if (year === undefined) return field;
  const two = (part: string) => part.padStart(2, "0");
  const date = `${year}-${two(month)}-${two(day)}`;
  return hour === undefined ? date : `${date} ${two(hour)}:${two(minute)}:${two(second)}`;
}

/** Times that are text to dbt: without a T they have seconds and no more. */
const TEXT_TIME = /^(?:\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?|\d{4}-\d{1,2}-\d{1,2} \d{1,2}:\d{2}(?::\d{2}.+)?)$/;

/** Undefined where a seed gets the same type by itself. */
function typeInDbt(fields: readonly (string | null | undefined)[]): string | undefined {
  const values = fields.filter((field) => !isNull(field)).map((field) => (field ?? "").trim());
  if (values.length === 0) return "INTEGER";
  const isDay = (value: string) => /^\d{4}-\d{1,2}-\d{1,2}$/.test(value);
  // Days and times in one column are texts.
  const isMixed = values.some(isDay) && !values.every(isDay) &&
    values.every((value) => isDay(value) || DATE_TIME.test(value) || UTC_TIME.test(value));
  return isMixed || values.every((value) => TEXT_TIME.test(value)) ? "VARCHAR" : undefined;
}

const csvField = (field: string | null): string =>
  field === null ? "" : /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;

export const hasName = (names: readonly string[], name: string): boolean =>
  names.some((one) => isSameName(one, name));
