import * as v from "valibot";
import { pagePath, path, text } from "../words.ts";

/** Paginators by dlt's names and with dlt's keys and defaults. */

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const positive = v.pipe(v.number(), v.integer(), v.minValue(1));

const counting = {
  total_path: v.optional(
    v.pipe(v.nullable(path), v.description("Where a page says how many there are in all.")),
  ),
  has_more_path: v.optional(
    v.pipe(path, v.description("Where a page says whether there are more: true or false.")),
  ),
  stop_after_empty_page: v.optional(
    v.pipe(v.boolean(), v.description("Whether a page without records is the last one.")),
    true,
  ),
};

export const paginatorSchema = v.variant("type", [
  v.strictObject({ type: v.pipe(v.literal("auto"), v.description("What the first pages show.")) }),
  v.strictObject({ type: v.pipe(v.literal("single_page"), v.description("There is one page.")) }),
  v.strictObject({
    type: v.pipe(v.literal("json_link"), v.description("A page has the address of the next one.")),
    next_url_path: v.optional(v.pipe(path, v.description("Where.")), "next"),
  }),
  v.strictObject({
    type: v.pipe(v.literal("header_link"), v.description("The Link header has it, as GitHub's.")),
    links_next_key: v.optional(v.pipe(text, v.description("Its rel.")), "next"),
  }),
  v.strictObject({
    type: v.pipe(v.literal("header_cursor"), v.description("A header has what the next request sends.")),
    cursor_key: v.optional(v.pipe(text, v.description("The header.")), "next"),
    cursor_param: v.optional(v.pipe(text, v.description("The parameter.")), "cursor"),
  }),
  v.strictObject({
    type: v.pipe(v.literal("cursor"), v.description("A page has what the next request sends.")),
    cursor_path: v.optional(
      v.pipe(pagePath, v.description("Where; data[-1].id of the last record.")),
      "cursors.next",
    ),
    cursor_param: v.optional(v.pipe(text, v.description("The parameter; cursor by default."))),
    cursor_body_path: v.optional(
      v.pipe(path, v.description("In the place of a parameter: where in the body.")),
    ),
    has_more_path: v.optional(v.pipe(path, v.description("Where a page says whether there are more."))),
  }),
  v.strictObject({
    type: v.pipe(v.literal("offset"), v.description("Requests say how many records to leave out.")),
    limit: v.pipe(positive, v.description("Records a page.")),
    offset: v.optional(v.pipe(count, v.description("Of the first page.")), 0),
    offset_param: v.optional(v.pipe(text, v.description("The parameter.")), "offset"),
    limit_param: v.optional(v.pipe(v.nullable(text), v.description("Null sends no limit.")), "limit"),
    offset_body_path: v.optional(
      v.pipe(path, v.description("In the place of offset_param: where in the body.")),
    ),
    limit_body_path: v.optional(
      v.pipe(path, v.description("In the place of limit_param: where in the body.")),
    ),
    maximum_offset: v.optional(v.pipe(count, v.description("The last offset that is asked for."))),
    ...counting,
  }),
  v.strictObject({
    type: v.pipe(v.literal("page_number"), v.description("Requests say the number of the page.")),
    base_page: v.optional(v.pipe(count, v.description("The number of the first page: 0 or 1.")), 0),
    page: v.optional(v.pipe(count, v.description("The page to begin with; base_page by default."))),
    page_param: v.optional(v.pipe(text, v.description("The parameter.")), "page"),
    page_body_path: v.optional(
      v.pipe(path, v.description("In the place of page_param: where in the body.")),
    ),
    maximum_page: v.optional(v.pipe(count, v.description("The last page that is asked for."))),
    ...counting,
  }),
]);

export type PaginatorOptions = v.InferOutput<typeof paginatorSchema>;
