import { quoteLiteral } from "../../../contract/sql.ts";
import { DOUBLE_DIGITS, DOUBLE_REPR_DIGITS, ISO_DATE, ISO_OFFSET } from "./text_kind.ts";
import type { ValueFormat } from "./type_guess.ts";

/**
 * Casts of text that fail where DuckDB's own would round, cut or drop something, or read a text in a way of
 * its own, without a word: '1.5' to BIGINT is 2, '1.005' to DECIMAL(18,2) is 1.01, 'epoch' is a date,
 * '1_000' a number, 1e400 infinity, and a timestamp's offset is left out.
 */

/** Marks an error of ours in DuckDB's message: the label and the value follow. */
export const CAST_FAULT = "sluice_cast";

export interface ExactCast {
  /** The SQL of the text; it is repeated in the expression. */
  readonly text: string;
  readonly type: string;
  /** The type comes from the user, so that `007` may be the integer 7, and `yes` true. */
  readonly isGiven: boolean;
  /** Stands in the error, before a colon and the value. */
  readonly label: string | number;
}

const TEXT_TYPE = /^(?:VARCHAR|TEXT|STRING|CHAR|BPCHAR)\s*(?:\(\s*\d+\s*\))?$/i;
const INTEGER_TYPE =
  /^(?:U?TINYINT|U?SMALLINT|U?INTEGER|INT(?:1|2|4|8|16|32|64|128)?|U?BIGINT|LONG|SHORT|OID|U?HUGEINT|BIGNUM|VARINT)$/i;
/** Without a precision it is DECIMAL(18,3), without a scale the scale is 0. */
const DECIMAL_TYPE = /^(?:DECIMAL|DEC|NUMERIC)\s*(\(\s*\d+\s*(?:,\s*(\d+)\s*)?\))?$/i;
const DOUBLE_TYPE = /^(?:DOUBLE|FLOAT8|DOUBLE PRECISION)$/i;
const FLOAT_TYPE = /^(?:FLOAT4?|REAL)$/i;

const DECIMAL = "[-+]?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)";

/** The expression that turns a text into its type, and fails where that would change the value. */
export function exactCast(cast: ExactCast, format: ValueFormat): string {
  const { text } = cast;
  const type = cast.type.trim();
  if (TEXT_TYPE.test(type)) return text;
  const isComma = format.decimalSeparator === ",";
  const number = isComma ? `replace(${text}, ',', '.')` : text;
  const ifComma = (isExact: string) => isComma ? `NOT contains(${text}, '.') AND (${isExact})` : isExact;
  const decimal = DECIMAL_TYPE.exec(type);
  if (INTEGER_TYPE.test(type)) return guarded(cast, text, isInteger(cast));
  if (decimal !== null) {
    const scale = decimal[1] === undefined ? 3 : Number(decimal[2] ?? 0);
    return guarded(cast, number, ifComma(isDecimal(number, scale)));
  }
  if (DOUBLE_TYPE.test(type)) return guarded(cast, number, ifComma(isFloat(number, type, DOUBLE_PRECISION)));
  if (FLOAT_TYPE.test(type)) return guarded(cast, number, ifComma(isFloat(number, type, FLOAT_PRECISION)));
  if (/^BOOL(?:EAN)?$/i.test(type)) {
    const words = cast.isGiven ? GIVEN_BOOLEANS : ["true", "false"];
    const isWord = `lower(${text}) IN (${words.map(quoteLiteral).join(", ")})`;
    return guarded(cast, text, `${text} IN ('true', 'false') OR ${isWord}`);
  }
  return timeCast(cast, type, format);
}

const GIVEN_BOOLEANS = ["true", "t", "yes", "y", "1", "false", "f", "no", "n", "0"];

/**
 * `isExact` is the condition of a CASE: of its alternatives with OR, those behind the one that holds are not
 * computed. So the cheap ones come first, and regular expressions last.
 */
function guarded(cast: ExactCast, value: string, isExact: string): string {
  const fault = `error(concat(${quoteLiteral(`${CAST_FAULT}:${cast.label}:`)}, ${cast.text}))`;
  return `CASE WHEN ${cast.text} IS NULL OR ${isExact} THEN CAST(${value} AS ${cast.type}) ELSE ${fault} END`;
}

const matches = (text: string, expression: string) =>
  `regexp_full_match(${text}, ${quoteLiteral(expression)})`;

/** Written as the integer itself: not 1.5, which would be 2, and, where nobody said so, not 007. */
function isInteger({ text, type, isGiven }: ExactCast): string {
  return isGiven ? isPlain(text, ["."]) : `CAST(CAST(${text} AS ${type}) AS VARCHAR) = ${text}`;
}

/** Of what DuckDB takes for a number at all: digits, a sign and a point, without its own additions. */
function isPlain(number: string, others: readonly string[] = []): string {
  const marks = ["e", "E", "_", "x", "X", "b", "B", ...others];
  return `(${marks.map((mark) => `NOT contains(${number}, '${mark}')`).join(" AND ")})`;
}

