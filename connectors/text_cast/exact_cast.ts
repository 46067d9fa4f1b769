import { quoteLiteral } from "../../contract/sql.ts";
import {
  formatSource,
  groupedSource,
  thousandsClass,
  TIME_OF_DAY,
  type ValueFormat,
} from "./value_format.ts";

/**
 * Casts of text in DuckDB's SQL that never change a value: DuckDB's own would round, cut, drop or make
 * up something without a word ('1.5' to BIGINT is 2, '1.005' to DECIMAL(18,2) is 1.01, 'epoch' to DATE is
 * 1970-01-01, '10:00:00+02' to TIME has no offset).
 */

/** Marks an error of ours in DuckDB's message: the label and the value follow. */
export const CAST_FAULT = "sluice_cast";

export interface ExactCast {
  /** The SQL of the text; it is repeated in the expression. */
  readonly text: string;
  readonly type: string;
  /** The type comes from the user, so that `007` may be the integer 7, `yes` true and `4:30` a time. */
  readonly isGiven: boolean;
  /** Stands in the error, before a colon and the value. */
  readonly label: string | number;
}

interface Cast {
  readonly text: string;
  readonly type: string;
  readonly isGiven: boolean;
  /** SQL that raises the error; `type` is the one that would be its value's. */
  readonly fault: (type: string) => string;
}

const TEXT_TYPES = /^(?:VARCHAR|TEXT|STRING|CHAR|BPCHAR)(?:\s*\(\s*\d+\s*\))?$/i;
const INTEGER_TYPES =
  /^(?:U?TINYINT|U?SMALLINT|U?INTEGER|U?INT(?:8|16|32|64|128)?|INT[1248]|SIGNED|U?BIGINT|LONG|OID|SHORT|U?HUGEINT)$/i;
/** Without a precision it is DECIMAL(18,3), without a scale the scale is 0. */
const DECIMAL_TYPE = /^(?:DECIMAL|DEC|NUMERIC)\s*(\(\s*\d+\s*(?:,\s*(\d+)\s*)?\))?$/i;
const DOUBLE_TYPES = /^(?:DOUBLE(?:\s+PRECISION)?|FLOAT8)$/i;
const FLOAT_TYPES = /^(?:FLOAT4?|REAL)$/i;
const BOOLEAN_TYPES = /^(?:BOOLEAN|BOOL|LOGICAL)$/i;
const UUID_TYPES = /^(?:UUID|GUID)$/i;
const TIMESTAMP_TYPES =
  /^(?:TIMESTAMP|DATETIME|TIMESTAMP_(?:S|MS|US|NS)|TIMESTAMP WITHOUT TIME ZONE|TIMESTAMPTZ|TIMESTAMP WITH TIME ZONE)$/i;
const ZONED = /TZ$|WITH TIME ZONE$/i;
const BLANKS = "' ' || chr(9)";

const NUMBER = "-?(?:(?:0|[1-9]\\d{0,16})(?:\\.\\d*)?|\\.\\d+)(?:[eE][+-]?\\d+)?";
/** Of no more digits than a double holds, without an exponent. */
const SHORT_NUMBER = "-?(?:0|[1-9]\\d*)(?:\\.\\d*)?";
const GIVEN_NUMBER = "[+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?";
const NOT_FINITE = "[+-]?(?i:inf|infinity|nan)";
const YEAR = "(?:\\d{3}[1-9]|\\d\\d[1-9]\\d|\\d[1-9]\\d\\d|[1-9]\\d{3})";
const GIVEN_YEAR = `(?:${YEAR}|[1-9]\\d{4,5})`;
const ZONE = "(?:Z|[+-](?:[01]\\d|2[0-3])(?::?[0-5]\\d)?)";
const UUID = "\\{?[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}\\}?";
const INTERVAL =
  "(?:[+-]?\\d+\\s*[A-Za-z]+\\s*)*(?:[+-]?\\d+:\\d\\d(?::\\d\\d(?:\\.\\d{1,6}0*)?)?|[+-]?\\d+\\.\\d{1,6}0*\\s*(?i:s|sec|secs|second|seconds))?";

/** The expression that turns a text into its type, and fails where that would change the value. */
export function exactCast({ text, label, ...cast }: ExactCast, format: ValueFormat): string {
  const fault = `error(concat(${quoteLiteral(`${CAST_FAULT}:${label}:`)}, ${text}))`;
  return castText({ ...cast, text, fault: () => fault }, format);
}

