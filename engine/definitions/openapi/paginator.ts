import { memberOf, plainName, textOf } from "./json_value.ts";
import { isMore, offsetPaging, pagePaging } from "./counted_pages.ts";
import type { Operation, Parameter } from "./operations.ts";
import { mayBe, type PageField, pathText } from "./page_fields.ts";
import { foundAs, type FoundPaging, PageSigns, type Paging, sizeOf } from "./page_signs.ts";
import {
  CURSOR_PARAM,
  HAS_MORE,
  LINK,
  MAYBE_CURSOR,
  NEXT,
  NEXT_CURSOR,
  OFFSET_PARAM,
  PAGE_PARAM,
  TOTAL_PAGES,
  TOTAL_RECORDS,
} from "./page_words.ts";
import type { RecordList } from "./record_list.ts";
import type { Schemas } from "./schemas.ts";

/** How the operation's pages follow one another. */
export function readPaging(operation: Operation, list: RecordList, schemas: Schemas): Paging {
  const signs = new PageSigns(operation, list, schemas);
  const found = linkPaging(signs) ?? cursorOrCount(signs);
  if (found === undefined) return unknownPaging(signs);
  const { size } = signs;
  const isOwn = size === undefined || found.taken.has(size.name);
  const most = isOwn ? undefined : sizeOf(size);
  return {
    ...found,
    params: most === undefined || size === undefined ? {} : { [size.name]: most },
    taken: new Set([...found.taken, ...size === undefined ? [] : [size.name]]),
  };
}

/**
 * A cursor, or numbers of pages and records. Where there are both, a server may give its cursor only to those who ask by it, and
 * a page without one would pass for the last: then one that every page has is used, or numbers, which end with an empty page.
 */
function cursorOrCount(signs: PageSigns): FoundPaging | undefined {
  const cursor = cursorPaging(signs);
  const counted = pagePaging(signs) ?? offsetPaging(signs);
  if (cursor === undefined || counted === undefined) return cursor?.found ?? counted;
  const [param = ""] = cursor.found.taken;
  if (cursor.isRequired || counted.taken.has(param)) return cursor.found;
  const note =
    `pages may also be asked for by ${param}, which is left alone: not every page is sure to have a next one`;
  return {
    ...counted,
    taken: new Set([...counted.taken, ...cursor.found.taken]),
    notes: [...counted.notes, note],
  };
}

/** The address of the next page, in a header or on the page. */
function linkPaging(signs: PageSigns): FoundPaging | undefined {
  const { operation, fields } = signs;
  const others = [CURSOR_PARAM, PAGE_PARAM, OFFSET_PARAM].flatMap((pattern) => signs.param(pattern) ?? []);
  const pageable = operation.extensions.get("x-ms-pageable");
  if (pageable !== undefined) {
    const name = textOf(memberOf(pageable, "nextLinkName"));
    return name === undefined
      ? foundAs({ type: "single_page" }, [])
      : foundAs({ type: "json_link", next_url_path: pathText([name]) }, others);
  }
  const { answer } = operation;
  if ("headers" in answer && answer.headers.has("link")) return foundAs({ type: "header_link" }, others);
  const link = fields.find((field) => isLink(field, signs));
  return link === undefined
    ? undefined
    : foundAs({ type: "json_link", next_url_path: pathText(link.path) }, others);
}