function isDecimal(number: string, scale: number): string {
  const isWhole = `NOT contains(${number}, '.')`;
  const isShort = `strlen(${number}) - instr(${number}, '.') <= ${scale}`;
  const hasZeros = matches(number, `[-+]?[0-9]*\\.[0-9]{0,${scale}}0*`);
  return `(${isPlain(number)} AND (${isWhole} OR ${isShort} OR ${hasZeros}))`;
}

interface Precision {
  /** Every decimal number of so many digits is kept. */
  readonly sure: number;
  /** What is written without loss has at most so many. */
  readonly most: number;
  /** Below it there are fewer digits. */
  readonly minNormal: string;
}
const DOUBLE_PRECISION: Precision = {
  sure: DOUBLE_DIGITS,
  most: DOUBLE_REPR_DIGITS,
  minNormal: "2.2250738585072014e-308",
};
const FLOAT_PRECISION: Precision = { sure: 6, most: 9, minNormal: "1.17549436e-38" };

/** As isExactDouble(): written with as many digits, the number is the same again. */
function isFloat(number: string, type: string, { sure, most, minNormal }: Precision): string {
  const value = `TRY_CAST(${number} AS ${type})`;
  const significant = (text: string) => `trim(regexp_replace(${text}, '[eE].*$|[^0-9]', '', 'g'), '0')`;
  const digits = significant(number);
  const written = Array.from({ length: most - sure }, (_, i) => sure + 1 + i).map((count) =>
    `WHEN ${count} THEN ${significant(`format('{:.${count - 1}e}', CAST(${value} AS DOUBLE))`)} = ${digits}`
  );
  const isShort = `strlen(${number}) <= ${sure} AND ${isPlain(number)}`;
  const isCanonical = `CAST(${value} AS VARCHAR) = ${number}`;
  const isEndless = `${matches(number, "(?i)[-+]?(?:nan|inf|infinity)")}`;
  const isKept = `CASE length(${digits}) WHEN 0 THEN true ${written.join(" ")} ` +
    `ELSE length(${digits}) <= ${sure} AND abs(${value}) >= ${minNormal} END`;
  const isNumber = matches(number, `${DECIMAL}(?:[eE][-+]?[0-9]+)?`);
  return `((${isShort}) OR ${isCanonical} OR ${isEndless} OR ` +
    `(${isNumber} AND isfinite(${value}) AND ${isKept}))`;
}

const CLOCK = "[0-9]{1,2}:[0-9]{2}";
const seconds = (digits: number) => `:[0-9]{2}(?:\\.[0-9]{1,${digits}}0*)?`;

function timeCast(cast: ExactCast, type: string, format: ValueFormat): string {
  const { text, isGiven } = cast;
  const { dateFormat, timestampFormat } = format;
  const fits = (expression: string, ...common: readonly string[]) => {
    const isCommon = common.map((pattern) => `${text} LIKE '${pattern}'`);
    const isEndless = isGiven ? [`lower(${text}) IN ('infinity', '-infinity')`] : [];
    return guarded(cast, text, [...isCommon, matches(text, expression), ...isEndless].join(" OR "));
  };
  const byFormat = (strptime: string) => `CAST(strptime(${text}, ${quoteLiteral(strptime)}) AS ${type})`;
  const date = isGiven ? "[0-9]{4,6}-[0-9]{1,2}-[0-9]{1,2}" : ISO_DATE;
  if (/^DATE$/i.test(type)) {
    if (dateFormat !== undefined) return byFormat(dateFormat);
    return fits(isGiven ? `${date}(?:[ T]00:00(?::00(?:\\.0+)?)?)?` : date, "____-__-__");
  }
  const time = /^TIME(_NS)?(?: WITHOUT TIME ZONE)?$/i.exec(type);
  if (time !== null) {
    return guarded(
      cast,
      text,
      `${text} LIKE '__:__:__' OR ${matches(text, `${CLOCK}(?:${seconds(time[1] === undefined ? 6 : 9)})?`)}`,
    );
  }
  const timestamp = TIMESTAMP_TYPE.exec(type);
  if (timestamp === null) return `CAST(${text} AS ${type})`;
  if (timestampFormat !== undefined) return byFormat(timestampFormat);
  const unit = (timestamp[1] ?? "").toUpperCase();
  const clock = unit === "_S"
    ? `${CLOCK}(?::[0-9]{2}(?:\\.0+)?)?`
    : `${CLOCK}(?:${seconds(unit === "_NS" ? 9 : unit === "_MS" ? 3 : 6)})?`;
  const [blank, letter] = ["____-__-__ __:__:__", "____-__-__T__:__:__"];
  if (unit === "TZ" || unit === " WITH TIME ZONE") {
    return fits(`${date}[ T]${clock} ?(?:${ISO_OFFSET}|UTC)`, `${letter}Z`, `${blank}Z`);
  }
  return fits(`${date}(?:[ T]${clock})?`, blank, letter);
}

const TIMESTAMP_TYPE = /^(?:TIMESTAMP|DATETIME)(TZ| WITH TIME ZONE|_S|_MS|_US|_NS| WITHOUT TIME ZONE)?$/i;
