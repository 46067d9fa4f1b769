import { deepEqual, match } from "node:assert/strict";
import {
  array,
  endpointOf,
  flag,
  get,
  integer,
  object,
  openapi,
  query,
  read,
  text,
  time,
} from "./documents.ts";

/** How pages are told to follow one another, and where their records are. */

const order = object({ id: integer, name: text });
const page = query("page", { type: "integer", minimum: 1 });
const uri = { type: "string", format: "uri", nullable: true };

interface Case {
  readonly title: string;
  readonly path?: string;
  readonly operation: unknown;
  readonly expected: Record<string, unknown>;
}

const cases: readonly Case[] = [
  {
    title: "a cursor in the metadata of an answer, as Slack's",
    operation: get(
      object({ ok: flag, orders: array(order), response_metadata: object({ next_cursor: text }) }),
      [query("cursor"), query("limit", { type: "integer", maximum: 200 })],
    ),
    expected: {
      params: { limit: 200 },
      data_selector: "orders",
      paginator: { type: "cursor", cursor_path: "response_metadata.next_cursor", cursor_param: "cursor" },
    },
  },
  {
    title: "a cursor behind paging.next, as HubSpot's",
    operation: get(
      object({
        results: array(order),
        paging: object({ next: object({ after: text, link: text }), prev: object({ before: text }) }),
      }),
      [query("after"), query("limit", integer, { description: "The maximum number of results, up to 100." })],
    ),
    expected: {
      params: { limit: 100 },
      data_selector: "results",
      paginator: { type: "json_link", next_url_path: "paging.next.link" },
    },
  },
  {
    title: "a cursor and a required sign of more, as Notion's",
    operation: get(
      object({ results: array(order), has_more: flag, next_cursor: { type: ["string", "null"] } }, [
        "results",
        "has_more",
        "next_cursor",
      ]),
      [query("start_cursor"), query("page_size", integer)],
    ),
    expected: {
      data_selector: "results",
      paginator: {
        type: "cursor",
        cursor_path: "next_cursor",
        cursor_param: "start_cursor",
        has_more_path: "has_more",
      },
    },
  },
  {
    title: "page tokens, as Google's",
    operation: get(object({ items: array(order), nextPageToken: text, kind: text }), [
      query("pageToken"),
      query("maxResults", { type: "integer", minimum: 1, maximum: 2500 }),
    ]),
    expected: {
      params: { maxResults: 1000 },
      data_selector: "items",
      paginator: { type: "cursor", cursor_path: "nextPageToken", cursor_param: "pageToken" },
    },
  },
  {
    title:
      "the cursor of a connection, which ends with an empty page where no page has to say whether there are more",
    operation: get(
      object({ nodes: array(order), pageInfo: object({ endCursor: text, hasNextPage: flag }) }),
      [query("after")],
    ),
    expected: {
      data_selector: "nodes",
      paginator: {
        type: "cursor",
        cursor_path: "pageInfo.endCursor",
        cursor_param: "after",
      },
    },
  },
  {
    title: "an offset that is a text, as Airtable's",
    operation: get(object({ records: array(order), offset: text }), [
      query("offset"),
      query("pageSize", { type: "integer", maximum: 100 }),
    ]),
    expected: {
      params: { pageSize: 100 },
      data_selector: "records",
      paginator: { type: "cursor", cursor_path: "offset", cursor_param: "offset" },
    },
  },
  {
    title: "the number of the next page, which is a cursor",
    operation: get(object({ data: array(order), meta: object({ next_page: integer, page: integer }) }), [
      page,
    ]),
    expected: {
      data_selector: "data",
      paginator: { type: "cursor", cursor_path: "meta.next_page", cursor_param: "page" },
    },
  },
  {
    title: "addresses of pages, as Django's",
    operation: get(object({ count: integer, next: uri, previous: uri, results: array(order) }), [
      query("page", integer),
      query("page_size", integer),
    ]),
    expected: { data_selector: "results", paginator: { type: "json_link", next_url_path: "next" } },
  },
  {
    title: "links of JSON:API",
    operation: get(object({ data: array(order), links: object({ self: text, next: text }) }), [
      query("page[number]", integer),
    ]),
    expected: { data_selector: "data", paginator: { type: "json_link", next_url_path: "links.next" } },
  },
  {
    title: "HAL's embedded list and link",
    operation: get(object({
      _embedded: object({ orders: array(order) }),
      _links: object({ next: object({ href: text }) }),
    })),
    expected: {
      data_selector: "_embedded.orders",
      paginator: { type: "json_link", next_url_path: "_links.next.href" },
    },
  },
  {
    title: "OData's link",
    operation: get(object({ value: array(order), "@odata.nextLink": text }), [query("$top", integer)]),
    expected: {
      data_selector: "value",
      paginator: { type: "json_link", next_url_path: '"@odata.nextLink"' },
    },
  },
  {
    title: "what x-ms-pageable says",
    operation: get(object({ value: array(order), more: text }), [], {
      "x-ms-pageable": { nextLinkName: "more" },
    }),
    expected: { data_selector: "value", paginator: { type: "json_link", next_url_path: "more" } },
  },
  {
    title: "numbers of pages with the last one, as Laravel's",
    operation: get(
      object({
        data: array(order),
        meta: object({ current_page: integer, last_page: integer, total: integer }),
      }),
      [page, query("per_page", { type: "integer", maximum: 50 })],
    ),
    expected: {
      params: { per_page: 50 },
      data_selector: "data",
      paginator: { type: "page_number", page_param: "page", base_page: 1, total_path: "meta.last_page" },
    },
  },
  {
    title: "numbers of pages from 0, as Spring's",
    operation: get(
      object({
        content: array(order),
        totalPages: integer,
        totalElements: integer,
        last: flag,
        number: integer,
      }),
      [query("page", { type: "integer", minimum: 0, default: 0 }), query("size", integer)],
    ),
    expected: {
      data_selector: "content",
      paginator: { type: "page_number", page_param: "page", base_page: 0, total_path: "totalPages" },
    },
  },
  {
    title: "offset and limit with a total of records",
    operation: get(object({ items: array(order), total: integer, offset: integer, limit: integer }), [
      query("offset", integer),
      query("limit", { type: "integer", maximum: 100, default: 20 }),
    ]),
    expected: {
      data_selector: "items",
      paginator: {
        type: "offset",
        limit: 100,
        offset_param: "offset",
        limit_param: "limit",
        total_path: "total",
      },
    },
  },
  {
    title: "an index that counts from 1, as SCIM's",
    path: "/Users",
    operation: get(object({ Resources: array(order), totalResults: integer, startIndex: integer }), [
      query("startIndex", { type: "integer", default: 1 }),
      query("count", { type: "integer", default: 50 }),
    ]),
    expected: {
      data_selector: "Resources",
      paginator: { type: "offset", limit: 50, offset_param: "startIndex", limit_param: "count", offset: 1 },
    },
  },
  {
    title: "a total that counts the page alone, and one that not every page has, end nothing",
    operation: get(
      object({
        items: array(order),
        total: { type: "integer", description: "Number of items in this page" },
        has_more: flag,
      }),
      [query("offset", integer), query("limit", { type: "integer", maximum: 10 })],
    ),
    expected: {
      data_selector: "items",
      paginator: { type: "offset", limit: 10, offset_param: "offset", limit_param: "limit" },
    },
  },
  {
    title: "the id of the last record, as Stripe's",
    operation: get(
      object({ object: text, data: array(order), has_more: flag, url: text }, ["data", "has_more"]),
      [
        query("ending_before"),
        query("limit", integer, { description: "Between 1 and 100." }),
        query("starting_after"),
      ],
    ),
    expected: {
      params: { limit: 100 },
      data_selector: "data",
      paginator: {
        type: "cursor",
        cursor_path: "data[-1].id",
        cursor_param: "starting_after",
        has_more_path: "has_more",
      },
    },
  },
  {
    title: "the id of the last record of a page that is the list",
    operation: get(array(order), [query("after_id")]),
    expected: { paginator: { type: "cursor", cursor_path: "[-1].id", cursor_param: "after_id" } },
  },
  {
    title: "an object that tells of the next page, as Asana's",
    operation: get(
      object({ data: array(order), next_page: object({ offset: text, path: text, uri: text }) }),
      [
        query("offset"),
        query("limit", { type: "integer", maximum: 100 }),
      ],
    ),
    expected: {
      params: { limit: 100 },
      data_selector: "data",
      paginator: { type: "json_link", next_url_path: "next_page.uri" },
    },
  },
  {
    title: "an offset below next_page",
    operation: get(object({ data: array(order), next_page: object({ offset: text }) }), [query("offset")]),
    expected: {
      data_selector: "data",
      paginator: { type: "cursor", cursor_path: "next_page.offset", cursor_param: "offset" },
    },
  },
  {
    title: "offsets where a cursor is not on every page, as Box's",
    operation: get(object({ entries: array(order), next_marker: text, total_count: integer }, ["entries"]), [
      query("marker"),
      query("offset", integer),
      query("limit", { type: "integer", maximum: 1000 }),
    ]),
    expected: {
      data_selector: "entries",
      paginator: { type: "offset", limit: 1000, offset_param: "offset", limit_param: "limit" },
    },
  },
  {
    title: "a cursor where every page has it, though pages have numbers too",
    operation: get(object({ data: array(order), next_cursor: text }, ["data", "next_cursor"]), [
      query("cursor"),
      page,
    ]),
    expected: {
      data_selector: "data",
      paginator: { type: "cursor", cursor_path: "next_cursor", cursor_param: "cursor" },
    },
  },
  {
    title: "a page's number that is said to be a text, beside a number of pages",
    operation: get(
      object({ files: array(order), ok: flag, paging: object({ page: integer, pages: integer }) }),
      [
        query("page", text, { description: "Pages start at 1." }),
      ],
    ),
    expected: {
      data_selector: "files",
      paginator: { type: "page_number", page_param: "page", base_page: 1, total_path: "paging.pages" },
    },
  },
  {
    title: "a size of pages that has to be given",
    operation: get(object({ data: array(order), next: text }), [
      query("cursor"),
      query("limit", integer, { required: true }),
    ]),
    expected: {
      params: { limit: 100 },
      data_selector: "data",
      paginator: { type: "cursor", cursor_path: "next", cursor_param: "cursor" },
    },
  },
  {
    title: "a list of any name among what pages have",
    operation: get(object({ channels: array(order), ok: flag, total_count: integer })),
    expected: { data_selector: "channels" },
  },
  {
    title: "a list that is the page, and one page",
    operation: get(array(order)),
    expected: {},
  },
  {
    title: "a list two objects down",
    operation: get(object({ success: flag, data: object({ items: array(order), count: integer }) })),
    expected: { data_selector: "data.items" },
  },
  {
    title: "the list that is called as the path, beside another",
    operation: get(object({ orders: array(order), warnings: array(text) })),
    expected: { data_selector: "orders" },
  },
  {
    title: "a key that no plain path can have",
    operation: get(object({ "the orders": array(order) }), []),
    path: "/the-orders",
    expected: { data_selector: '"the orders"' },
  },
];

