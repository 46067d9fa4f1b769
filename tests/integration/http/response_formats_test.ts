import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { failureOf, LocalServer, readEndpoint, type ReadOptions } from "../../support/api_bench.ts";

/** What pages may be written in: each read ends in all of the rows, as they were written, or in an error. */

interface Answer {
  readonly type?: string;
  readonly body: string | Uint8Array;
  readonly link?: string;
}

/** The rows of a server that gives these pages, one after the other; numbers as text. */
async function rowsOf(
  endpoint: Readonly<Record<string, unknown>>,
  pages: readonly Answer[],
  options: ReadOptions = {},
): Promise<unknown> {
  let asked = 0;
  await using api = await LocalServer.http((_request, response) => {
    const { type, body, link } = pages[asked++] ?? { body: "" };
    if (type !== undefined) response.setHeader("content-type", type);
    if (link !== undefined) response.setHeader("link", link);
    response.end(body);
  });
  const rows = await readEndpoint(api.url, { path: "items", ...endpoint }, options);
  equal(asked, pages.length, "pages that were asked for");
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name, value === null ? null : String(value)]),
    )
  );
}

const NEXT = '</items?page=2>; rel="next"';
const PAGED = { paginator: { type: "page_number" } };
const ROWS = [{ id: "1", name: "a" }, { id: "2", name: "b" }];
const NDJSON = '{"id":1,"name":"a"}\n{"id":2,"name":"b"}\n';
const CSV = "id,name\n1,a\n2,b\n";
const XML = '<?xml version="1.0"?><orders><order id="1"><name>a</name></order></orders>';
const [ndjson, csv, xml] = ["application/x-ndjson", "text/csv", "application/xml"];

Deno.test("a format is told by the content type, by the address, or by the endpoint", async () => {
  for (const type of [ndjson, "application/jsonl; charset=utf-8", "application/x-jsonlines"]) {
    deepEqual(await rowsOf({}, [{ type, body: NDJSON }]), ROWS);
  }
  for (const type of [csv, "Text/CSV; header=present", "application/csv"]) {
    deepEqual(await rowsOf({}, [{ type, body: CSV }]), ROWS);
  }
  deepEqual(await rowsOf({}, [{ type: "text/tab-separated-values", body: CSV.replaceAll(",", "\t") }]), ROWS);
  deepEqual(await rowsOf({ path: "a.csv" }, [{ type: "application/octet-stream", body: CSV }]), ROWS);
  deepEqual(await rowsOf({ path: "a.jsonl.gz" }, [{ body: gzipSync(NDJSON) }]), ROWS);
  deepEqual(await rowsOf({ response_format: "csv" }, [{ type: "text/plain", body: CSV }]), ROWS);
  deepEqual(await rowsOf({ response_format: "jsonl" }, [{ type: "text/plain", body: NDJSON }]), ROWS);
  deepEqual(await rowsOf({ response_format: "json" }, [{ type: csv, body: JSON.stringify(ROWS) }]), ROWS);
  deepEqual(await rowsOf({}, [{ type: "text/xml", body: JSON.stringify(ROWS) }]), ROWS);
});

Deno.test("each format may be compressed", async () => {
  const type = "application/gzip";
  deepEqual(await rowsOf({}, [{ type, body: gzipSync(JSON.stringify(ROWS)) }]), ROWS);
  deepEqual(await rowsOf({ response_format: "ndjson" }, [{ type, body: gzipSync(NDJSON) }]), ROWS);
  deepEqual(await rowsOf({ response_format: "csv" }, [{ type, body: gzipSync(CSV) }]), ROWS);
  for (const at of [2, 12, 20, gzipSync(CSV).length - 1]) {
    const cut = { type, body: gzipSync(CSV).subarray(0, at) };
    const { code, message } = await failureOf(rowsOf({ response_format: "csv" }, [cut]));
    equal(code, "invalid");
    match(message, /page 1: its gzip data is cut short or broken/);
  }
});

Deno.test("the endpoint's format is asked for, as the connector's headers allow", async () => {
  const asked: unknown[] = [];
  await using api = await LocalServer.http((request, response) => {
    asked.push(request.headers.accept);
    response.setHeader("content-type", csv).end(CSV);
  });
  await readEndpoint(api.url, { path: "a", response_format: "csv" });
  await readEndpoint(api.url, { path: "a", headers: { Accept: "text/x" } });
  await readEndpoint(api.url, "a", { config: { headers: { ACCEPT: "text/y" } } });
  deepEqual(asked, ["text/csv, */*;q=0.5", "text/x", "text/y"]);
});

Deno.test("pages of NDJSON: values as they were written, whatever ends the lines", async () => {
  const first = '\ufeff{"id":9007199254740993,"x":{"y":[1]}}\r\n\r\n  {"id":2}  ';
  deepEqual(
    await rowsOf(PAGED, [{ type: ndjson, body: first }, { type: ndjson, body: '{"id":3}\n7' }, {
      type: ndjson,
      body: "",
    }]),
    [
      { id: "9007199254740993", x: "{'y': [1]}", value: null },
      { id: "2", x: null, value: null },
      { id: "3", x: null, value: null },
      { id: null, x: null, value: "7" },
    ],
  );
  const lines = '{"result":{"id":1}}\n{"result":{"id":2}}';
  deepEqual(await rowsOf({ data_selector: "result" }, [{ type: ndjson, body: lines }]), [{ id: "1" }, {
    id: "2",
  }]);
});

