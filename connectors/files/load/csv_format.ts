import { DataType, type Field, type Schema } from "apache-arrow";
import { EXTENSION_NAME_KEY, OPAQUE_EXTENSION } from "../../../contract/arrow.ts";
import type { CopyOptions } from "../../../contract/connector/destination.ts";
import { isSameName, quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import type { LoadOptions } from "../options.ts";

/** How DuckDB's COPY writes CSV as the options of a load say. */
export function csvCopy(
  schema: Schema,
  options: LoadOptions,
  delimiter: string,
): Pick<CopyOptions, "options" | "expressions"> {
  const partitionBy = options.partition_by ?? [];
  const fields = schema.fields.filter(({ name }) => !partitionBy.some((column) => isSameName(column, name)));
  const expressions = fields.flatMap((field): [string, string][] => {
    const expression = textOf(field, options);
    return expression === undefined ? [] : [[field.name, expression]];
  });
  const quoted = fields.filter((field) => !isNumber(field)).map(({ name }) => name);
  return {
    options: {
      header: options.header,
      delimiter,
      nullstr: options.null,
      new_line: options.line_ends === "crlf" ? "\r\n" : "\n",
      ...(options.quote_style === "all" ? { force_quote: "*" } : {}),
      ...(options.quote_style === "non_numeric" && quoted.length > 0 ? { force_quote: quoted } : {}),
    },
    ...(expressions.length === 0 ? {} : { expressions: Object.fromEntries(expressions) }),
  };
}

/** The column's text as SQL; undefined where DuckDB's own is what is wanted. */
function textOf(field: Field, options: LoadOptions): string | undefined {
  const column = quoteIdentifier(field.name);
  const { date_format, timestamp_format, decimal_separator, thousands_separator } = options;
  if (DataType.isDate(field.type) && date_format !== undefined) {
    return `strftime(${column}, ${quoteLiteral(date_format)})`;
  }
  if (DataType.isTimestamp(field.type) && timestamp_format !== undefined) {
    return `strftime(${column}, ${quoteLiteral(timestamp_format)})`;
  }
  if (!isNumber(field) || (decimal_separator === "." && thousands_separator === undefined)) return undefined;
  const text = `CAST(${column} AS VARCHAR)`;
  const withComma = (number: string) =>
    decimal_separator === "." ? number : `replace(${number}, '.', ${quoteLiteral(decimal_separator)})`;
  if (thousands_separator === undefined) return withComma(text);
  const mark = quoteLiteral(thousands_separator);
  const digits = `regexp_extract(${text}, '^-?(\\d+)', 1)`;
  const groups =
    `reverse(rtrim(regexp_replace(reverse(${digits}), '(\\d{3})', concat('\\1', ${mark}), 'g'), ${mark}))`;
  const rest = withComma(`regexp_extract(${text}, '\\.\\d+$')`);
  // 1e+20, inf and nan have no groups.
  return `CASE WHEN regexp_full_match(${text}, '-?\\d+(?:\\.\\d+)?') ` +
    `THEN concat(CASE WHEN starts_with(${text}, '-') THEN '-' END, ${groups}, ${rest}) ELSE ${
      withComma(text)
    } END`;
}

function isNumber({ type, metadata }: Field): boolean {
  return DataType.isInt(type) || DataType.isFloat(type) || DataType.isDecimal(type) ||
    metadata.get(EXTENSION_NAME_KEY) === OPAQUE_EXTENSION;
}