for (const { title, path = "/orders", operation, expected } of cases) {
  Deno.test(`readOpenApi() tells ${title}`, () => {
    deepEqual(endpointOf(path, operation), { path: path.slice(1), ...expected });
  });
}

Deno.test("readOpenApi() finds a documented Link header, in an answer that is referred to", () => {
  const document = openapi({
    "/orders": {
      get: {
        parameters: [{ $ref: "#/components/parameters/page" }],
        responses: { 200: { $ref: "#/components/responses/list" } },
      },
    },
  }, {
    components: {
      parameters: { page: query("page", integer) },
      responses: {
        list: {
          headers: { Link: { schema: text } },
          content: { "application/vnd.shop+json; charset=utf-8": { schema: array(order) } },
        },
      },
    },
  });
  deepEqual(read(document).api.streams["orders"]?.["endpoint"], {
    path: "orders",
    paginator: { type: "header_link" },
  });
});

Deno.test("readOpenApi() tells what it guesses of pages, and what it cannot tell", () => {
  const { streamNotes, api } = read(openapi({
    "/numbered": get(array(order), [query("page", integer)]),
    "/limited": get(object({ data: array(order), has_more: flag }), [
      query("limit", integer),
      query("filter"),
    ]),
    "/skipped": get(array(order), [query("skip", integer), query("take", integer)]),
  }));
  match(streamNotes["numbered"]?.join() ?? "", /number 1 of page/);
  match(
    streamNotes["limited"]?.join() ?? "",
    /no paginator could be told, though there is limit, has_more: auto/,
  );
  match(streamNotes["skipped"]?.join() ?? "", /limit: 100 is a guess/);
  deepEqual(Object.keys(Object(api.streams["limited"]?.["endpoint"])), ["path", "data_selector"]);
});