function isLink({ name, above, schema, path }: PageField, signs: PageSigns): boolean {
  const isNext = LINK.test(name) || /^(?:href|url|link|uri)$/.test(name) && NEXT.test(above);
  if (!isNext || !mayBe(schema, "string")) return false;
  if (/ur[il]|link|href/.test(name) || /^_?links?$/.test(above) || NEXT.test(above)) return true;
  if (/^(?:ur[il](?:-reference)?|iri)$/.test(schema.format ?? "")) return true;
  if (typeof schema.example === "string" && /^(?:https?:\/)?\//.test(schema.example)) return true;
  if (/\b(?:url|uri|link|address)\b/i.test(schema.description ?? "")) return true;
  // `next` beside `previous`, and nothing else that asks for a page by what stands there.
  const hasPrevious = signs.fields.some((other) =>
    /^prev(?:ious)?$/.test(other.name) && other.path.length === path.length
  );
  return hasPrevious && signs.param(CURSOR_PARAM) === undefined;
}

/** What a page says to send for the next one. */
function cursorPaging(
  signs: PageSigns,
): { readonly found: FoundPaging; readonly isRequired: boolean } | undefined {
  const params = signs.query.filter(({ name }) => CURSOR_PARAM.test(plainName(name)));
  const sure = signs.field(NEXT_CURSOR, ({ schema }) => mayBe(schema, "string", "integer"));
  const counted = signs.field(
    /^next(?:page|offset)$/,
    ({ schema }) => schema.types.has("integer") || schema.types.has("number"),
  );
  const param = params[0] ?? paramOfCursor(signs, counted);
  if (param === undefined) return undefined;
  const cursor = params.length === 0
    ? counted ?? sure ?? sameName(signs, param)
    : sure ?? signs.field(MAYBE_CURSOR, (field) => isCursor(field, param)) ?? sameName(signs, param);
  const path = cursor === undefined ? lastRecord(signs, param) : pathText(cursor.path);
  if (path === undefined) return undefined;
  const more = signs.field(HAS_MORE, isMore);
  const found = foundAs({
    type: "cursor",
    cursor_path: path,
    cursor_param: param.name,
    ...(more === undefined ? {} : { has_more_path: pathText(more.path) }),
  }, [param]);
  return { found, isRequired: cursor === undefined || cursor.isRequired };
}

/** The id of a page's last record, which `starting_after` asks for those behind; of an empty page there is none. */
function lastRecord({ list: { path, item } }: PageSigns, { name }: Parameter): string | undefined {
  if (!/^(?:startingafter|afterid)$/.test(plainName(name)) || !item.properties.has("id")) return undefined;
  return `${pathText(path)}[-1].id`;
}

/** Numbers of pages and offsets are cursors as well, where the page says the next one. */
function paramOfCursor(signs: PageSigns, counted: PageField | undefined): Parameter | undefined {
  if (counted !== undefined) {
    return signs.param(counted.name === "nextoffset" ? OFFSET_PARAM : PAGE_PARAM);
  }
  const param = signs.param(OFFSET_PARAM) ?? signs.param(PAGE_PARAM);
  return param?.schema.types.has("string") === true ? param : undefined;
}

/** A text `offset` that is sent as it was given, alone on the page or below `next_page`. */
const sameName = (signs: PageSigns, { name }: Parameter): PageField | undefined =>
  signs.fields.find(({ path, name: key, above, schema }) =>
    key === plainName(name) && schema.types.has("string") &&
    (path.length === 1 && /^(?:offset|page|start)$/.test(key) || NEXT.test(above))
  );

function isCursor({ name, above, schema }: PageField, param: Parameter): boolean {
  if (!mayBe(schema, "string", "integer")) return false;
  if (name === "after") return /cursor|next|paging/.test(above);
  if (name === "offset") return false;
  return name !== "cursor" || above !== "" || plainName(param.name) === "cursor";
}

/** Nothing, or not enough, shows how the next page is asked for. */
function unknownPaging(signs: PageSigns): Paging {
  const { size } = signs;
  const asked = [CURSOR_PARAM, PAGE_PARAM, OFFSET_PARAM].flatMap((one) => signs.param(one)?.name ?? []);
  const shown = [HAS_MORE, NEXT_CURSOR, TOTAL_PAGES, TOTAL_RECORDS].flatMap((one) =>
    signs.field(one)?.path.join(".") ?? []
  );
  const words = [...asked, ...size === undefined ? [] : [size.name], ...shown];
  const most = size === undefined ? undefined : sizeOf(size);
  return {
    paginator: undefined,
    params: most === undefined || size === undefined ? {} : { [size.name]: most },
    taken: new Set(size === undefined ? [] : [size.name]),
    notes: words.length === 0 ? [] : [
      `no paginator could be told, though there is ${
        words.slice(0, 4).join(", ")
      }: auto is used, and may read the first page only`,
    ],
  };
}
