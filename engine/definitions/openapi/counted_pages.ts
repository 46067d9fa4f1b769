import { type JsonObject, numberOf, plainName } from "./json_value.ts";
import type { Parameter } from "./operations.ts";
import { isNumber, type PageField, pathText } from "./page_fields.ts";
import {
  foundAs,
  type FoundPaging,
  GUESSED_LIMIT,
  mostOf,
  type PageSigns,
  sizeByDefault,
} from "./page_signs.ts";
import { HAS_MORE, OFFSET_PARAM, PAGE_PARAM, TOTAL_PAGES, TOTAL_RECORDS } from "./page_words.ts";

/** Pages that requests ask for by numbers: of the page, or of the first record. */

export function pagePaging(signs: PageSigns): FoundPaging | undefined {
  const total = signs.field(TOTAL_PAGES, isTotal);
  // Some documents have every parameter as a text.
  const param = signs.query.find(({ name, schema }) =>
    PAGE_PARAM.test(plainName(name)) && (isNumber(schema) || total !== undefined)
  );
  if (param === undefined) return undefined;
  const base = firstPage(param);
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

export function offsetPaging(signs: PageSigns): FoundPaging | undefined {
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
export const isMore = ({ schema, isRequired }: PageField): boolean =>
  schema.types.has("boolean") && isRequired;
