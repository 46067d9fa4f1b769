import {
  commonTimeKind,
  DOUBLE_DIGITS,
  isExactDouble,
  MAX_TIME_LENGTH,
  type TimeKind,
  timeKind,
} from "./text_kind.ts";
import {
  formatSource,
  groupedSource,
  thousandsClass,
  type ValueFormat,
} from "../../text_cast/value_format.ts";

/**
 * Types of texts, found so that no value changes by them: a type is taken only where each text is
 * written in the one way that says it without a doubt. exactCast() reads the values by the same rules.
 */

const INTEGER = /^(?:0|-?[1-9]\d{0,37})$/;
const NUMBER = /^-?(?:(?:0|[1-9]\d{0,16})\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
/** What C, Java or Python never write for a number, but who numbers rooms or parts does: 12E4. */
const CODE = /^\d+[eE]\d+$/;
const NOT_FINITE = /^[+-]?(?:inf|infinity|nan)$/i;
type Kind =
  | "none"
  | "BOOLEAN"
  | "BIGINT"
  | "HUGEINT"
  | "DOUBLE"
  /** A number beside other numbers, and text where it is alone: `nan`, `inf`. */
  | "not finite"
  /** A number beside numbers with a point, and text otherwise: `1E5`. */
  | "code"
  | TimeKind
  | "VARCHAR";

/** Finds the narrowest type that every observed value fits exactly. */
export class TypeGuess {
  readonly #format: ValueFormat;
  readonly #grouped: RegExp | undefined;
  readonly #dateFormat: RegExp | undefined;
  readonly #timestampFormat: RegExp | undefined;
  readonly #timeBytes = new Uint8Array(MAX_TIME_LENGTH);
  #kind: Kind = "none";
  #integerDigits = 0;
  /** Whether a date was seen that nanoseconds since 1970 do not reach. */
  #hasFarDate = false;

  constructor(format: ValueFormat) {
    const whole = (source: string) => new RegExp(`^${source}$`, "u");
    const { thousandsSeparator, dateFormat, timestampFormat } = format;
    this.#format = format;
    this.#grouped = thousandsSeparator === undefined ? undefined : whole(groupedSource(format));
    this.#dateFormat = dateFormat === undefined ? undefined : whole(formatSource(dateFormat));
    this.#timestampFormat = timestampFormat === undefined ? undefined : whole(formatSource(timestampFormat));
  }

  /** DuckDB's type; VARCHAR where no value was seen. */
  get type(): string {
    const kind = this.#kind;
    return kind === "none" || kind === "not finite" || kind === "code" ? "VARCHAR" : kind;
  }

  observe(value: string): void {
    if (this.#kind === "VARCHAR") return;
    this.#kind = this.#widen(this.#kind, this.#classify(value));
  }

  #classify(value: string): Kind {
    if (this.#timestampFormat?.test(value)) {
      return this.#format.timestampFormat?.includes("%z") ? "TIMESTAMPTZ" : "TIMESTAMP";
    }
    if (this.#dateFormat?.test(value)) return "DATE";
    const { decimalSeparator, thousandsSeparator } = this.#format;
    let number = value;
    if (this.#grouped?.test(value)) {
      number = value.replaceAll(new RegExp(`[${thousandsClass(thousandsSeparator ?? "")}]`, "gu"), "");
    }
    if (INTEGER.test(number)) return this.#classifyInteger(number);
    if (decimalSeparator === ",") {
      if (number.includes(".")) return this.#classifyText(value);
      number = number.replace(",", ".");
    }
    if (!NUMBER.test(number)) return this.#classifyText(value);
    if (!isExactDouble(number)) return "VARCHAR";
    return CODE.test(number) ? "code" : "DOUBLE";
  }

  #classifyInteger(value: string): Kind {
    const digits = value.startsWith("-") ? value.length - 1 : value.length;
    this.#integerDigits = Math.max(this.#integerDigits, digits);
    if (digits < 19) return "BIGINT";
    const integer = BigInt(value);
    return integer === BigInt.asIntN(64, integer) ? "BIGINT" : "HUGEINT";
  }

  #classifyText(value: string): Kind {
    if (/^(?:true|false)$/i.test(value)) return "BOOLEAN";
    if (NOT_FINITE.test(value)) return "not finite";
    const kind = timeKind(value, this.#timeBytes);
    if (kind === undefined || kind === "TIME") return kind ?? "VARCHAR";
    const { dateFormat, timestampFormat } = this.#format;
    if ((kind === "DATE" ? dateFormat : timestampFormat) !== undefined) return "VARCHAR";
    const year = Number(value.slice(0, 4));
    this.#hasFarDate ||= year < 1678 || year > 2261;
    return kind;
  }

  #widen(a: Kind, b: Kind): Kind {
    const kind = this.#common(a, b);
    return kind === "TIMESTAMP_NS" && this.#hasFarDate ? "VARCHAR" : kind;
  }

  #common(a: Kind, b: Kind): Kind {
    if (a === "none" || a === b) return b;
    if (b === "none") return a;
    const isOf = (...kinds: Kind[]) => kinds.includes(a) && kinds.includes(b);
    if (isOf("BIGINT", "HUGEINT")) return "HUGEINT";
    if (isOf("BIGINT", "DOUBLE", "not finite")) {
      return this.#integerDigits <= DOUBLE_DIGITS ? "DOUBLE" : "VARCHAR";
    }
    if (isOf("DOUBLE", "not finite", "code")) return "DOUBLE";
    // What reads dates by a format of their own cannot read timestamps.
    if (this.#dateFormat !== undefined || this.#timestampFormat !== undefined) return "VARCHAR";
    return isTimeKind(a) && isTimeKind(b) ? commonTimeKind(a, b) ?? "VARCHAR" : "VARCHAR";
  }
}

function isTimeKind(kind: Kind): kind is TimeKind {
  return kind.startsWith("DATE") || kind.startsWith("TIME");
}
