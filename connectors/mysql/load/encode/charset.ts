/** The characters of windows-1252 beyond U+00FF; MySQL's latin1 is that. */
const WINDOWS_1252 = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ";
/** Those of U+0080 to U+009F that it has all the same. */
const KEPT_CONTROLS = "\u0081\u008d\u008f\u0090\u009d";
const NOT_LATIN1 = new RegExp(`[^\\u0000-\\u007f\\u00a0-\\u00ff${WINDOWS_1252}${KEPT_CONTROLS}]`, "u");
const NOT_ASCII = /[\u0080-\uffff]/;
const BEYOND_16_BITS = /[\ud800-\udfff]/;

/** Character sets that take what fitsCharset() lets pass, and give it back. Other ones are asked: see dialect.ts. */
export const isKnownCharset = (charset: string): boolean =>
  ["utf8mb4", "utf8mb3", "utf8", "latin1", "ascii"].includes(charset);

/** Whether the character set has all characters of the text. */
export function fitsCharset(text: string, charset: string): boolean {
  switch (charset) {
    case "utf8":
    case "utf8mb3":
      return !BEYOND_16_BITS.test(text);
    case "latin1":
      return !NOT_LATIN1.test(text);
    case "ascii":
      return !NOT_ASCII.test(text);
    default:
      return true;
  }
}
