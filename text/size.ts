/** Sizes as people and DuckDB write them. */

export const SIZE_PATTERN = /^(\d+(?:\.\d+)?)\s*([KMGT])(i?)B$/;

const EXPONENTS = ["K", "M", "G", "T"];

/** `512MB` → 512,000,000, `2GiB` → 2,147,483,648; undefined where the text is no size. */
export function parseSize(text: string): number | undefined {
  const match = SIZE_PATTERN.exec(text);
  if (match === null) return undefined;
  const [, amount = "", unit = "", binary] = match;
  const base = binary === "i" ? 1024 : 1000;
  return Math.round(Number(amount) * base ** (EXPONENTS.indexOf(unit) + 1));
}
