import { MARKS } from "./rendering.ts";

const [OPEN, MIDDLE, CLOSE] = MARKS.star;
const STAR = new RegExp(`${OPEN}([^${MIDDLE}]*)${MIDDLE}([^${CLOSE}]*)${CLOSE}`, "g");

/** More tables than one in a FROM, as far as words tell. */
const JOINED = /\bjoin\b|\blateral\b|\bfrom\s+[\w."]+(?:\s+(?:as\s+)?\w+)?\s*,/i;

/**
 * A text with `*` where `star()` was called and one table alone is read; with the columns themselves where there are others,
 * of which `*` would be the columns too. `onUnknown` is told where nobody knows them.
 */
export function withStars(sql: string, onUnknown: () => void): string {
  if (!sql.includes(OPEN)) return sql;
  const isJoined = JOINED.test(sql.replace(STAR, ""));
  return sql.replace(STAR, (_, short: string, columns: string) => {
    if (!isJoined) return short;
    if (columns === "") onUnknown();
    return columns === "" ? short : columns;
  });
}
