import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";

/**
 * Types of CSV columns: found from a sample so that no value changes by it, and casts that fail
 * where DuckDB's own would round, cut or drop something without a word ('1.5' to BIGINT is 2,
 * '1.005' to DECIMAL(18,2) is 1.01, a timestamp's offset is left out).
 */

export interface ValueFormat {
  readonly decimalSeparator: "." | ",";
  /** strptime formats; undefined is ISO 8601. */
  readonly dateFormat: string | undefined;
  readonly timestampFormat: string | undefined;
}

const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
const TIMESTAMP =
  /^(\d{4}-\d\d-\d\d)[ T]([01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.(\d{1,9}))?)?(Z|[+-]\d\d(?::?\d\d)?)?$/;
const TIME = /^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?$/;
const INTEGER = /^(?:0|-?[1-9]\d{0,37})$/;
const NUMBER = /^-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const LEADING_ZERO = /^-?0\d/;
const NOT_FINITE = /^[+-]?(?:inf|infinity|nan)$/i;
/** A double holds every decimal number of so many digits. */
const DOUBLE_DIGITS = 15;
/** What is written for a double without loss has at most so many. */
const DOUBLE_REPR_DIGITS = 17;

type Kind =
  | "none"
  | "BOOLEAN"
  | "BIGINT"
  | "HUGEINT"
  | "DOUBLE"
  | "DATE"
  | "TIMESTAMP"
  | "TIMESTAMP_NS"
  | "TIMESTAMPTZ"
  | "TIME"
  | "VARCHAR";

/** Finds the narrowest type that every observed value fits exactly. */
export class TypeGuess {
  readonly #format: ValueFormat;
  #kind: Kind = "none";
  #integerDigits = 0;

  constructor(format: ValueFormat) {
    this.#format = format;
  }

  /** DuckDB's type; VARCHAR where no value was seen. */
  get type(): string {
    return this.#kind === "none" ? "VARCHAR" : this.#kind;
  }

