import {
  type CsvRecord,
  CsvSplitter,
  type FaultReason,
} from "../../../../connectors/files/csv/csv_records.ts";
import { TypeGuess } from "../../../../connectors/files/types/type_guess.ts";
import { exactCast, isTextType, triedCast } from "../../../../connectors/text_cast/exact_cast.ts";
import { PLAIN_FORMAT } from "../../../../connectors/text_cast/value_format.ts";
import { AppError } from "../../../../contract/errors.ts";
import type { RevisionFile } from "../../../../contract/revision.ts";
import { nameKey, quoteIdentifier, quoteLiteral } from "../../../../contract/sql.ts";
import type { GivenColumn, SeedQuery } from "../../../../sql/language/files/seed_query.ts";
import { boundFaults, type Fault, formatFault } from "../../../../text/fault.ts";

/** RFC 4180; what is empty and has no quotes is NULL. */
const DIALECT = {
  delimiter: ",",
  quote: '"',
  escape: '"',
  nulls: new Set([""]),
  quotedNull: false,
  hasMixedLineEnds: true,
};

const LFS_POINTER = "version https://git-lfs.github.com/spec/";

const REASONS: Readonly<Record<FaultReason, string>> = {
  unterminated_quote: "a quoted value has no end",
  text_after_quote: 'text stands behind a closing quote: a quote in a value is written twice, as ""',
  mixed_line_ends: "the lines end in different ways",
  line_too_long: "the line is too long",
};

/**
 * Reads a seed: the first line names the columns. Types are those that are given, and for the others the narrowest
 * that every value fits exactly, as a stream of CSV has them: `007` stays text.
 */
export function readSeed(file: RevisionFile, types: Readonly<Record<string, string>>): SeedQuery {
  const faults: Fault[] = [];
  const fail = (line: number, message: string) =>
    void faults.push({ file: file.path, line, column: 1, message, severity: "error" });
  if (file.content.startsWith(LFS_POINTER)) {
    fail(1, "it is a pointer of git LFS and not the file itself: get that by git lfs pull");
    throw invalid(file, faults);
  }
  const [head, ...rows] = recordsOf(file.content.replace(/^\uFEFF/, ""), fail);
  if (head === undefined && faults.length === 0) {
    fail(1, "the file is empty: its first line names the columns");
  }
  const names = (head?.values ?? []).map((value) => value?.trim() ?? "");
  if (head !== undefined) checkNames(names, head.line, fail);
  for (const { values, line } of rows) {
    if (values.length === names.length) continue;
    fail(line, `${values.length} values, but the first line names ${names.length} columns`);
  }
  const unknown = Object.keys(types).filter((name) =>
    !names.some((other) => nameKey(other) === nameKey(name))
  );
  // The check of the header names them with their place.
  const given = new Map(
    Object.entries(types).filter(([name]) => !unknown.includes(name)).map((
      [name, type],
    ) => [nameKey(name), type]),
  );
  if (faults.length > 0) throw invalid(file, faults);
  const columns = names.map((name, at): SeedColumn => {
    const type = given.get(nameKey(name));
    return type === undefined
      ? { name, type: guessType(rows, at), isGiven: false }
      : { name, type, isGiven: true };
  });
  return {
    sql: querySql(columns, rows),
    given: columns.flatMap((column, at) => givenColumn(column, at, rows)),
  };
}

interface SeedColumn {
  readonly name: string;
  readonly type: string;
  readonly isGiven: boolean;
}

function recordsOf(text: string, fail: (line: number, message: string) => void): CsvRecord[] {
  const records: CsvRecord[] = [];
  for (const record of new CsvSplitter(DIALECT).push(text, true)) {
    if (record.kind === "fault") fail(record.line, REASONS[record.reason]);
    else if (!record.isBlank) records.push(record);
  }
  return records;
}

function checkNames(
  names: readonly string[],
  line: number,
  fail: (line: number, message: string) => void,
): void {
  const [only = ""] = names;
  const other = names.length === 1 ? [";", "\t", "|"].find((sign) => only.includes(sign)) : undefined;
  if (other !== undefined) {
    fail(line, `the columns are separated by ${JSON.stringify(other)}: a seed's are by commas`);
    return;
  }
  const seen = new Set<string>();
  for (const [at, name] of names.entries()) {
    if (name === "") fail(line, `column ${at + 1} has no name`);
    else if (seen.has(nameKey(name))) fail(line, `a second column "${name}"`);
    seen.add(nameKey(name));
  }
}

function guessType(rows: readonly CsvRecord[], at: number): string {
  const guess = new TypeGuess(PLAIN_FORMAT);
  for (const { values } of rows) {
    const value = values[at] ?? null;
    if (value !== null) guess.observe(value);
  }
  return guess.type;
}

/** The rows are one text in the query: a list of VALUES takes DuckDB far longer. */
function querySql(columns: readonly SeedColumn[], rows: readonly CsvRecord[]): string {
  const list = columns.map(({ name, type, isGiven }, at) => {
    const text = `r[${at + 1}]`;
    return `${exactCast({ text, type, isGiven, label: name }, PLAIN_FORMAT)} AS ${quoteIdentifier(name)}`;
  });
  const json = quoteLiteral(JSON.stringify(rows.map(({ values }) => values)));
  return `SELECT ${list.join(",\n  ")}\nFROM (SELECT unnest(from_json(${json}, '[["VARCHAR"]]')) AS r)`;
}

function givenColumn(
  { name, type, isGiven }: SeedColumn,
  at: number,
  rows: readonly CsvRecord[],
): GivenColumn[] {
  if (!isGiven || isTextType(type)) return [];
  const json = quoteLiteral(JSON.stringify(rows.map(({ values }) => values[at] ?? null)));
  const cast = triedCast({ text: "t", type, isGiven }, PLAIN_FORMAT);
  return [{
    name,
    type,
    lines: rows.map(({ line }) => line),
    unfitSql: `SELECT i, t FROM (SELECT unnest(range(${rows.length})) AS i, ` +
      `unnest(from_json(${json}, '["VARCHAR"]')) AS t) WHERE t IS NOT NULL AND ${cast} IS NULL ORDER BY i`,
  }];
}

function invalid({ path }: RevisionFile, all: readonly Fault[]): AppError {
  const faults = boundFaults<Fault>(
    all,
    (message, severity) => ({ file: path, line: 1, column: 1, message, severity }),
  );
  const [first] = faults;
  return new AppError("invalid", first === undefined ? `Cannot read ${path}` : formatFault(first), {
    faults,
  });
}
