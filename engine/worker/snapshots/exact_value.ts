/**
 * Whether DuckDB's cast of a text to the type keeps all that the text says: it rounds `1.5` to the integer 2, and drops the
 * time of day where a date is wanted. Of texts that are no such value it says nothing.
 */
export function isExactValue(text: string, type: string): boolean {
  const value = text.trim();
  if (/^U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?$/.test(type)) return hasDecimals(value, 0);
  const [, scale] = /^DECIMAL\(\d+,(\d+)\)$/.exec(type) ?? [];
  if (scale !== undefined) return hasDecimals(value, Number(scale));
  if (type === "DATE") return !/\d[ T]+\d/.test(value) || MIDNIGHT.test(value);
  if (type === "TIMESTAMP_NS") return hasFraction(value, 9);
  return !/^TIME(?:STAMP)?\b/.test(type) || hasFraction(value, 6);
}

const MIDNIGHT = /[ T]+0?0:00(?::00(?:\.0*)?)?\s*(?:Z|UTC|[-+]00(?::?00)?)?$/i;

/** `1.5e1` and the like: what is behind the point moves by the exponent. */
function hasDecimals(number: string, most: number): boolean {
  const [, whole = "", fraction = "", exponent = "0"] =
    /^[-+]?([\d_]*)\.?([\d_]*)(?:e([-+]?\d+))?$/i.exec(number) ?? [];
  const digits = `${whole}${fraction}`.replaceAll("_", "");
  const isZero = /^0*$/.test(digits);
  const trailing = digits.length - digits.replace(/0+$/, "").length;
  return isZero || fraction.replaceAll("_", "").length - Number(exponent) - trailing <= most;
}

/** Of seconds. */
function hasFraction(time: string, most: number): boolean {
  const [, digits = ""] = /:\d{1,2}\.(\d+)/.exec(time) ?? [];
  return digits.replace(/0+$/, "").length <= most;
}