  observe(value: string): void {
    if (this.#kind === "VARCHAR") return;
    this.#kind = this.#widen(this.#kind, this.#classify(value));
  }

  #classify(value: string): Kind {
    const { decimalSeparator, dateFormat, timestampFormat } = this.#format;
    if (timestampFormat !== undefined && formatExpression(timestampFormat).test(value)) {
      return timestampFormat.includes("%z") ? "TIMESTAMPTZ" : "TIMESTAMP";
    }
    if (dateFormat !== undefined && formatExpression(dateFormat).test(value)) return "DATE";
    if (INTEGER.test(value)) {
      const digits = value.startsWith("-") ? value.length - 1 : value.length;
      this.#integerDigits = Math.max(this.#integerDigits, digits);
      if (digits < 19) return "BIGINT";
      const integer = BigInt(value);
      return integer === BigInt.asIntN(64, integer) ? "BIGINT" : "HUGEINT";
    }
    const number = decimalSeparator === "," ? value.replace(",", ".") : value;
    if (decimalSeparator === "," && value.includes(".")) return classifyText(value, this.#format);
    if (NUMBER.test(number)) return isExactDouble(number) ? "DOUBLE" : "VARCHAR";
    return classifyText(value, this.#format);
  }

  #widen(a: Kind, b: Kind): Kind {
    if (a === "none" || a === b) return b;
    if (b === "none") return a;
    const pair = new Set<Kind>([a, b]);
    const isOf = (...kinds: Kind[]) => [...pair].every((kind) => kinds.includes(kind));
    if (isOf("BIGINT", "HUGEINT")) return "HUGEINT";
    if (isOf("BIGINT", "DOUBLE")) return this.#integerDigits <= DOUBLE_DIGITS ? "DOUBLE" : "VARCHAR";
    // What reads dates by a format of their own cannot read timestamps.
    const { dateFormat, timestampFormat } = this.#format;
    if (dateFormat !== undefined || timestampFormat !== undefined) return "VARCHAR";
    if (isOf("DATE", "TIMESTAMP")) return "TIMESTAMP";
    if (isOf("DATE", "TIMESTAMP", "TIMESTAMP_NS")) return "TIMESTAMP_NS";
    return "VARCHAR";
  }
}

function isExactDouble(number: string): boolean {
  if (LEADING_ZERO.test(number) || !Number.isFinite(Number(number))) return false;
  const mantissa = number.replace(/[eE].*$/, "").replace(/[-.]/g, "").replace(/^0+/, "");
  return mantissa.length <= DOUBLE_REPR_DIGITS;
}

function classifyText(value: string, format: ValueFormat): Kind {
  if (/^(?:true|false)$/i.test(value)) return "BOOLEAN";
  if (NOT_FINITE.test(value)) return "DOUBLE";
  if (format.dateFormat === undefined && isDate(value)) return "DATE";
  if (TIME.test(value)) return "TIME";
  if (format.timestampFormat !== undefined) return "VARCHAR";
  const [, date, , fraction, zone] = TIMESTAMP.exec(value) ?? [];
  if (date === undefined || !isDate(date)) return "VARCHAR";
  const isNanos = fraction !== undefined && fraction.length > 6;
  if (zone !== undefined) return isNanos ? "VARCHAR" : "TIMESTAMPTZ";
  return isNanos ? "TIMESTAMP_NS" : "TIMESTAMP";
}

function isDate(value: string): boolean {
  const [, year, month, day] = DATE.exec(value) ?? [];
  if (year === undefined || month === undefined || day === undefined) return false;
  const date = new Date(Date.UTC(2000, 0, 1));
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
}

const SPECIFIERS: Readonly<Record<string, string>> = {
  Y: "\\d{4}",
  m: "(?:0?[1-9]|1[0-2])",
  d: "(?:0?[1-9]|[12]\\d|3[01])",
  H: "(?:[01]?\\d|2[0-3])",
  z: "(?:Z|[+-]\\d\\d(?::?\\d\\d)?)",
  "%": "%",
};

/** A strptime format as an expression that its texts match. */
function formatExpression(format: string): RegExp {
  const source = format.replace(/%-?(.)|[\\^$.|?*+(){}\[\]]/gu, (match, specifier) => {
    if (typeof specifier !== "string") return `\\${match}`;
    return SPECIFIERS[specifier] ?? (/[aAbBp]/.test(specifier) ? "\\p{L}+\\.?" : "\\d+");
  });
  return new RegExp(`^${source}$`, "u");
}

/** Marks an error of ours in DuckDB's message: column index and value follow. */
export const CAST_FAULT = "sluice_csv_cast";

const INTEGER_TYPES = /^(?:U?TINYINT|U?SMALLINT|U?INTEGER|INT[1248]?|U?BIGINT|LONG|SHORT|U?HUGEINT)$/i;
/** Without a precision it is DECIMAL(18,3), without a scale the scale is 0. */
const DECIMAL_TYPE = /^(?:DECIMAL|NUMERIC)\s*(\(\s*\d+\s*(?:,\s*(\d+)\s*)?\))?$/i;

/**
 * The expression that turns the text of a column into its type, and fails where that would change
 * the value. `isGiven`: the type comes from the user, so that `007` may be the integer 7.
 */
export function castExpression(
  column: { readonly name: string; readonly index: number; readonly type: string; readonly isGiven: boolean },
  format: ValueFormat,
): string {
  const text = quoteIdentifier(column.name);
  const type = column.type.trim();
  const fault = `error(concat(${quoteLiteral(`${CAST_FAULT}:${column.index}:`)}, ${text}))`;
  const unless = (isWrong: string, value: string) => `CASE WHEN ${isWrong} THEN ${fault} ELSE ${value} END`;
  const has = (part: string) => `contains(${text}, ${quoteLiteral(part)})`;
  const number = format.decimalSeparator === "," ? `replace(${text}, ',', '.')` : text;

  if (/^(?:VARCHAR|TEXT|STRING|CHAR|BPCHAR)$/i.test(type)) return text;
  if (INTEGER_TYPES.test(type)) {
    const cast = `CAST(${text} AS ${type})`;
    // Whatever is not written as the integer itself: 1.5, which would be 2, but also 007 and 1e2.
    if (!column.isGiven) return unless(`CAST(${cast} AS VARCHAR) <> ${text}`, cast);
    return unless(`${has(".")} OR ${has("e")} OR ${has("E")}`, cast);
  }
  const decimal = DECIMAL_TYPE.exec(type);
  if (decimal !== null) {
    const scale = decimal[1] === undefined ? 3 : Number(decimal[2] ?? 0);
    const digits = `rtrim(${number}, '0')`;
    const isCut = `contains(${number}, '.') AND length(${digits}) - instr(${digits}, '.') > ${scale}`;
    const isExponent = `${has("e")} OR ${has("E")}`;
    const separator = format.decimalSeparator === "," ? ` OR ${has(".")}` : "";
    return unless(`(${isCut}) OR ${isExponent}${separator}`, `CAST(${number} AS ${type})`);
  }
  if (/^(?:DOUBLE|FLOAT8?|FLOAT4|REAL)$/i.test(type)) {
    return format.decimalSeparator === ","
      ? unless(has("."), `CAST(${number} AS ${type})`)
      : `CAST(${text} AS ${type})`;
  }
  return timeExpression(text, column, format, unless);
}

function timeExpression(
  text: string,
  column: { readonly type: string; readonly isGiven: boolean },
  format: ValueFormat,
  unless: (isWrong: string, value: string) => string,
): string {
  const type = column.type.trim();
  const cast = `CAST(${text} AS ${type})`;
  const tail = `substring(${text}, 12)`;
  const hasZone = `(contains(${tail}, '+') OR contains(${tail}, '-') OR contains(${tail}, 'Z'))`;
  if (/^DATE$/i.test(type)) {
    if (format.dateFormat === undefined) {
      return unless(column.isGiven ? `contains(${text}, ':')` : `strlen(${text}) > 10`, cast);
    }
    return `CAST(strptime(${text}, ${quoteLiteral(format.dateFormat)}) AS DATE)`;
  }
  if (/^(?:TIMESTAMP|DATETIME|TIMESTAMP_(?:S|MS|US|NS)|TIMESTAMPTZ|TIMESTAMP WITH TIME ZONE)$/i.test(type)) {
    if (format.timestampFormat !== undefined) {
      return `CAST(strptime(${text}, ${quoteLiteral(format.timestampFormat)}) AS ${type})`;
    }
    if (/TZ$|ZONE$/i.test(type)) return unless(`NOT ${hasZone}`, cast);
    const longest = /_NS$/i.test(type) ? 29 : /_MS$/i.test(type) ? 23 : /_S$/i.test(type) ? 19 : 26;
    // 19 is the length of 2024-01-31 10:00:00, which has neither a zone nor a fraction.
    return unless(`strlen(${text}) <> 19 AND (strlen(${text}) > ${longest} OR ${hasZone})`, cast);
  }
  if (/^TIME$/i.test(type)) return unless(`length(${text}) > 15`, cast);
  return cast;
}