/** Whether any text is a value of the type. */
export const isTextType = (type: string): boolean => TEXT_TYPES.test(type.trim());

/** The same, and NULL where the text does not fit. */
export function triedCast({ text, ...cast }: Omit<ExactCast, "label">, format: ValueFormat): string {
  return `TRY(${failingCast({ text, ...cast }, format)})`;
}

/** The same as `exactCast` for use in a TRY, which takes no function as error(): no type but text takes this. */
export function failingCast({ text, ...cast }: Omit<ExactCast, "label">, format: ValueFormat): string {
  const fault = (type: string) => `CAST(concat('\\x!', ${text}) AS ${type})`;
  return castText({ ...cast, text, fault }, format);
}

function castText(cast: Cast, format: ValueFormat): string {
  const type = cast.type.trim();
  if (TEXT_TYPES.test(type)) return cast.text;
  const given = cast.isGiven ? { ...cast, type, text: `trim(${cast.text}, ${BLANKS})` } : { ...cast, type };
  if (INTEGER_TYPES.test(type)) return integer(given, format);
  const decimal = DECIMAL_TYPE.exec(type);
  if (decimal !== null) {
    return exactDecimal(given, decimal[1] === undefined ? 3 : Number(decimal[2] ?? 0), format);
  }
  if (DOUBLE_TYPES.test(type)) return floating(given, format);
  if (FLOAT_TYPES.test(type)) return single(given, format);
  if (BOOLEAN_TYPES.test(type)) {
    const words = cast.isGiven
      ? "'true', 'false', 't', 'f', 'yes', 'no', 'y', 'n', '1', '0'"
      : "'true', 'false'";
    const { text } = given;
    return choose(given, [[`lower(${text}) IN (${words})`, `TRY_CAST(${text} AS BOOLEAN)`]]);
  }
  if (/^DATE$/i.test(type)) return date(given, format);
  if (TIMESTAMP_TYPES.test(type)) return timestamp(given, format);
  if (/^(?:TIME|TIMETZ|TIME_NS|TIME WITH(?:OUT)? TIME ZONE)$/i.test(type)) return timeOfDay(given);
  if (UUID_TYPES.test(type)) return byPattern(given, UUID);
  if (/^INTERVAL$/i.test(type)) return byPattern(given, INTERVAL);
  return other(given, format);
}

/**
 * The first of the values whose condition holds; NULL stays NULL, and what none takes is at fault. What stands behind
 * a condition that holds is not computed: the cheap ones come first, and regular expressions last.
 */
function choose({ text, type, fault }: Cast, cases: readonly (readonly [string, string])[]): string {
  const whens = cases.map(([condition, value]) => `WHEN ${condition} THEN ${value}`).join(" ");
  return `CASE WHEN ${text} IS NULL THEN NULL ${whens} ELSE ${fault(type)} END`;
}

/**
 * Whether the text has the shape of a LIKE pattern that begins with a year from 0001 on. DuckDB's cast, which
 * fails for what is no digit, does the rest: it is the quick way of the common forms.
 */
const hasShape = (text: string, ...patterns: readonly string[]) =>
  `${text} >= '0001' AND ${text} < ':' AND (${
    patterns.map((pattern) => `${text} LIKE '${pattern}'`).join(" OR ")
  })`;

const isLike = (text: string, pattern: string) => `regexp_full_match(${text}, ${quoteLiteral(pattern)})`;

/** What is written in a way that says it without a doubt, and DuckDB can read. */
function byPattern(cast: Cast, pattern: string): string {
  const value = `TRY_CAST(${cast.text} AS ${cast.type})`;
  return choose(cast, [[`${isLike(cast.text, pattern)} AND ${value} IS NOT NULL`, value]]);
}

/** The number as DuckDB writes it, or an expression that is NULL where it is not one of the format's. */
function plainNumber(text: string, format: ValueFormat): string {
  const { decimalSeparator, thousandsSeparator } = format;
  const withPoint = (number: string) =>
    decimalSeparator === ","
      ? `CASE WHEN NOT contains(${number}, '.') THEN replace(${number}, ',', '.') END`
      : number;
  if (thousandsSeparator === undefined) return withPoint(text);
  const marks = quoteLiteral(`[${thousandsClass(thousandsSeparator)}]`);
  const ungrouped = `CASE WHEN NOT regexp_matches(${text}, ${marks}) THEN ${text} ` +
    `WHEN ${isLike(text, groupedSource(format))} THEN regexp_replace(${text}, ${marks}, '', 'g') END`;
  return withPoint(`(${ungrouped})`);
}

