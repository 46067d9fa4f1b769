import { AppError } from "../../../../contract/errors.ts";
import { simplePath } from "../json_path.ts";
import type { PathStep } from "../page/json_walk.ts";
import { detect } from "./detect.ts";
import type { PaginatorOptions } from "./options.ts";
import type { PageView, Paginator, Turn } from "./paginator.ts";

type Of<Type extends PaginatorOptions["type"]> = Extract<PaginatorOptions, { readonly type: Type }>;

/** A paginator for one read. */
export function createPaginator(options: PaginatorOptions): Paginator {
  switch (options.type) {
    case "auto":
      return autoPaginator();
    case "single_page":
      return { first: {}, next: () => undefined };
    case "json_link": {
      const path = pathOf(options.next_url_path);
      return { first: {}, next: (page) => linkTurn(page.at(path)) };
    }
    case "header_link":
      return {
        first: {},
        next: ({ headers }) => linkTurn(relOf(headers.get("link") ?? "", options.links_next_key)),
      };
    case "header_cursor":
      return {
        first: {},
        next: ({ headers }) => cursorTurn(headers.get(options.cursor_key), options.cursor_param),
      };
    case "cursor":
      return cursorPaginator(options);
    case "offset":
      return offsetPaginator(options);
    case "page_number":
      return pageNumberPaginator(options);
  }
}

/** The schema has seen to it that there is one. */
const pathOf = (text: string): readonly PathStep[] => simplePath(text) ?? [];

/** The address of the link with the rel, of a Link header (RFC 8288); undefined where there is none. */
export function relOf(header: string, rel: string): string | undefined {
  for (
    const [, url = "", params = ""] of header.matchAll(
      /<([^>]*)>((?:\s*;\s*[^,;"]+(?:"(?:[^"\\]|\\.)*")?)*)/g,
    )
  ) {
    const [, quoted, plain] = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,]+))/i.exec(params) ?? [];
    const rels = (quoted ?? plain ?? "").toLowerCase().split(/\s+/);
    if (rels.includes(rel.toLowerCase())) return url;
  }
  return undefined;
}

/** What stands where a next address may be: nothing where it is the last page. */
function linkTurn(value: unknown): Turn | undefined {
  if (isNothing(value)) return undefined;
  if (typeof value === "string") return { url: value };
  throw new AppError("invalid", `The next page's address is ${shown(value)}, expected a text`);
}

function cursorTurn(value: unknown, param: string): Turn | undefined {
  const cursor = cursorOf(value);
  return cursor === undefined ? undefined : { params: { [param]: String(cursor) } };
}

function cursorOf(value: unknown): string | number | undefined {
  if (isNothing(value)) return undefined;
  if (typeof value === "string" || typeof value === "number") return value;
  throw new AppError("invalid", `The next page's cursor is ${shown(value)}, expected a text or a number`);
}

const isNothing = (value: unknown): boolean =>
  value === undefined || value === null || value === "" || value === false;

const shown = (value: unknown): string => JSON.stringify(value)?.slice(0, 80) ?? String(value);

function cursorPaginator(options: Of<"cursor">): Paginator {
  const path = pathOf(options.cursor_path);
  const bodyPath = options.cursor_body_path === undefined ? undefined : pathOf(options.cursor_body_path);
  const more = options.has_more_path === undefined ? undefined : pathOf(options.has_more_path);
  return {
    first: {},
    next(page) {
      if (more !== undefined && !isMore(page.at(more), options.has_more_path ?? "")) return undefined;
      const cursor = cursorOf(page.at(path));
      if (cursor === undefined) {
        if (more === undefined) return undefined;
        throw new AppError(
          "invalid",
          `The page says at "${options.has_more_path}" that there are more, and has no cursor at "${options.cursor_path}"`,
        );
      }
      return bodyPath === undefined
        ? { params: { [options.cursor_param ?? "cursor"]: String(cursor) } }
        : { body: [[bodyPath, cursor]] };
    },
  };
}

function isMore(value: unknown, path: string): boolean {
  if (typeof value === "boolean") return value;
  if (value === undefined || value === null) return false;
  if (value === "true" || value === 1) return true;
  if (value === "false" || value === 0) return false;
  throw new AppError("invalid", `The page has ${shown(value)} at "${path}", expected true or false`);
}

