import { deepEqual, equal, match } from "node:assert/strict";
import { failureOf, readEndpoint, startApi } from "../../support/api_bench.ts";

/** Each paginator against a server that has five records, two a page. */

const ALL = [1, 2, 3, 4, 5];
const records = (from: number, count = 2) => ALL.slice(from, from + count).map((id) => ({ id }));
const idsOf = (rows: readonly Readonly<Record<string, unknown>>[]) => rows.map(({ id }) => Number(id));
const numberOf = (url: URL, name: string, fallback = 0) => Number(url.searchParams.get(name) ?? fallback);

interface Case {
  readonly endpoint: Readonly<Record<string, unknown>>;
  readonly answer: (url: URL, count: number, body: string) => unknown;
  readonly asked?: readonly string[];
}

const linked = (url: URL, key: (next: string | null) => unknown) => {
  const from = numberOf(url, "from");
  const next = from + 2 < ALL.length ? `/items?from=${from + 2}` : null;
  return { items: records(from), ...key(next) as object };
};

const CASES: Readonly<Record<string, Case>> = {
  "json_link with a relative address": {
    endpoint: { path: "items", paginator: { type: "json_link", next_url_path: "paging.next" } },
    answer: (url) => linked(url, (next) => ({ paging: { next } })),
  },
  "json_link by its default": {
    endpoint: { path: "items", paginator: { type: "json_link" } },
    answer: (url) => linked(url, (next) => ({ next })),
  },
  "header_link": {
    endpoint: { path: "items", paginator: { type: "header_link" } },
    answer: (url) => {
      const from = numberOf(url, "from");
      const link = `</items?from=0>; rel="first", </items?from=${from + 2}>; rel="next"; title="a, b"`;
      return Response.json(records(from), { headers: from + 2 < ALL.length ? { link } : {} });
    },
  },
  "header_cursor": {
    endpoint: {
      path: "items",
      paginator: { type: "header_cursor", cursor_key: "x-next", cursor_param: "from" },
    },
    answer: (url) => {
      const from = numberOf(url, "from");
      return Response.json(records(from), {
        headers: from + 2 < ALL.length ? { "x-next": `${from + 2}` } : {},
      });
    },
  },
  "cursor in a parameter": {
    endpoint: {
      path: "items",
      params: { size: 2 },
      paginator: { type: "cursor", cursor_path: "meta.next", cursor_param: "from" },
    },
    answer: (url) => linked(url, (next) => ({ meta: { next: next === null ? "" : next.split("=")[1] } })),
    asked: ["/items?size=2", "/items?size=2&from=2", "/items?size=2&from=4"],
  },
  "cursor in the body": {
    endpoint: {
      path: "search",
      json: { size: 2, page: { of: "all" } },
      paginator: { type: "cursor", cursor_path: "next", cursor_body_path: "page.after" },
    },
    answer: (_url, _count, body) => {
      const { page: { after = 0, of } } = JSON.parse(body);
      equal(of, "all");
      return { items: records(after), next: after + 2 < ALL.length ? after + 2 : null };
    },
  },
  "cursor that says whether there is more": {
    endpoint: {
      path: "items",
      paginator: { type: "cursor", cursor_path: "last", cursor_param: "from", has_more_path: "has_more" },
    },
    answer: (url) => {
      const from = numberOf(url, "from");
      return { items: records(from), last: from + 2, has_more: from + 2 < ALL.length };
    },
  },
  "offset until an empty page": {
    endpoint: { path: "items", paginator: { type: "offset", limit: 2 } },
    answer: (url) => ({ items: records(numberOf(url, "offset"), numberOf(url, "limit")) }),
    asked: [
      "/items?offset=0&limit=2",
      "/items?offset=2&limit=2",
      "/items?offset=4&limit=2",
      "/items?offset=6&limit=2",
    ],
  },
  "offset with a total": {
    endpoint: { path: "items", paginator: { type: "offset", limit: 2, total_path: "total" } },
    answer: (url) => ({ items: records(numberOf(url, "offset")), total: 5 }),
    asked: ["/items?offset=0&limit=2", "/items?offset=2&limit=2", "/items?offset=4&limit=2"],
  },
  "offset in the body": {
    endpoint: {
      path: "search",
      method: "POST",
      paginator: {
        type: "offset",
        limit: 2,
        offset_body_path: "page.offset",
        limit_body_path: "page.limit",
        total_path: "total",
      },
    },
    answer: (_url, _count, body) => {
      const { page } = JSON.parse(body);
      return { items: records(page.offset, page.limit), total: 5 };
    },
  },
  "page_number from 1": {
    endpoint: { path: "items", paginator: { type: "page_number", base_page: 1 } },
    answer: (url) => records((numberOf(url, "page") - 1) * 2),
    asked: ["/items?page=1", "/items?page=2", "/items?page=3", "/items?page=4"],
  },
  "page_number with a total of pages": {
    endpoint: { path: "items", paginator: { type: "page_number", base_page: 1, total_path: "pages" } },
    answer: (url) => ({ items: records((numberOf(url, "page") - 1) * 2), pages: 3 }),
    asked: ["/items?page=1", "/items?page=2", "/items?page=3"],
  },
  "page_number with more or not": {
    endpoint: { path: "items", paginator: { type: "page_number", has_more_path: "more" } },
    answer: (url) => ({ items: records(numberOf(url, "page") * 2), more: numberOf(url, "page") < 2 }),
    asked: ["/items?page=0", "/items?page=1", "/items?page=2"],
  },
  "auto by a Link header": {
    endpoint: { path: "items" },
    answer: (url) => {
      const from = numberOf(url, "from");
      return Response.json(records(from), {
        headers: from + 2 < ALL.length ? { link: `</items?from=${from + 2}>; rel=next` } : {},
      });
    },
  },
  "auto by an address in the page": {
    endpoint: { path: "items" },
    answer: (url) => linked(url, (next) => ({ links: { next } })),
  },
};