function integer(cast: Cast, format: ValueFormat): string {
  const number = format.thousandsSeparator === undefined ? cast.text : plainNumber(cast.text, format);
  const value = `TRY_CAST(${number} AS ${cast.type})`;
  // Whatever is not written as the integer itself: 1.5, which would be 2, but also 007 and 1e2.
  if (!cast.isGiven) return choose(cast, [[`CAST(${value} AS VARCHAR) = ${number}`, value]]);
  return choose(cast, [[`${isLike(number, "[+-]?\\d+")} AND ${value} IS NOT NULL`, value]]);
}

function exactDecimal(cast: Cast, scale: number, format: ValueFormat): string {
  const number = plainNumber(cast.text, format);
  const value = `TRY_CAST(${number} AS ${cast.type})`;
  const pattern = `[+-]?(?:\\d+(?:\\.\\d{0,${scale}}0*)?|\\.\\d{1,${Math.max(scale, 1)}}0*)`;
  return choose(cast, [[`${isLike(number, pattern)} AND ${value} IS NOT NULL`, value]]);
}

/** The digits of a number from the first to the last that is not 0. */
const digitsOf = (number: string) =>
  `rtrim(ltrim(regexp_replace(${number}, '[eE].*$|[-+.]', '', 'g'), '0'), '0')`;

/** See isExactDouble: the double gives the same digits again when it is written with as many. */
function isExactDouble(number: string, value: string): string {
  const digits = digitsOf(number);
  const written = (precision: number) => digitsOf(`format('{:.${precision - 1}e}', ${value})`);
  return `(${digits} = '' OR (isfinite(${value}) AND ${value} <> 0 AND ` +
    `CASE WHEN abs(${value}) < 2.2250738585072014e-308 THEN ${digits} = ${
      digitsOf(`CAST(${value} AS VARCHAR)`)
    } ` +
    `WHEN strlen(${digits}) <= 15 THEN true ` +
    `ELSE strlen(${digits}) <= 17 AND ${digits} IN (${written(16)}, ${written(17)}) END))`;
}

function floating(cast: Cast, format: ValueFormat): string {
  const number = plainNumber(cast.text, format);
  const value = `TRY_CAST(${number} AS DOUBLE)`;
  const pattern = cast.isGiven ? GIVEN_NUMBER : NUMBER;
  return choose(cast, [
    [`strlen(${number}) <= 15 AND ${isLike(number, SHORT_NUMBER)}`, value],
    [`CAST(${value} AS VARCHAR) = ${number}`, value],
    [`${isLike(number, pattern)} AND ${isExactDouble(number, value)}`, value],
    [isLike(cast.text, NOT_FINITE), `TRY_CAST(${cast.text} AS DOUBLE)`],
  ]);
}

/** What a single holds is written by it with the same digits. */
function single(cast: Cast, format: ValueFormat): string {
  const double = floating({ ...cast, type: "DOUBLE" }, format);
  const value = `TRY_CAST(${double} AS FLOAT)`;
  return choose(cast, [[
    `isnan(${double}) OR (isinf(${value}) = isinf(${double}) AND CAST(CAST(${value} AS VARCHAR) AS DOUBLE) = ${double})`,
    value,
  ]]);
}

/** What strptime reads of a text of this format, and of nothing else. */
function byFormat(cast: Cast, format: string, convert: (read: string) => string): string {
  const read = `try_strptime(${cast.text}, ${quoteLiteral(format)})`;
  const value = convert(read);
  const isWhole = /^DATE$/i.test(cast.type) && TIME_OF_DAY.test(format) ? ` AND ${read} = ${value}` : "";
  return choose(cast, [[
    `${isLike(cast.text, formatSource(format))} AND ${read} IS NOT NULL${isWhole}`,
    value,
  ]]);
}

function date(cast: Cast, format: ValueFormat): string {
  const { text, isGiven } = cast;
  if (format.dateFormat !== undefined) {
    return byFormat(cast, format.dateFormat, (read) => `CAST(${read} AS DATE)`);
  }
  const value = `TRY_CAST(${text} AS DATE)`;
  const plain = [hasShape(text, "____-__-__"), `CAST(${text} AS DATE)`] as const;
  if (!isGiven) return choose(cast, [plain]);
  const pattern =
    `${GIVEN_YEAR}(?:-\\d{1,2}-\\d{1,2}|/\\d{1,2}/\\d{1,2})(?: \\(BC\\)|[ T]00:00(?::00(?:\\.0*)?)?)?|-?infinity`;
  return choose(cast, [plain, [`${isLike(text, pattern)} AND ${value} IS NOT NULL`, value]]);
}

