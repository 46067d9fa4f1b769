import { AppError } from "../../../../contract/errors.ts";
import type { PathStep } from "../page/json_walk.ts";
import type { PaginatorOptions } from "./options.ts";
import type { PageView } from "./paginator.ts";

/** Where APIs have the address of the next page. */
const LINKS: readonly (readonly PathStep[])[] = [
  ["next"],
  ["next_url"],
  ["next_page_url"],
  ["next_link"],
  ["nextLink"],
  ["@odata.nextLink"],
  ["links", "next"],
  ["links", "next", "href"],
  ["_links", "next"],
  ["_links", "next", "href"],
  ["paging", "next"],
  ["paging", "next", "link"],
  ["pagination", "next"],
  ["pagination", "next_url"],
  ["pagination", "next_link"],
  ["meta", "next"],
  ["info", "next"],
  ["response", "next"],
];

const ADDRESS = /^(?:https?:\/\/|\/|\?)/i;
/** Keys that say that there may be more than the page has. */
const HAS_MORE = /^(?:has_?more|has_?next(?:_?page)?|more|is_?truncated)$/i;
const CURSOR =
  /^(?:next_?(?:cursor|page_?token|page|token|offset)|cursors?|continuation(?:_?token)?|after|pagination_?token)$/i;
const TOTAL =
  /^(?:total|total_?(?:count|items|results|records|pages|elements)|count|num_?(?:results|pages))$/i;
const INNER = [
  "meta",
  "metadata",
  "paging",
  "pagination",
  "page",
  "page_info",
  "pageInfo",
  "response_metadata",
  "info",
];

/**
 * How the next page is asked for, by what a page shows. Throws `invalid` where it shows that there may be more and not how to
 * ask for it: a part of the records must not pass for all of them.
 */
export function detect(page: PageView): PaginatorOptions {
  if (/<[^>]*>\s*;[^,]*\brel\s*=\s*"?next\b/i.test(page.headers.get("link") ?? "")) {
    return { type: "header_link", links_next_key: "next" };
  }
  for (const path of LINKS) {
    const value = page.at(path);
    if (typeof value === "string" && ADDRESS.test(value)) {
      return { type: "json_link", next_url_path: textOf(path) };
    }
  }
  const sign = signOfMore(page);
  if (sign !== undefined) {
    throw new AppError(
      "invalid",
      `The page has ${sign}, which says that there are more records, and nothing that shows how to ask for them; set paginator`,
    );
  }
  return { type: "single_page" };
}

/** What on the page says that it is not all; undefined where nothing does. */
function signOfMore(page: PageView): string | undefined {
  const places: (readonly PathStep[])[] = page.keys.map((key) => [key]);
  for (const key of INNER) {
    const value = page.keys.includes(key) ? page.at([key]) : undefined;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      places.push(...Object.keys(value).map((inner) => [key, inner]));
    }
  }
  for (const path of places) {
    const name = String(path.at(-1));
    const isInteresting = HAS_MORE.test(name) || CURSOR.test(name) || TOTAL.test(name);
    const value = isInteresting ? page.at(path) : undefined;
    const isSign = HAS_MORE.test(name)
      ? value === true
      : CURSOR.test(name)
      ? typeof value === "string" && value !== "" || typeof value === "number"
      : typeof value === "number" && value > page.records && !/pages$/i.test(name) ||
        /pages$/i.test(name) && typeof value === "number" && value > 1;
    if (isSign) return `${JSON.stringify(textOf(path))}: ${JSON.stringify(value)}`;
  }
  return undefined;
}

const textOf = (path: readonly PathStep[]): string =>
  path.map((step) => /^[A-Za-z_]\w*$/.test(String(step)) ? step : JSON.stringify(step)).join(".");