Deno.test("readOpenApi() leaves out what is no list of records, with the reason", () => {
  const { leftOut, api } = read(openapi({
    "/orders": get(array(order)),
    "/orders/{id}": get(object({ id: integer, items: array(order), placed: time })),
    "/customers": get(object({ customers: array(order) })),
    "/customers/{id}/": get(object({ customers: array(order) })),
    "/customers/{id}": get(object({ name: text, items: array(order) })),
    "/status": get(object({ version: text })),
    "/statistics": get(object({ days: array(order), weeks: array(order) })),
    "/old": get(array(order), [], { deprecated: true }),
    "/elsewhere": get(array(order), [], { servers: [{ url: "https://other.example/" }] }),
    "/export": { get: { responses: { 200: { content: { "text/csv": { schema: text } } } } } },
    "/search": { get: { parameters: [], responses: {} } },
    "/create": { post: {} },
    "/orders/{kind}/": get(array(order)),
  }));
  deepEqual(Object.keys(api.streams), ["orders", "customers", "orders_by_kind"]);
  deepEqual(Object.fromEntries(leftOut.map(({ path, reason }) => [path, reason])), {
    "/orders/{id}": "it returns one record, no list",
    "/customers/{id}/": "it returns a record of another list",
    "/customers/{id}": "it returns one record, no list",
    "/status": "it returns one record, no list",
    "/statistics": "it returns several lists (days, weeks)",
    "/old": "it is deprecated",
    "/elsewhere": "it is on another server",
    "/export": "it returns text/csv, not JSON",
    "/search": "the document does not say what it returns",
  });
});
