import { AppError } from "../errors.ts";

/** Lists are read in pages: at most so many items, from behind the one that a cursor names. */

/** The most that a page has. */
export const MAX_PAGE = 500;

/** From 1 to one more than a page has, which says whether another follows. */
export const boundedLimit = (limit: number, most = MAX_PAGE): number =>
  Math.min(Math.max(limit, 1), most + 1);

/** `invalid`: the cursor is not one that a page of the list has given, or what it names is gone. */
export function unknownCursor(list: string, cursor: string): AppError {
  return new AppError("invalid", `Cannot read the ${list} behind "${cursor}": there is no such cursor`, {
    reason: "unknown_cursor",
  });
}

/** Where a list is in the memory as a whole: what comes behind the item of the key. Throws invalid for an unknown one. */
export function itemsBehind<T>(
  list: string,
  items: readonly T[],
  keyOf: (item: T) => string,
  cursor: string | undefined,
): readonly T[] {
  if (cursor === undefined) return items;
  const index = items.findIndex((item) => keyOf(item) === cursor);
  if (index === -1) throw unknownCursor(list, cursor);
  return items.slice(index + 1);
}

/** A page from the beginning of a list, or from behind what the cursor names. */
export interface PageRequest {
  readonly limit: number;
  readonly cursor?: string;
}

/** The first `count` items of a list, of which `read` gives a page. */
export async function readPages<T>(
  count: number,
  read: (page: PageRequest) => Promise<readonly T[]>,
  cursorOf: (item: T) => string,
): Promise<T[]> {
  const items: T[] = [];
  while (items.length < count) {
    const limit = Math.min(count - items.length, MAX_PAGE);
    const last = items.at(-1);
    const page = await read({ limit, ...(last === undefined ? {} : { cursor: cursorOf(last) }) });
    items.push(...page);
    if (page.length < limit) break;
  }
  return items;
}