function timestamp(cast: Cast, format: ValueFormat): string {
  const { text, type, isGiven } = cast;
  if (format.timestampFormat !== undefined) {
    return byFormat(cast, format.timestampFormat, (read) => `CAST(${read} AS ${type})`);
  }
  const digits = /_NS$/i.test(type) ? 9 : /_MS$/i.test(type) ? 3 : /_S$/i.test(type) ? 0 : 6;
  const hour = isGiven ? "(?:[01]?\\d|2[0-3])" : "(?:[01]\\d|2[0-3])";
  const fraction = digits === 0 ? "(?:\\.0+)?" : `(?:\\.\\d{1,${digits}}0*)?`;
  const day = isGiven ? `${GIVEN_YEAR}-\\d{1,2}-\\d{1,2}` : `${YEAR}-\\d\\d-\\d\\d`;
  const time = `[ T]${hour}:[0-5]\\d(?::[0-5]\\d${fraction})?`;
  // DuckDB takes 24:00:00 for the next day.
  const isBefore24 = `substring(${text}, 12, 2) < '24'`;
  const plain = `CAST(${text} AS ${type})`;
  if (ZONED.test(type)) {
    // DuckDB wants the seconds where there is a zone, and a blank before its name.
    const whole =
      `regexp_replace(regexp_replace(${text}, '^([^:]*:\\d\\d)([^:\\d].*)$', '\\1:00\\2'), ' ?UTC$', 'Z')`;
    const value = `TRY_CAST(${whole} AS ${type})`;
    const pattern = `${day}${time}${isGiven ? `(?:${ZONE}| ?UTC)` : ZONE}`;
    return choose(cast, [
      [`${hasShape(text, "____-__-__T__:__:__Z", "____-__-__ __:__:__Z")} AND ${isBefore24}`, plain],
      [`${isLike(text, pattern)} AND ${value} IS NOT NULL`, value],
    ]);
  }
  const value = `TRY_CAST(${text} AS ${type})`;
  const bc = isGiven ? "(?: \\(BC\\))?" : "";
  const infinite = isGiven ? "|-?infinity" : "";
  return choose(cast, [
    [`${hasShape(text, "____-__-__ __:__:__", "____-__-__T__:__:__")} AND ${isBefore24}`, plain],
    [`${isLike(text, `${day}(?:${time})?${bc}${infinite}`)} AND ${value} IS NOT NULL`, value],
  ]);
}

function timeOfDay(cast: Cast): string {
  const digits = /_NS$/i.test(cast.type) ? 9 : 6;
  const fraction = `(?:\\.\\d{1,${digits}}0*)?`;
  const zone = ZONED.test(cast.type) ? ZONE : "";
  return byPattern(
    cast,
    cast.isGiven
      ? `(?:[01]?\\d|2[0-3]):[0-5]\\d(?::[0-5]\\d${fraction})?${zone}`
      : `(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d${fraction}${zone}`,
  );
}

/** Lists value by value; of the rest, what DuckDB writes as it was written. */
function other(cast: Cast, format: ValueFormat): string {
  const { text, type } = cast;
  const element = /^(.*\S)\s*\[\s*\d*\s*\]$/s.exec(type)?.[1];
  if (element !== undefined) {
    const items = castText({ ...cast, text: "item", type: element }, format);
    const list = `TRY_CAST(${text} AS VARCHAR[])`;
    const value = `CAST(list_transform(${list}, lambda item: ${items}) AS ${type})`;
    return choose(cast, [[`${list} IS NOT NULL`, value]]);
  }
  const value = `TRY_CAST(${text} AS ${type})`;
  if (!/^(?:STRUCT|MAP|UNION|ROW)\b/i.test(type)) return choose(cast, [[`${value} IS NOT NULL`, value]]);
  const bare = (written: string) => `regexp_replace(${written}, '[\\s"'']', '', 'g')`;
  return choose(cast, [[`${bare(`CAST(${value} AS VARCHAR)`)} = ${bare(text)}`, value]]);
}
