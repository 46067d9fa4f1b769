import { type JsonObject, memberOf, numberOf, plainName, textOf } from "./json_value.ts";
import type { Operation, Parameter } from "./operations.ts";
import { isNumber, mayBe, type PageField, pageFields, pathText } from "./page_fields.ts";
import type { RecordList } from "./record_list.ts";
import type { Schemas } from "./schemas.ts";

/** How the next page is asked for, as far as names and descriptions tell. */
export interface Paging {
  /** As an endpoint has it; undefined leaves it to what the pages show (`auto`). */
  readonly paginator: JsonObject | undefined;
  /** The size of a page, where it is a parameter of its own. */
  readonly params: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
  /** Parameters that are the paginator's. */
  readonly taken: ReadonlySet<string>;
}

const CURSOR_PARAM =
  /^(?:(?:next|page|start|end)?cursor|cursormark|(?:next)?pagetoken|nexttoken|(?:next)?continuation(?:token)?|paginationtoken|after|aftercursor|afterid|startingafter|page\[(?:after|cursor)\]|(?:next)?marker|bookmark|scrollid|nextpage|nextkey)$/;
const PAGE_PARAM =
  /^(?:page|pageno|pagenum|pagenumber|pageindex|currentpage|p|page\[number\]|pagination\[page\])$/;
const OFFSET_PARAM =
  /^(?:offset|skip|start|startat|startindex|startposition|from|page\[offset\]|pageoffset)$/;
const SIZE_PARAM =
  /^(?:perpage|pagesize|pagelimit|limit|size|count|page\[size\]|page\[limit\]|maxresults|maxitems|maxpagesize|maxrecords|top|take|first|results?perpage|itemsperpage|recordsperpage|rows|pagination\[pagesize\])$/;

const NEXT_CURSOR =
  /^(?:next(?:page)?(?:cursor|token|marker|key|after)|nextcontinuationtoken|continuationtoken|paginationtoken|endcursor|scrollid|pagetoken)$/;
/** What may be a cursor, and something else. */
const MAYBE_CURSOR = /^(?:next|nextpage|nextoffset|cursor|after|bookmark|marker|offset)$/;
const LINK =
  /^(?:next|nexturl|nexturi|nextlink|nexthref|nextpageurl|nextpagelink|nextpageuri|nextpage|@odata\.nextlink)$/;
const TOTAL_PAGES =
  /^(?:totalpages?|pagestotal|pagecount|totalpagecount|numpages|numberofpages|lastpage|pages)$/;
const TOTAL_RECORDS =
  /^(?:total|totalcount|totalitems|totalresults|totalrecords|totalelements|totalhits|totalrows|numfound|recordstotal)$/;
const HAS_MORE = /^(?:hasmore|hasnext|hasnextpage|hasmoreitems|hasmoreresults|moreavailable)$/;

/** Keys of objects that tell of the next page. */
const NEXT = /^(?:next|nextpage|nextlink)$/;

const MAX_SIZE = 1000;
/** What most servers take. */
const GUESSED_LIMIT = 100;

/** What one operation shows of its pages. */
class Signs {
  readonly query: readonly Parameter[];
  readonly fields: readonly PageField[];
  readonly size: Parameter | undefined;

  constructor(readonly operation: Operation, readonly list: RecordList, schemas: Schemas) {
    this.query = operation.parameters.filter(({ place }) => place === "query");
    this.fields = pageFields(list, schemas);
    this.size = this.query.find(({ name, schema }) => SIZE_PARAM.test(plainName(name)) && isNumber(schema));
  }

  param(pattern: RegExp): Parameter | undefined {
    return this.query.find(({ name }) => pattern.test(plainName(name)));
  }

  field(pattern: RegExp, isFitting: (field: PageField) => boolean = () => true): PageField | undefined {
    return this.fields.find((field) => pattern.test(field.name) && isFitting(field));
  }
}