for (const [name, { endpoint, answer, asked }] of Object.entries(CASES)) {
  Deno.test(`${name} gives all records`, async () => {
    await using api = await startApi(answer);
    deepEqual(idsOf(await readEndpoint(api.url, endpoint)), ALL);
    if (asked !== undefined) deepEqual(api.asked, asked);
  });
}

for (
  const [name, endpoint, answer, message] of [
    [
      "auto that cannot see how",
      { path: "items" },
      () => ({ items: records(0), has_more: true }),
      /"has_more": true, which says that there are more records.*set paginator/,
    ],
    [
      "auto with a total beyond the page",
      { path: "items" },
      () => ({ items: records(0), total: 5 }),
      /"total": 5/,
    ],
    [
      "auto with a cursor",
      { path: "items" },
      () => ({ items: records(0), meta: { next_cursor: "x" } }),
      /next_cursor/,
    ],
    [
      "a server with a lower limit",
      { path: "items", paginator: { type: "offset", limit: 4 } },
      (url: URL) => records(numberOf(url, "offset"), 2),
      /only 2 records and has more of them where limit \(sent as limit\) is 4/,
    ],
    [
      "a server that takes no limit",
      { path: "items", paginator: { type: "offset", limit: 1 } },
      () => records(0),
      /gave 2 records where limit/,
    ],
    [
      "a cursor that is no text",
      { path: "items", paginator: { type: "cursor" } },
      () => ({ items: records(0), cursors: { next: { a: 1 } } }),
      /cursor is \{"a":1\}/,
    ],
    [
      "more without a cursor",
      { path: "items", paginator: { type: "cursor", has_more_path: "more" } },
      () => ({ items: records(0), more: true }),
      /says at "more" that there are more, and has no cursor at "cursors.next"/,
    ],
    [
      "a total that is missing",
      { path: "items", paginator: { type: "offset", limit: 2, total_path: "total" } },
      () => ({ items: records(0) }),
      /no total at "total"/,
    ],
    [
      "pages without an end",
      { path: "items", paginator: { type: "page_number", stop_after_empty_page: false } },
      () => [],
      /Nothing ends the pages/,
    ],
  ] as const
) {
  Deno.test(`${name} is an error, not a part of the records`, async () => {
    await using api = await startApi(answer);
    const { code, message: said } = await failureOf(readEndpoint(api.url, endpoint));
    equal(code, "invalid");
    match(said, message);
    match(said, /^GET http:\/\/127\.0\.0\.1:\d+\/items/);
  });
}

Deno.test("the step tells of the requests, the retries and the waits of its stream", async () => {
  await using api = await startApi((_url, count) =>
    count === 2
      ? new Response("{}", { status: 429, headers: { "retry-after": "3" } })
      : { data: [{ id: count }], next: count === 1 ? "/items?page=2" : null }
  );
  const messages: string[] = [];
  const rows = await readEndpoint(api.url, "items", { messages });
  deepEqual([rows.length, messages], [2, ["2 records on 2 pages, 3 requests, 1 retry, waited 3.0 s"]]);
});