/** The number that a page says there are in all; undefined where it is not asked. */
function totalOf(page: PageView, path: string | null | undefined): number | undefined {
  if (path === undefined || path === null) return undefined;
  const value = page.at(pathOf(path));
  if (value === undefined || value === null) {
    throw new AppError("invalid", `The page has no total at "${path}"; correct total_path, or leave it out`);
  }
  const total = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof total === "number" && Number.isInteger(total) && total >= 0) return total;
  throw new AppError("invalid", `The page has ${shown(value)} at "${path}", expected a whole number`);
}

function offsetPaginator(options: Of<"offset">): Paginator {
  const { limit, maximum_offset: maximum = Infinity } = options;
  let offset = options.offset;
  let short: number | undefined;
  const turn = (): Turn => ({
    params: {
      ...(options.offset_body_path === undefined ? { [options.offset_param]: String(offset) } : {}),
      ...(options.limit_body_path === undefined && options.limit_param !== null
        ? { [options.limit_param]: String(limit) }
        : {}),
    },
    body: [
      ...(options.offset_body_path === undefined
        ? []
        : [[pathOf(options.offset_body_path), offset] as const]),
      ...(options.limit_body_path === undefined ? [] : [[pathOf(options.limit_body_path), limit] as const]),
    ],
  });
  return {
    first: turn(),
    next(page) {
      if (page.records > limit) throw stepFault(options, page.records, "more");
      // A page that is not full is the last one, or the server's own limit is lower: the next page tells.
      if (short !== undefined && page.records > 0) throw stepFault(options, short, "only");
      short = page.records < limit && page.records > 0 ? page.records : undefined;
      const read = offset + page.records;
      offset += limit;
      const goesOn = isCountedOn(options, page, (total) => read < total);
      return goesOn && offset <= maximum ? turn() : undefined;
    },
  };
}

/** The next offset would leave out records, or give some of them again. */
function stepFault(
  { limit, limit_param: param }: Of<"offset">,
  records: number,
  word: "more" | "only",
): AppError {
  const what = word === "only" ? `only ${records} records and has more of them` : `${records} records`;
  const sent = param === null ? "limit" : `limit (sent as ${param})`;
  return new AppError(
    "invalid",
    `The server gave ${what} where ${sent} is ${limit}; set limit to what the server gives a page`,
  );
}

function pageNumberPaginator(options: Of<"page_number">): Paginator {
  const { base_page: base, maximum_page: maximum = Infinity } = options;
  let number = options.page ?? base;
  const turn = (): Turn =>
    options.page_body_path === undefined
      ? { params: { [options.page_param]: String(number) } }
      : { body: [[pathOf(options.page_body_path), number]] };
  return {
    first: turn(),
    next(page) {
      number++;
      // dlt's total_path of a page_number counts pages.
      const goesOn = isCountedOn(options, page, (total) => number < total + base);
      return goesOn && number <= maximum ? turn() : undefined;
    },
  };
}

/** Whether there is a page after this one, by what says so. */
function isCountedOn(
  options: Of<"offset"> | Of<"page_number">,
  page: PageView,
  isBelow: (total: number) => boolean,
): boolean {
  if (options.stop_after_empty_page && page.records === 0) return false;
  const { has_more_path: more } = options;
  if (more !== undefined) return isMore(page.at(pathOf(more)), more);
  const total = totalOf(page, options.total_path);
  if (total !== undefined) return isBelow(total);
  if (options.stop_after_empty_page) return true;
  if (("maximum_page" in options ? options.maximum_page : undefined) !== undefined) return true;
  if (("maximum_offset" in options ? options.maximum_offset : undefined) !== undefined) return true;
  throw new AppError(
    "invalid",
    "Nothing ends the pages: set total_path, has_more_path, stop_after_empty_page or a maximum",
  );
}

/** Goes by what the first page that tells shows, and stays with it. */
function autoPaginator(): Paginator {
  let found: Paginator | undefined;
  return {
    first: {},
    next(page) {
      found ??= createPaginator(detect(page));
      return found.next(page);
    },
  };
}
