import { NUMBER_TEXT } from "../../../destination/text_forms.ts";

const NUMBER = new RegExp(`^(?:${NUMBER_TEXT})$`, "i");

/** A number as its digits without zeros at both ends, times a power of ten. */
export interface Digits {
  readonly sign: "" | "-";
  /** Empty for zero. */
  readonly digits: string;
  readonly power: number;
}

/** Undefined for what is no finite number in one of the forms that stand for one. */
export function digitsOf(text: string): Digits | undefined {
  if (!NUMBER.test(text)) return undefined;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  const all = whole + fraction;
  const trimmed = all.replace(/0+$/, "");
  const digits = trimmed.replace(/^0+/, "");
  const power = Number(exponent) - fraction.length + (all.length - trimmed.length);
  return { sign: sign === "-" && digits !== "" ? "-" : "", digits, power: digits === "" ? 0 : power };
}

/** Whether the text stands for the same number. */
export function isSameDigits(given: Digits, text: string): boolean {
  const other = digitsOf(text);
  return other !== undefined && other.sign === given.sign && other.digits === given.digits &&
    other.power === given.power;
}

/** The shortest text that stands for a number of 32 bits. */
export function shortestSingle(value: number): string {
  if (!Number.isFinite(value) || value === 0) return Object.is(value, -0) ? "-0" : String(value);
  for (let digits = 1; digits <= 9; digits++) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === value) return text;
  }
  return String(value);
}
