import { digitsOf, isSameDigits } from "./digits.ts";

const MIN_INTEGER = -(2n ** 63n);
const MAX_INTEGER = 2n ** 64n - 1n;

/**
 * Whether MySQL's own JSON type keeps the value of the text: it is valid, no object names a member twice (the
 * first would be lost), and each number is one of its 64-bit integers or the double that is written so.
 */
export function isJsonKept(text: string): boolean {
  let isKept = true;
  let members = 0;
  try {
    JSON.parse(text, (_name, value: unknown, context?: unknown) => {
      const source = sourceOf(context);
      if (typeof value === "number" && source !== undefined && !isNumberKept(source, value)) isKept = false;
      if (typeof value === "object" && value !== null && !Array.isArray(value)) {
        members += Object.keys(value).length;
      }
      return value;
    });
  } catch {
    return false;
  }
  return isKept && members === countNames(text);
}

/** The text of a number, which the third parameter of JSON.parse's function has. */
function sourceOf(context: unknown): string | undefined {
  if (typeof context !== "object" || context === null || !("source" in context)) return undefined;
  return typeof context.source === "string" ? context.source : undefined;
}

function isNumberKept(source: string, value: number): boolean {
  if (/^-?\d+$/.test(source)) {
    const whole = BigInt(source);
    return whole >= MIN_INTEGER && whole <= MAX_INTEGER;
  }
  const given = digitsOf(source);
  return given !== undefined && Number.isFinite(value) && isSameDigits(given, String(value));
}

/** In valid JSON a string with a colon behind it is a name. */
function countNames(text: string): number {
  let count = 0;
  for (const [, colon] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)) if (colon !== undefined) count++;
  return count;
}