const BROKEN_LINES: readonly (readonly [string, RegExp])[] = [
  ['{"id":1}\n{"id":', /its line 2 is no JSON: expected a closing bracket, found the end/],
  ['{"id":1}\n{"id":\n2}', /its line 2 is no JSON: its value does not end with the line/],
  ['{"t":"a\nb"}', /its line 1 is no JSON: its value does not end/],
  ['{"id":1} {"id":2}', /its line 1 is no JSON: something follows/],
  ['{"id":1}\n"a', /its line 2 is no JSON: expected a closing quote/],
  ["<html></html>", /its line 1 is no JSON/],
];

for (const [body, message] of BROKEN_LINES) {
  Deno.test(`NDJSON is refused: ${JSON.stringify(body)}`, async () => {
    const found = await failureOf(rowsOf({}, [{ type: ndjson, body }]));
    equal(found.code, "invalid");
    match(found.message, message);
  });
}

Deno.test("a body whose end nothing shows is refused where the format has none either", async () => {
  const raw = (type: string, body: string) =>
    LocalServer.raw((socket) => socket.end(`HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\n\r\n${body}`));
  for (const [type, body] of [[ndjson, NDJSON], [csv, CSV]] as const) {
    await using api = await raw(type, body);
    const { code, message } = await failureOf(readEndpoint(api.url, "items"));
    equal(code, "invalid");
    match(message, /says neither how long it is nor where it ends/);
  }
  await using whole = await raw("application/json", JSON.stringify(ROWS));
  equal((await readEndpoint(whole.url, "items")).length, 2);
  const zipped = gzipSync(CSV);
  await using own = await LocalServer.raw((socket) => {
    socket.write("HTTP/1.1 200 OK\r\ncontent-type: text/csv\r\n\r\n");
    socket.end(zipped);
  });
  equal((await readEndpoint(own.url, "items")).length, 2);
});

Deno.test("pages of CSV are one table, typed as files are, with columns by name", async () => {
  deepEqual(
    await rowsOf(PAGED, [
      { type: csv, body: 'id,day,t\n1,2024-01-31,"a, ""b""\nc"\n2,2024-02-01,\n' },
      { type: csv, body: 't,id,new\r\n"",3,1.5\r\n' },
      { type: csv, body: "id,day,t\n" },
    ]),
    [
      { id: "1", day: "2024-01-31", t: 'a, "b"\nc', new: null },
      { id: "2", day: "2024-02-01", t: null, new: null },
      { id: "3", day: null, t: "", new: "1.5" },
    ],
  );
});

Deno.test("CSV is read by the options of files, and by the character set of its content type", async () => {
  const endpoint = { response_format: "csv" };
  const body = new Uint8Array([
    ...new TextEncoder().encode("n;p\nGr"),
    0xfc,
    ...new TextEncoder().encode("n;1,5\n"),
  ]);
  const options = { options: { delimiter: ";", decimal_separator: ",", columns: { p: "DECIMAL(4,1)" } } };
  deepEqual(await rowsOf(endpoint, [{ type: "text/csv; charset=iso-8859-1", body }], options), [{
    n: "Grün",
    p: "1.5",
  }]);
  await rejects(rowsOf({}, [{ type: csv, body }], options), /no other options than columns/);
});

const BROKEN_TABLES: readonly (readonly [string, string, RegExp])[] = [
  [csv, "id,name\n1\n", /page 1: Cannot read "the page" line 2: it has 1 value, expected 2/],
  [csv, 'id,name\n1,"a\n', /"the page" line 2: a quoted value has no closing quote/],
  [csv, "id,id\n1,2\n", /the column "id" is there twice/],
  ["text/html", "<html><body>Please log in</body></html>", /it is text\/html, and response_format is csv/],
  ["application/json", '{"error":"no"}', /it is application\/json, and response_format is csv/],
  ["text/csv; charset=klingon", CSV, /character set klingon, which is unknown/],
];

for (const [type, body, message] of BROKEN_TABLES) {
  Deno.test(`CSV is refused: ${JSON.stringify(body)} of ${type}`, async () => {
    const found = await failureOf(rowsOf({ response_format: "csv" }, [{ type, body }]));
    equal(found.code, "invalid");
    match(found.message, message);
  });
}

Deno.test("pages of CSV and of something else are no stream", async () => {
  const found = await failureOf(rowsOf({}, [{ type: csv, body: CSV, link: NEXT }, {
    type: "application/json",
    body: JSON.stringify(ROWS),
  }]));
  match(found.message, /page 2: it is no CSV, and the pages before it were CSV/);
});

