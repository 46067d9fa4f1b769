import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { escapeGlob } from "../file_set.ts";
import type { PathColumn } from "../read/path_columns.ts";
import type { CsvCopy } from "./csv_copy.ts";
import type { CsvGroup, CsvPlan } from "./csv_scan.ts";
import type { CsvFile } from "./csv_setup.ts";
import { exactCast } from "../../text_cast/exact_cast.ts";

/**
 * The relation that reads CSV files exactly: DuckDB's reader splits the lines into text, in strict
 * mode and with nothing left to its guesses, and casts of ours that never change a value make the
 * types.
 */

const MANY_COLUMNS = 500;

export interface CsvCopies {
  /** Each file's copy is at this, and behind it the file's own path. */
  readonly prefix: string;
  /** Whether each row begins with its place. */
  readonly isPlaced?: boolean;
  readonly of: ReadonlyMap<CsvFile, CsvCopy>;
}

/** The name that DuckDB gives the column with the file's path. */
export const PATH = "_sluice_path";
/** The first column of copies that say of each row where it stood. */
export const PLACE = "_sluice_place";

/**
 * `(SELECT … FROM read_csv(…))`, one for each group of files. Without `copies`, files that DuckDB cannot read
 * as they are have no rows.
 */
export function csvRelation(plan: CsvPlan, extra: readonly PathColumn[], copies?: CsvCopies): string {
  const selects = plan.groups.map((group) => {
    if (group.isCopied && copies === undefined) return emptySelect(plan, group, extra);
    const expressions = group.names.map((name, index) => {
      const column = plan.columns.get(name) ?? { name, type: "VARCHAR", isGiven: false };
      const quoted = quoteIdentifier(name);
      return `${exactCast({ ...column, text: quoted, label: index }, plan.format)} AS ${quoted}`;
    });
    const path = group.isCopied && copies !== undefined
      ? `substring(${PATH}, ${[...copies.prefix].length + 1})`
      : PATH;
    const more = extra.map((column, index) =>
      `${column.value(`${PATH}_${index}`)} AS ${quoteIdentifier(column.name)}`
    );
    const reader = group.isCopied && copies !== undefined
      ? readCopies(plan, group, copies, extra.length > 0)
      : readCsv(plan, group, extra.length > 0);
    const texts = extra.map((column, index) => `, ${column.text(path)} AS ${PATH}_${index}`).join("");
    const from = extra.length === 0 ? reader : `(SELECT *${texts} FROM ${reader})`;
    return `SELECT ${[...expressions, ...more].join(", ")} FROM ${from}`;
  });
  return `(${selects.join(" UNION ALL BY NAME ")})`;
}

function emptySelect(plan: CsvPlan, group: CsvGroup, extra: readonly PathColumn[]): string {
  const columns = [
    ...group.names.map((name) => ({ name, type: plan.columns.get(name)?.type ?? "VARCHAR" })),
    ...extra,
  ];
  return `SELECT ${
    columns.map(({ name, type }) => `CAST(NULL AS ${type}) AS ${quoteIdentifier(name)}`).join(", ")
  } WHERE false`;
}

function readCsv(plan: CsvPlan, { names, files, head }: CsvGroup, hasPath: boolean): string {
  const { dialect, header } = plan.setup;
  return reader({
    paths: files.map(({ file }) => file.localPath),
    names,
    header,
    delimiter: head.dialect.delimiter,
    quote: dialect.quote,
    escape: dialect.escape,
    skip: head.lines,
    nulls: [...dialect.nulls],
    quotedNull: dialect.quotedNull,
    compression: files[0]?.compression ?? "none",
    lineBytes: plan.options.max_line_bytes,
    hasPath,
  });
}

/** What copyCsv() has written. */
export function readCopies(
  plan: CsvPlan,
  { names, files }: CsvGroup,
  copies: CsvCopies,
  hasPath: boolean,
): string {
  const made = files.map((file) => copies.of.get(file)).filter((copy) => copy !== undefined);
  return reader({
    paths: made.map(({ path }) => path),
    names: copies.isPlaced ? [PLACE, ...names] : names,
    header: false,
    delimiter: ",",
    quote: '"',
    escape: '"',
    skip: 0,
    nulls: [""],
    quotedNull: false,
    compression: "none",
    lineBytes: Math.max(plan.options.max_line_bytes, ...made.map(({ lineBytes }) => lineBytes)),
    hasPath,
  });
}

interface ReaderOptions {
  readonly paths: readonly string[];
  readonly names: readonly string[];
  readonly header: boolean;
  readonly delimiter: string;
  readonly quote: string;
  readonly escape: string;
  readonly skip: number;
  readonly nulls: readonly string[];
  readonly quotedNull: boolean;
  readonly compression: string;
  readonly lineBytes: number;
  readonly hasPath: boolean;
}

function reader(options: ReaderOptions): string {
  const list = (texts: readonly string[]) => `[${texts.map(quoteLiteral).join(", ")}]`;
  return `read_csv(${
    [
      list(options.paths.map(escapeGlob)),
      "auto_detect = false",
      `columns = {${options.names.map((name) => `${quoteLiteral(name)}: 'VARCHAR'`).join(", ")}}`,
      `header = ${options.header}`,
      `delim = ${quoteLiteral(options.delimiter)}`,
      `quote = ${quoteLiteral(options.quote)}`,
      `escape = ${quoteLiteral(options.escape)}`,
      "comment = ''",
      `skip = ${options.skip}`,
      "strict_mode = true",
      "null_padding = false",
      "ignore_errors = false",
      `nullstr = ${list(options.nulls)}`,
      `allow_quoted_nulls = ${options.quotedNull}`,
      "encoding = 'utf-8'",
      `compression = ${quoteLiteral(options.compression)}`,
      `max_line_size = ${options.lineBytes}`,
      // Of wide rows each thread holds thousands of values at a time, and no other is faster for it.
      ...(options.names.length > MANY_COLUMNS ? ["parallel = false"] : []),
      "hive_partitioning = false",
      ...(options.hasPath ? [`filename = ${quoteLiteral(PATH)}`] : []),
    ].join(", ")
  })`;
}
