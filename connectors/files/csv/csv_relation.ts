import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import type { CsvGroup, CsvPlan } from "./csv_scan.ts";
import { exactCast } from "../types/exact_cast.ts";
import { escapeGlob } from "../file_set.ts";

/**
 * The relation that reads CSV files exactly: DuckDB's reader splits the lines into text, in strict
 * mode and with nothing left to its guesses, and casts of ours that never change a value make the
 * types.
 */

/** `(SELECT … FROM read_csv(…))`, one for each group of files. `extra` are more columns to select. */
export function csvRelation(
  plan: CsvPlan,
  extra: readonly string[],
  readerOptions: readonly string[],
): string {
  const selects = plan.groups.map((group) => {
    const expressions = group.names.map((name, index) => {
      const column = plan.columns.get(name) ?? { name, type: "VARCHAR", isGiven: false };
      const quoted = quoteIdentifier(name);
      return `${exactCast({ ...column, text: quoted, label: index }, plan.format)} AS ${quoted}`;
    });
    return `SELECT ${[...expressions, ...extra].join(", ")} FROM ${readCsv(plan, group, readerOptions)}`;
  });
  return `(${selects.join(" UNION ALL BY NAME ")})`;
}

function readCsv(plan: CsvPlan, group: CsvGroup, readerOptions: readonly string[]): string {
  const { dialect, options } = plan;
  const list = (texts: readonly string[]) => `[${texts.map(quoteLiteral).join(", ")}]`;
  const compression = group.files[0]?.compression ?? "none";
  return `read_csv(${
    [
      list(group.files.map(({ file }) => escapeGlob(file.localPath))),
      "auto_detect = false",
      `columns = {${group.names.map((name) => `${quoteLiteral(name)}: 'VARCHAR'`).join(", ")}}`,
      `header = ${options.header}`,
      `delim = ${quoteLiteral(dialect.delimiter)}`,
      `quote = ${quoteLiteral(dialect.quote)}`,
      `escape = ${quoteLiteral(dialect.escape)}`,
      "comment = ''",
      `skip = ${options.skip_rows}`,
      "strict_mode = true",
      "null_padding = false",
      "ignore_errors = false",
      `nullstr = ${list([...dialect.nulls])}`,
      `allow_quoted_nulls = ${dialect.quotedNull}`,
      `encoding = ${quoteLiteral(options.encoding)}`,
      `compression = ${quoteLiteral(compression)}`,
      `max_line_size = ${options.max_line_bytes}`,
      ...readerOptions,
    ].join(", ")
  })`;
}
