import { deepEqual, equal, ok } from "node:assert/strict";
import { failureOf, readEndpoint, startApi } from "../../support/api_bench.ts";
import { apiProject, linesOf, runUnderPolicy } from "../../support/api_project.ts";

/** Rows of an API that are stored while its pages are still being read. */

const PER_PAGE = 100;
/** White space in each record: it makes pages of a megabyte, and no value. */
const GAP = " ".repeat(10_000);

/** The text of a page; `more` is what a record has besides its id. */
function pageOf(page: number, pages: number, more: (id: number) => string): string {
  const records = Array.from({ length: PER_PAGE }, (_, at) => {
    const id = page * PER_PAGE + at;
    return `{"id":${id},${GAP}${more(id)}}`;
  });
  const next = page + 1 < pages ? `"/items?page=${page + 1}"` : "null";
  return `{"data":[${records.join(",")}],"next":${next}}`;
}

const ENDPOINT = {
  path: "items",
  data_selector: "data",
  paginator: { type: "json_link", next_url_path: "next" },
};
const LATE = 8;
const pageNumber = (url: URL) => Number(url.searchParams.get("page") ?? 0);
const usual = (id: number) => `"amount":${id}.25,"at":"2026-01-01T10:00:0${id % 10}Z"`;

/** An answer whose body comes after the promise. */
function later(after: Promise<void>, text: string): Response {
  const body = new ReadableStream({
    async start(controller) {
      await after;
      controller.enqueue(new TextEncoder().encode(text));
      controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "application/json" } });
}

/**
 * The rows, or the error, when they are stored while they come and when they are not, and how many tables were made. Pages from the
 * ninth on come when something is stored.
 */
async function bothWays(pages: readonly ((id: number) => string)[]) {
  let isStored = Promise.withResolvers<void>();
  await using api = await startApi((url) => {
    const page = pageNumber(url);
    const text = pageOf(page, pages.length, pages[page] ?? usual);
    return page < LATE ? text : later(isStored.promise, text);
  });
  let tables = 0;
  const read = async (more: Parameters<typeof readEndpoint>[2]) => {
    try {
      return await readEndpoint(api.url, ENDPOINT, more);
    } catch (error) {
      return error instanceof Error ? error.message : error;
    }
  };
  const expected = (isStored.resolve(), await read({}));
  isStored = Promise.withResolvers();
  const onStored = (isAnew: boolean) => {
    tables += Number(isAnew);
    isStored.resolve();
  };
  return { stored: await read({ onStored }), expected, tables };
}

Deno.test("rows are stored before the last page has come", async () => {
  const isStored = Promise.withResolvers<void>();
  const pages = 12;
  await using api = await startApi((url) => {
    const page = pageNumber(url);
    const text = pageOf(page, pages, usual);
    return page < pages - 1 ? text : later(isStored.promise, text);
  });
  let count = 0;
  const rows = await readEndpoint(api.url, ENDPOINT, {
    onStored: () => {
      count++;
      isStored.resolve();
    },
  });
  ok(count > 1);
  deepEqual(rows.map(({ id }) => Number(id)), Array.from({ length: pages * PER_PAGE }, (_, id) => id));
});

Deno.test("a column or a type that comes late is that of all rows, as if they had all been looked at before", async () => {
  const late = (at: number, more: (id: number) => string) =>
    Array.from({ length: 14 }, (_, page) => page < at ? usual : more);
  const cases = [
    late(14, usual),
    late(8, (id) => `"amount":"${id}"`),
    late(13, (id) => `${usual(id)},"new":[{"a":${id}}]`),
    late(9, (id) => `"amount":1234567890.12345678901,"at":"${id}"`),
    late(8, (id) => `"Amount":${id}`),
    [...late(8, (id) => `"amount":{"of":${id}}`), (id: number) => `"k${id % 7}":9007199254740993${id}`],
  ];
  for (const [index, pages] of cases.entries()) {
    const { stored, expected, tables } = await bothWays(pages);
    deepEqual(stored, expected);
    ok(Array.isArray(stored) && stored.length === pages.length * PER_PAGE, String(stored).slice(0, 300));
    ok(index === 0 ? tables === 1 : tables > 1 && tables < 5, `case ${index}: ${tables} tables`);
  }
});

Deno.test("a fault on a late page is the same fault", async () => {
  const faults = [
    (id: number) => `"amount":${id}.`,
    (id: number) => `"amount":${id},"amount":1`,
    (id: number) => `"a\\u0000":${id}`,
    (id: number) => `"":${id}`,
    () => `"amount":"\\ud800"`,
    () => `"amount":[`,
  ];
  for (const fault of faults) {
    const { stored, expected } = await bothWays([...Array.from({ length: 9 }, () => usual), fault, usual]);
    ok(typeof stored === "string", "it fails");
    equal(stored, expected);
  }
});

Deno.test("a reading that is cancelled while rows come ends", async () => {
  await using api = await startApi((url) => pageOf(pageNumber(url), 1000, usual));
  const stop = new AbortController();
  const { code } = await failureOf(
    readEndpoint(api.url, ENDPOINT, { signal: stop.signal, onStored: () => stop.abort() }),
  );
  equal(code, "internal");
});

Deno.test("a run stores rows as they come, in the stream's own shape", async () => {
  await using api = await startApi((url) => {
    const page = pageNumber(url);
    return pageOf(page, 16, page < 9 ? usual : (id) => `"amount":"none","more":${id}`);
  });
  await using made = await apiProject(
    api.url,
    `
extract:
  t:
    connector: api
    endpoint: ${JSON.stringify(ENDPOINT)}
    where: id % 400 = 1
    exclude: [at]
    rename: { amount: total }
load:
  t: { connector: files, path: out/t.csv }
`,
  );
  const { code, stdout, stderr } = await runUnderPolicy(made);
  equal(code, 0, stdout + stderr);
  deepEqual(await linesOf(made, "t"), [
    "id,total,more",
    "1,1.25,",
    "401,401.25,",
    "801,801.25,",
    '1201,"""none""",1201',
  ]);
});