/** How the operation's pages follow one another. */
export function readPaging(operation: Operation, list: RecordList, schemas: Schemas): Paging {
  const signs = new Signs(operation, list, schemas);
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

type Found = Omit<Paging, "params">;

/**
 * A cursor, or numbers of pages and records. Where there are both, a server may give its cursor only to those who ask by it, and
 * a page without one would pass for the last: then one that every page has is used, or numbers, which end with an empty page.
 */
function cursorOrCount(signs: Signs): Found | undefined {
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

const foundAs = (
  paginator: JsonObject,
  taken: readonly Parameter[],
  notes: readonly string[] = [],
): Found => ({
  paginator,
  taken: new Set(taken.map(({ name }) => name)),
  notes,
});

/** The address of the next page, in a header or on the page. */
function linkPaging(signs: Signs): Found | undefined {
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

function isLink({ name, above, schema, path }: PageField, signs: Signs): boolean {
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
  signs: Signs,
): { readonly found: Found; readonly isRequired: boolean } | undefined {
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
function lastRecord({ list: { path, item } }: Signs, { name }: Parameter): string | undefined {
  if (!/^(?:startingafter|afterid)$/.test(plainName(name)) || !item.properties.has("id")) return undefined;
  return `${pathText(path)}[-1].id`;
}

/** Numbers of pages and offsets are cursors as well, where the page says the next one. */
function paramOfCursor(signs: Signs, counted: PageField | undefined): Parameter | undefined {
  if (counted !== undefined) {
    return signs.param(counted.name === "nextoffset" ? OFFSET_PARAM : PAGE_PARAM);
  }
  const param = signs.param(OFFSET_PARAM) ?? signs.param(PAGE_PARAM);
  return param?.schema.types.has("string") === true ? param : undefined;
}

/** A text `offset` that is sent as it was given, alone on the page or below `next_page`. */
const sameName = (signs: Signs, { name }: Parameter): PageField | undefined =>
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

function pagePaging(signs: Signs): Found | undefined {
  const param = signs.query.find(({ name, schema }) => PAGE_PARAM.test(plainName(name)) && isNumber(schema));
  if (param === undefined) return undefined;
  const base = firstPage(param);
  const total = signs.field(TOTAL_PAGES, isTotal);
  const more = signs.field(HAS_MORE, isMore);
  return foundAs(
    {
      type: "page_number",
      page_param: param.name,
      base_page: base ?? 1,
      ...endOf(total, more),
    },
    [param],
    base === undefined
      ? [`the first page is taken to be number 1 of ${param.name}: 0 is as well possible`]
      : [],
  );
}

/** 0 or 1; undefined where nothing says so. */
function firstPage({ schema, description }: Parameter): number | undefined {
  const written = [numberOf(schema.minimum), numberOf(schema.default)].find((one) => one === 0 || one === 1);
  if (written !== undefined) return written;
  if (
    /\b(?:zero|0)[- ](?:based|indexed)|\b(?:starts?|begins?|starting) (?:at|from|with) (?:0|zero)\b/i.test(
      description,
    )
  ) {
    return 0;
  }
  if (
    /\b(?:one|1)[- ](?:based|indexed)|\b(?:starts?|begins?|starting) (?:at|from|with) (?:1|one)\b/i.test(
      description,
    )
  ) {
    return 1;
  }
  return numberOf(schema.example) === 0 ? 0 : undefined;
}

function offsetPaging(signs: Signs): Found | undefined {
  const param = signs.query.find(({ name, schema }) =>
    OFFSET_PARAM.test(plainName(name)) && isNumber(schema)
  );
  const { size } = signs;
  if (param === undefined) return undefined;
  const most = size === undefined ? undefined : mostOf(size) ?? sizeByDefault(size);
  const limit = most ?? GUESSED_LIMIT;
  const first = param.schema.minimum === 1 || param.schema.default === 1 ? 1 : 0;
  const total = signs.field(TOTAL_RECORDS, isTotal);
  const notes = most === undefined ? [`limit: ${limit} is a guess: set what the server gives a page`] : [];
  return foundAs(
    {
      type: "offset",
      limit,
      offset_param: param.name,
      limit_param: size?.name ?? null,
      ...(first === 0 ? {} : { offset: first }),
      // An offset that counts from 1 is not what a total counts.
      ...endOf(first === 0 ? total : undefined, signs.field(HAS_MORE, isMore)),
    },
    size === undefined ? [param] : [param, size],
    notes,
  );
}

/** What ends the pages, beside an empty one. */
function endOf(total: PageField | undefined, more: PageField | undefined): JsonObject {
  if (total !== undefined) return { total_path: pathText(total.path) };
  return more === undefined ? {} : { has_more_path: pathText(more.path) };
}

/** A run fails where a total is missing; one of the page alone would end the pages too soon. */
const isTotal = ({ schema, isRequired, mayBeRequired }: PageField): boolean =>
  isNumber(schema) && (isRequired || mayBeRequired) &&
  !/\b(?:this|current|the) (?:page|response)\b|\breturned\b/i.test(schema.description ?? "");

/** A page without it would pass for the last one: every page has to have it. */
const isMore = ({ schema, isRequired }: PageField): boolean => schema.types.has("boolean") && isRequired;

/** The greatest size of a page, by its schema or its description; undefined where neither says it. */
function mostOf({ schema, description }: Parameter): number | undefined {
  const [, said] =
    /\b(?:max(?:imum)?|up to|at most|no more than|between \d+ and|\d+ to)\b[^\d\n]{0,30}(\d{1,6})\b/i.exec(
      description,
    ) ??
      [];
  const most = schema.maximum ?? (said === undefined ? undefined : Number(said));
  return most === undefined || most < 1 || !Number.isInteger(most) ? undefined : Math.min(most, MAX_SIZE);
}

/** The size to ask for: the greatest, or any where one has to be given. */
const sizeOf = (size: Parameter): number | undefined =>
  mostOf(size) ?? (size.isRequired ? sizeByDefault(size) ?? GUESSED_LIMIT : undefined);

function sizeByDefault({ schema }: Parameter): number | undefined {
  const size = numberOf(schema.default);
  return size === undefined || size < 1 || !Number.isInteger(size) ? undefined : Math.min(size, MAX_SIZE);
}

/** Nothing, or not enough, shows how the next page is asked for. */
function unknownPaging(signs: Signs): Paging {
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
