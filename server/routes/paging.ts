import * as v from "valibot";
import { itemsBehind, MAX_PAGE, type PageRequest, unknownCursor } from "../../contract/lists/page.ts";
import type { RouteResult } from "../http/route.ts";
import { integerText } from "./request_parts.ts";

/** The entries of the query of a list: `limit`, and the `cursor` that the link to the next page has. */
export function pageQuery(byDefault: string, most = MAX_PAGE) {
  return {
    limit: v.exactOptional(
      v.pipe(
        integerText(1, most),
        v.description(`At most this many, 1 to ${most.toLocaleString("en")}; ${byDefault} by default.`),
      ),
    ),
    cursor: v.exactOptional(
      v.pipe(v.string(), v.description("What comes behind it: the Link header has that of the next page.")),
    ),
  };
}

/** A cursor that is a number. Throws invalid for another. */
export function numberOf(list: string, cursor: string): number {
  if (!/^\d{1,15}$/.test(cursor)) throw unknownCursor(list, cursor);
  return Number(cursor);
}

/** A page of what was read with one more than `limit`, which says that another page follows. */
export function pageOf<T>(
  items: readonly T[],
  limit: number,
  cursorOf: (item: T) => string,
): RouteResult<T[]> {
  const body = items.slice(0, limit);
  const last = body.at(-1);
  return { body, ...(items.length > limit && last !== undefined ? { next: cursorOf(last) } : {}) };
}

/** A page of a list that is there as a whole; all of it where no limit is asked for. */
export function pageOfAll<T>(
  list: string,
  items: readonly T[],
  { limit = Infinity, cursor }: Partial<PageRequest>,
  keyOf: (item: T) => string,
): RouteResult<T[]> {
  return pageOf(itemsBehind(list, items, keyOf, cursor), limit, keyOf);
}
