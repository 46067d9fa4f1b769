import { plainName } from "./json_value.ts";
import type { Operation } from "./operations.ts";

/** What APIs call parameters and fields of pages; plain, as plainName() makes names. */

export const CURSOR_PARAM =
  /^(?:(?:next|page|start|end)?cursor|cursormark|(?:next)?pagetoken|nexttoken|(?:next)?continuation(?:token)?|paginationtoken|after|aftercursor|afterid|startingafter|page\[(?:after|cursor)\]|(?:next)?marker|bookmark|scrollid|nextpage|nextkey)$/;
export const PAGE_PARAM =
  /^(?:page|pageno|pagenum|pagenumber|pageindex|currentpage|p|page\[number\]|pagination\[page\])$/;
export const OFFSET_PARAM =
  /^(?:offset|skip|start|startat|startindex|startposition|from|page\[offset\]|pageoffset)$/;
export const SIZE_PARAM =
  /^(?:perpage|pagesize|pagelimit|limit|size|count|page\[size\]|page\[limit\]|maxresults|maxitems|maxpagesize|maxrecords|top|take|first|results?perpage|itemsperpage|recordsperpage|rows|pagination\[pagesize\])$/;

export const NEXT_CURSOR =
  /^(?:next(?:page)?(?:cursor|token|marker|key|after)|nextcontinuationtoken|continuationtoken|paginationtoken|endcursor|scrollid|pagetoken)$/;
/** What may be a cursor, and something else. */
export const MAYBE_CURSOR = /^(?:next|nextpage|nextoffset|cursor|after|bookmark|marker|offset)$/;
export const LINK =
  /^(?:next|nexturl|nexturi|nextlink|nexthref|nextpageurl|nextpagelink|nextpageuri|nextpage|@odata\.nextlink)$/;
export const TOTAL_PAGES =
  /^(?:totalpages?|pagestotal|pagecount|totalpagecount|numpages|numberofpages|lastpage|pages)$/;
export const TOTAL_RECORDS =
  /^(?:total|totalcount|totalitems|totalresults|totalrecords|totalelements|totalhits|totalrows|numfound|recordstotal)$/;
export const HAS_MORE = /^(?:hasmore|hasnext|hasnextpage|hasmoreitems|hasmoreresults|moreavailable)$/;

/** Keys of objects that tell of the next page. */
export const NEXT = /^(?:next|nextpage|nextlink)$/;

/** Whether the operation takes any parameter that asks for pages. */
export const hasPages = ({ parameters }: Operation): boolean =>
  parameters.some(({ name, place }) =>
    place === "query" &&
    [CURSOR_PARAM, PAGE_PARAM, OFFSET_PARAM, SIZE_PARAM].some((pattern) => pattern.test(plainName(name)))
  );
