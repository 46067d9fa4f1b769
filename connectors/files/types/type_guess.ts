import { commonTimeKind, DOUBLE_DIGITS, isExactDouble, type TimeKind, timeKind } from "./text_kind.ts";

/** Finds types of columns that come as text, so that no value changes by them. */

export interface ValueFormat {
  readonly decimalSeparator: "." | ",";
  /** strptime formats; undefined is ISO 8601. */
  readonly dateFormat: string | undefined;
  readonly timestampFormat: string | undefined;
}

const INTEGER = /^(?:0|-?[1-9]\d{0,37})$/;
const NUMBER = /^-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const NOT_FINITE = /^[+-]?(?:inf|infinity|nan)$/i;

type Kind = "none" | "BOOLEAN" | "BIGINT" | "HUGEINT" | "DOUBLE" | TimeKind | "VARCHAR";

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
    return isTimeKind(a) && isTimeKind(b) ? commonTimeKind(a, b) ?? "VARCHAR" : "VARCHAR";
  }
}

function isTimeKind(kind: Kind): kind is TimeKind {
  return kind.startsWith("DATE") || kind.startsWith("TIME");
}

function classifyText(value: string, format: ValueFormat): Kind {
  if (/^(?:true|false)$/i.test(value)) return "BOOLEAN";
  if (NOT_FINITE.test(value)) return "DOUBLE";
  const kind = timeKind(value);
  if (kind === "TIME" || kind === "DATE" && format.dateFormat === undefined) return kind;
  return format.timestampFormat === undefined && kind !== "DATE" ? kind ?? "VARCHAR" : "VARCHAR";
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