Deno.test("a row is not taken for names where only the first page has them", async () => {
  const found = await failureOf(rowsOf(PAGED, [{ type: csv, body: CSV }, { type: csv, body: "3,c\n4,d\n" }]));
  equal(found.code, "invalid");
  match(found.message, /page 2: .*its first line \(3, c\) has none of the column names .* \(id, name\)/);
});

Deno.test("CSV of children has what they get of their parents", async () => {
  await using api = await LocalServer.http((request, response) =>
    response.setHeader("content-type", csv).end(`n\n${request.url?.split("/")[2]}0\n`)
  );
  const rows = await readEndpoint(api.url, {
    path: "users/{resources.users.id}/n",
    include_from_parent: ["id", "name"],
  }, {
    parentRows: [
      { texts: { id: "1" }, json: { id: "1", name: '"a, \\"b\\""' } },
      { texts: { id: "2" }, json: { id: "2", name: "null" } },
    ],
  });
  const sorted = rows.map((row) => Object.values(row).map(String)).toSorted();
  deepEqual(sorted, [["1", 'a, "b"', "10"], ["2", "null", "20"]]);
});

Deno.test("XML: attributes, children and texts of the selected elements", async () => {
  const body = `<?xml version="1.0" encoding="iso-8859-1"?><!-- no --><shop xmlns="urn:x"><orders total="3">
    <order id="1"><tag>a</tag><tag>b &amp; c</tag><note lang="de"> Gr&#252;n </note></order>
    <order id="007"><tag>x</tag><note/></order>
    <order id="3"><empty></empty><nil xsi:nil="true" xmlns:xsi="urn:i"/><![CDATA[<raw>]]></order>
  </orders></shop>`;
  const endpoint = { data_selector: "shop.orders.order", paginator: { type: "single_page" } };
  deepEqual(await rowsOf(endpoint, [{ type: xml, body }]), [
    {
      "@id": "1",
      tag: "[a, b & c]",
      note: "{'@lang': de, '#text': ' Grün '}",
      empty: null,
      nil: null,
      "#text": null,
    },
    { "@id": "007", tag: "[x]", note: null, empty: null, nil: null, "#text": null },
    { "@id": "3", tag: null, note: null, empty: null, nil: null, "#text": "<raw>" },
  ]);
});

Deno.test("XML: one element, none, and a total that ends the pages", async () => {
  const endpoint = {
    data_selector: "orders.order",
    paginator: { type: "page_number", base_page: 1, total_path: 'orders."@pages"' },
  };
  const page = (inner: string) => ({ type: xml, body: `<orders pages="3">${inner}</orders>` });
  deepEqual(
    await rowsOf(endpoint, [
      page("<order><id>1</id></order>"),
      page('<order id="2"/>'),
      page("<order>x</order><order/>"),
    ]),
    [
      { id: "1", "@id": null, value: null },
      { id: null, "@id": "2", value: null },
      { id: null, "@id": null, value: "x" },
      { id: null, "@id": null, value: null },
    ],
  );
  deepEqual(
    await rowsOf({ ...endpoint, paginator: { type: "single_page" } }, [{
      type: xml,
      body: "<orders a='1'/>",
    }]),
    [],
  );
});

const BROKEN_XML: readonly (readonly [string, Readonly<Record<string, unknown>>, RegExp])[] = [
  [XML, {}, /it is XML; set data_selector/],
  [
    XML,
    { data_selector: "orders.order", paginator: { type: "auto" } },
    /it is XML, which shows no next page; set paginator/,
  ],
  [XML, { data_selector: "rows.row" }, /nothing at "rows": it has the keys orders/],
  [XML.slice(0, -1), { data_selector: "orders.order" }, /it is no XML: .*unclosed tag/],
  ["<a><b></a>", { data_selector: "a.b" }, /it is no XML/],
  ["<a>&x;</a>", { data_selector: "a.b" }, /it is no XML: .*undefined entity/],
  ['<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', { data_selector: "a.b" }, /it is no XML: .*undefined entity/],
  [`${"<a>".repeat(1500)}`, { data_selector: "a.b" }, /nested more than 1000 deep/],
];

for (const [body, endpoint, message] of BROKEN_XML) {
  Deno.test(`XML is refused: ${body.slice(0, 60)} ${JSON.stringify(endpoint)}`, async () => {
    const found = await failureOf(
      rowsOf({ paginator: { type: "single_page" }, ...endpoint }, [{ type: xml, body }]),
    );
    equal(found.code, "invalid");
    match(found.message, message);
  });
}

Deno.test("nested objects become columns where flatten says so", async () => {
  const body = '[{"id":1,"at":{"x":1.50,"in":{"y":[{"z":1}],"e":{}}}},{"id":2,"at":null}]';
  deepEqual(await rowsOf({ flatten: true }, [{ body }]), [
    { id: "1", at__x: "1.5", at__in__y: "[{'z': 1}]", at__in__e: "{}", at: null },
    { id: "2", at__x: null, at__in__y: null, at__in__e: null, at: null },
  ]);
  const twice = await failureOf(rowsOf({ flatten: true }, [{ body: '[{"a__b":1,"a":{"b":2}}]' }]));
  match(twice.message, /the key "a__b" is there twice/);
});
