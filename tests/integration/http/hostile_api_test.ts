import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { Socket } from "node:net";
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { failureOf, LocalServer, readEndpoint, startApi } from "../../support/api_bench.ts";

/** Servers that do not do what they should: each read ends in the right rows or in an error that says what it met. */

const ROWS = [{ id: 1, name: "a" }, { id: 2, name: "b" }];
const BODY = JSON.stringify({ items: ROWS });
const plain = (rows: readonly Readonly<Record<string, unknown>>[]) =>
  JSON.parse(JSON.stringify(rows, (_key, value) => typeof value === "bigint" ? Number(value) : value));

/** Bytes of an answer as they are sent, and how the connection ends. */
type Wire = (socket: Socket, count: number) => void;
const head = (...headers: string[]) =>
  `HTTP/1.1 200 OK\r\n${headers.map((line) => `${line}\r\n`).join("")}\r\n`;
const send = (...parts: (string | Uint8Array)[]): Wire => (socket) => {
  for (const part of parts) socket.write(part);
  socket.end();
};
const cut = (...parts: (string | Uint8Array)[]): Wire => (socket) => {
  for (const part of parts) socket.write(part);
  setTimeout(() => socket.resetAndDestroy(), 10);
};
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
const sized = (body: string | Uint8Array, ...more: string[]) =>
  head(`content-length: ${body.length}`, ...more);

const UNAVAILABLE = /^(?:Cannot read ")?GET http:\/\/127\.0\.0\.1:\d+\/items/;

const CUTS: Readonly<Record<string, Wire>> = {
  "a connection that closes at once": (socket) => socket.destroy(),
  "a reset at once": (socket) => socket.resetAndDestroy(),
  "half a status line": cut("HTTP/1.1 20"),
  "half of the headers": cut("HTTP/1.1 200 OK\r\ncontent-le"),
  "headers that end without a body": send(head(`content-length: ${BODY.length}`)),
  "no HTTP": send("220 mail.example.com ESMTP\r\n"),
  "a header without a colon": send("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", BODY),
  "two lengths that differ": send(head("content-length: 5", "content-length: 9"), BODY),
  "a length that is no number": send(head("content-length: many"), BODY),
  "a chunk whose size is no number": send(head("transfer-encoding: chunked"), "zz\r\nxx\r\n"),
  "chunks without an end": send(head("transfer-encoding: chunked"), chunk(BODY)),
  "a chunk that is cut": cut(head("transfer-encoding: chunked"), "ff\r\n", BODY),
  "a body without a length that is reset": cut(head("connection: close"), BODY.slice(0, 20)),
  "a body without a length that is reset at its end": cut(head("connection: close"), BODY),
  "gzip that is none": send(sized(BODY, "content-encoding: gzip"), BODY),
  "gzip that is cut": send(
    sized(gzipSync(BODY).subarray(0, 20), "content-encoding: gzip"),
    gzipSync(BODY).subarray(0, 20),
  ),
  "headers that never come": () => {},
  "a body that stops": (socket) =>
    socket.write(`${head(`content-length: ${BODY.length}`)}${BODY.slice(0, 9)}`),
  ...Object.fromEntries([1, 5, 10, 15, 20, 25, 30, BODY.length - 1].flatMap((at) => [
    [`a body that is cut after ${at} bytes`, cut(head(`content-length: ${BODY.length}`), BODY.slice(0, at))],
    [`a body that ends after ${at} bytes`, send(head(`content-length: ${BODY.length}`), BODY.slice(0, at))],
    [
      `chunks that are cut after ${at} bytes`,
      cut(head("transfer-encoding: chunked"), chunk(BODY.slice(0, at))),
    ],
  ])),
};

/** All at once: most of their time is waiting. */
const eachCut = (work: (wire: Wire) => Promise<void>): Promise<unknown> =>
  Promise.all(
    Object.entries(CUTS).map(async ([name, wire]) => {
      try {
        await work(wire);
      } catch (error) {
        throw new Error(name, { cause: error });
      }
    }),
  );

Deno.test("an answer that is cut is asked for again, then told", async () => {
  await eachCut(async (wire) => {
    await using broken = await LocalServer.raw((socket) => wire(socket, 0));
    const waits: number[] = [];
    const { code, message } = await failureOf(
      readEndpoint(broken.url, "items", { waits, config: { timeout: 1 } }),
    );
    equal(code, "unavailable", message);
    match(message, UNAVAILABLE);
    equal(waits.length, 7);
    ok(
      waits.every((waitMs, at) => waitMs >= Math.min(250 * 2 ** at, 30_000) && waitMs <= 500 * 2 ** at),
      `${waits}`,
    );
  });
});

Deno.test("after an answer that was cut the next one is taken", async () => {
  await eachCut(async (wire) => {
    await using broken = await LocalServer.raw((socket, count) => {
      if (count === 1) wire(socket, count);
      else send(sized(BODY), BODY)(socket, count);
    });
    deepEqual(plain(await readEndpoint(broken.url, "items", { config: { timeout: 1 } })), ROWS);
  });
});

/** A body that is whole but is not a page of records. */
const BODIES: readonly (readonly [name: string, body: string | Uint8Array, message: RegExp])[] = [
  ["nothing", "", /page 1: it is no JSON: it is empty/],
  ["white space", " \n ", /it is empty/],
  [
    "a page of HTML",
    "<html><body>Please log in</body></html>",
    /it is no JSON: expected a value, found "<html><body>"/,
  ],
  ["half a page", BODY.slice(0, -2), /expected a closing bracket, found the end/],
  ["a string without an end", '{"items":[{"id":"1', /expected a closing quote/],
  ["brackets that cross", '{"items":[{"id":1]}}', /expected another bracket/],
  ["two pages", `${BODY}${BODY}`, /something follows its value/],
  ["a list without a comma", '[{"id":1} {"id":2}]', /expected a comma or a closing bracket/],
  ["a member without a colon", '{"items" [1]}', /expected a colon/],
  ["a number", "12", /has 12 at "its root", expected a list of records/],
  ["a text", '"sorry"', /expected a list of records/],
  ["records that are no JSON", '[{"id":01x}]', /page 1, record 1 of all: the number 01 begins with a zero/],
  ["a key that comes twice", '[{"id":1,"id":2}]', /page 1, record 1 of all: the key "id" is there twice/],
  ["an empty key", '[{"":1}]', /a key is empty/],
  ["a control character", '[{"id":"a\u0001"}]', /control character/],
  [
    "bytes that are no text",
    new Uint8Array([0x5b, 0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0xfe, 0x22, 0x7d, 0x5d]),
    /UTF-8/,
  ],
  ["UTF-16", new Uint8Array([0xff, 0xfe, 0x5b, 0x00, 0x5d, 0x00]), /it is no JSON/],
  ["values a thousand deep", `[{"a":${"[".repeat(1500)}${"]".repeat(1500)}}]`, /nested more than 1000 deep/],
  ["several lists", '{"a":[{"id":1}],"b":[{"id":2}]}', /several lists \(a, b\); set data_selector/],
  [
    "errors of GraphQL",
    '{"data":null,"errors":[{"message":"no such field"}]}',
    /says that it failed: "no such field"/,
  ],
];

for (const [name, body, message] of BODIES) {
  Deno.test(`a page of ${name} is refused`, async () => {
    await using api = await LocalServer.http((_request, response) => response.end(body));
    const { code, message: said } = await failureOf(readEndpoint(api.url, "items"));
    equal(code, "invalid", said);
    match(said, message);
    match(said, /GET http:\/\/127\.0\.0\.1:\d+\/items/);
    if (name === "several lists") return;
    const selected = await failureOf(readEndpoint(api.url, { path: "items", data_selector: "$" }));
    equal(selected.code, "invalid", selected.message);
  });
}

Deno.test("a selector that finds nothing tells what there is", async () => {
  await using api = await startApi(() => ({ data: { rows: [] }, ok: true }));
  const { message } = await failureOf(readEndpoint(api.url, { path: "items", data_selector: "data.items" }));
  match(message, /nothing at "data.items": it has the keys data, ok; set data_selector/);
});

/** What looks odd and is right. */
const ODD: readonly (readonly [name: string, body: string, rows: readonly unknown[]])[] = [
  ["a byte order mark", `\ufeff${BODY}`, ROWS],
  ["line breaks within records", '[{"id":\n1,\r\n"name":"a"}]', [{ id: 1, name: "a" }]],
  ["carriage returns within records", '[{"id":1},{"id":\r2}]', [{ id: "1" }, { id: "2" }]],
  ["numbers beyond a double", '[{"n":9007199254740993},{"n":-9223372036854775808}]', [
    { n: "9007199254740993" },
    { n: "-9223372036854775808" },
  ]],
  ["digits that a double has not", '[{"n":0.1000000000000000055511151231257827}]', [
    { n: "0.1000000000000000055511151231257827" },
  ]],
  ["escapes and surrogates", String.raw`[{"t":"\ud83d\ude00\u0000x\/"}]`, [{ t: "😀\u0000x/" }]],
  ["records that are no objects", '["a",1,null]', [
    { value: '"a"' },
    { value: "1" },
    { value: null },
  ]],
  ["an empty record", '[{},{"id":1}]', [{ id: null }, { id: "1" }]],
  ["null in the place of a list", '{"items":null,"id":7}', [{ items: null, id: "7" }]],
  ["one object", '{"id":7}', [{ id: "7" }]],
  ["a quoted bracket", '{"a]":"[{","items":[{"t":"]}\\""}]}', [{ t: ']}"' }]],
];

for (const [name, body, rows] of ODD) {
  Deno.test(`${name}: the values are as they were written`, async () => {
    await using api = await LocalServer.http((_request, response) => response.end(body));
    // Without a selector the first page is walked through before its records are surveyed, and with one meanwhile.
    const selector = /^(?:\ufeff\{|\{"a)/.test(body) ? "items" : "$";
    const found = await readEndpoint(api.url, "items");
    deepEqual(await readEndpoint(api.url, { path: "items", data_selector: selector }), found);
    const text = (value: unknown) =>
      typeof value === "bigint" || typeof value === "number" ? String(value) : value;
    const shown = (list: readonly unknown[]) =>
      list.map((row) =>
        Object.fromEntries(Object.entries(row ?? {}).map(([key, value]) => [key, text(value)]))
      );
    deepEqual(shown(found), shown(rows));
  });
}

Deno.test("an empty list has no rows, and null where a selector leads neither", async () => {
  await using api = await startApi((url) => url.pathname === "/a" ? [] : { data: { items: null } });
  deepEqual(await readEndpoint(api.url, "a"), []);
  deepEqual(await readEndpoint(api.url, { path: "b", data_selector: "data.items" }), []);
});

/** Statuses, and how often they are asked again. */
const STATUSES:
  readonly (readonly [status: number, code: string, tries: number, headers?: Record<string, string>])[] = [
    [400, "invalid", 1],
    [401, "unauthorized", 1],
    [403, "forbidden", 1],
    [404, "not_found", 1],
    [405, "invalid", 1],
    [408, "unavailable", 8],
    [409, "invalid", 1],
    [410, "not_found", 1],
    [418, "invalid", 1],
    [422, "invalid", 1],
    [425, "unavailable", 8],
    [429, "unavailable", 8],
    [429, "unavailable", 8, { "retry-after": "3" }],
    [429, "unavailable", 8, { "retry-after": "-5" }],
    [429, "unavailable", 8, { "retry-after": "soon" }],
    [429, "unavailable", 1, { "retry-after": "86400" }],
    [500, "unavailable", 8],
    [502, "unavailable", 8],
    [503, "unavailable", 8, { "retry-after": "Wed, 21 Oct 2015 07:28:00 GMT" }],
    [504, "unavailable", 8],
    [599, "unavailable", 8],
    [304, "invalid", 1],
  ];

for (const [status, code, tries, headers = {}] of STATUSES) {
  Deno.test(`${status} ${JSON.stringify(headers)} is ${code} after ${tries}`, async () => {
    let asked = 0;
    await using api = await LocalServer.http((_request, response) => {
      asked++;
      response.writeHead(status, headers).end(status === 304 ? "" : '{"error":{"message":"not today"}}');
    });
    const found = await failureOf(readEndpoint(api.url, "items"));
    equal(found.code, code, found.message);
    equal(asked, tries);
    match(found.message, new RegExp(`answered ${status}`));
    if (status !== 304) match(found.message, /saying "not today"/);
  });
}

Deno.test("Retry-After is waited for, and what it was is over then", async () => {
  const waits: number[] = [];
  await using api = await startApi((_url, count) =>
    count < 3 ? new Response("", { status: 429, headers: { "retry-after": "7" } }) : ROWS
  );
  deepEqual(plain(await readEndpoint(api.url, "items", { waits })), ROWS);
  deepEqual(waits, [7000, 7000]);
});

Deno.test("a status that is to be ignored has no records", async () => {
  await using api = await startApi(() => new Response("{}", { status: 404 }));
  deepEqual(
    await readEndpoint(api.url, { path: "x", response_actions: [{ status_code: 404, action: "ignore" }] }),
    [],
  );
});

/** Pages that never end. */
const ENDLESS: readonly (readonly [
  name: string,
  endpoint: object,
  answer: (url: URL, count: number) => unknown,
  message: RegExp,
])[] = [
  [
    "a link to itself",
    { path: "items" },
    () => ({ items: ROWS, next: "/items" }),
    /leads back to one before it/,
  ],
  [
    "links in a circle",
    { path: "items" },
    (url) => ({ items: ROWS, next: url.search === "?b" ? "/items?a" : "/items?b" }),
    /leads back to one before it/,
  ],
  [
    "a cursor that repeats",
    { path: "items", paginator: { type: "cursor", cursor_path: "next" } },
    () => ({ items: ROWS, next: "same" }),
    /leads back to one before it/,
  ],
  [
    "a server that does not go by the page",
    { path: "items", paginator: { type: "page_number" } },
    () => ROWS,
    /gave the same page 3 times/,
  ],
  [
    "a server that does not go by the offset",
    { path: "items", paginator: { type: "offset", limit: 2 } },
    () => ROWS,
    /gave the same page 3 times/,
  ],
];

for (const [name, endpoint, answer, message] of ENDLESS) {
  Deno.test(`${name} ends in an error`, async () => {
    await using api = await startApi(answer);
    const found = await failureOf(readEndpoint(api.url, endpoint));
    equal(found.code, "invalid");
    match(found.message, message);
    ok(api.asked.length <= 4, `${api.asked.length}`);
  });
}

Deno.test("pages without end stop when the run is stopped", async () => {
  const stop = new AbortController();
  await using api = await startApi((_url, count) => {
    if (count === 20) stop.abort(new Error("stopped"));
    return { items: [{ id: count }], next: `/items?p=${count}` };
  });
  let caught: unknown;
  await readEndpoint(api.url, "items", { signal: stop.signal }).catch((error) => caught = error);
  match(String(caught), /stopped/);
});

/** Where a redirect or a link may not lead. */
const AWAY = [
  "http://169.254.169.254/latest/meta-data/",
  "http://[fd00:ec2::254]/latest/",
  "http://[::ffff:169.254.169.254]/",
  "http://metadata.google.internal/computeMetadata/v1/",
  "http://2852039166/",
  "http://0xa9fea9fe/",
  "http://0251.0376.0251.0376/",
  "http://127.1:1/",
  "http://localhost:1/",
  "http://[::1]:1/",
  "http://0.0.0.0:1/",
  "http://10.0.0.1/",
  "http://other.example/",
  "//other.example/items",
];

for (const address of AWAY) {
  Deno.test(`a redirect to ${address} is not followed`, async () => {
    await using api = await startApi(() => new Response("", { status: 302, headers: { location: address } }));
    const found = await failureOf(readEndpoint(api.url, "items"));
    equal(found.code, "invalid");
    match(found.message, /sends it on to .*; if that is right, add it to the connector's redirect_hosts/);
    equal(api.asked.length, 1);
  });
  Deno.test(`a next page at ${address} is not asked for`, async () => {
    await using api = await startApi(() => ({ items: ROWS, next: new URL(address, "http://x").href }));
    const found = await failureOf(readEndpoint(api.url, "items"));
    equal(found.code, "invalid");
    match(found.message, /is on .*; if that is right, add it to the connector's redirect_hosts/);
    equal(api.asked.length, 1);
  });
}

for (
  const address of [
    "file:///etc/passwd",
    "ftp://127.0.0.1/x",
    "javascript:alert(1)",
    "data:application/json,[]",
  ]
) {
  Deno.test(`${address} is no address of a page`, async () => {
    await using api = await startApi((url) =>
      url.pathname === "/r"
        ? new Response("", { status: 302, headers: { location: address } })
        : { items: ROWS, next: address }
    );
    equal((await failureOf(readEndpoint(api.url, "r"))).code, "invalid");
    const paginator = { type: "json_link" };
    match((await failureOf(readEndpoint(api.url, { path: "l", paginator }))).message, /is none of the web/);
  });
}

Deno.test("a redirect to a named host is judged as the first request is", async () => {
  const away = { location: "http://inner.example/latest" };
  await using api = await startApi(() => new Response("", { status: 307, headers: away }));
  const found = await failureOf(readEndpoint(api.url, "items", {
    config: { redirect_hosts: ["inner.example"] },
    resolve: () => Promise.resolve(["169.254.169.254"]),
  }));
  equal(found.code, "forbidden");
  match(found.message, /inner\.example has the address 169\.254\.169\.254, which is link-local/);
});

Deno.test("redirects in a circle end", async () => {
  await using api = await startApi(() => new Response("", { status: 302, headers: { location: "/items" } }));
  match((await failureOf(readEndpoint(api.url, "items"))).message, /sends it on and on/);
  equal(api.asked.length, 11);
});

Deno.test("credentials go to the base's own origin only", async () => {
  const seen: (string | undefined)[] = [];
  await using other = await LocalServer.http((request, response) => {
    seen.push(request.headers.authorization, request.url);
    response.end("[]");
  });
  await using api = await startApi(() =>
    new Response("", { status: 302, headers: { location: `${other.url}/away` } })
  );
  for (
    const auth of [
      { type: "bearer", token: "t0ken" },
      { type: "api_key", api_key: "t0ken", name: "key", location: "query" },
    ]
  ) {
    await readEndpoint(api.url, "items", { config: { auth, redirect_hosts: [`127.0.0.1:${other.port}`] } });
  }
  deepEqual(seen, [undefined, "/away", undefined, "/away"]);
  deepEqual(api.asked, ["/items", "/items?key=t0ken"]);
});

Deno.test("a name whose address changes is asked at the one that was judged, or refused", async () => {
  await using api = await startApi(() => ROWS);
  const base = `http://api.example:${api.port}`;
  let looked = 0;
  const resolve = () => Promise.resolve([looked++ % 2 === 0 ? "93.184.216.34" : "127.0.0.1"]);
  const found = await failureOf(readEndpoint(base, "items", { privateHosts: [], resolve }));
  ok(found.code === "forbidden" || found.code === "unavailable", found.message);
  equal(api.asked.length, 0);
});

const LINES = `${JSON.stringify(ROWS[0])}\n${JSON.stringify(ROWS[1])}\n`;
const zst = zstdCompressSync(BODY);
const brotli = brotliCompressSync(BODY);
const joined = (...parts: readonly Uint8Array[]) => new Uint8Array(parts.flatMap((part) => [...part]));
const record = (...members: string[]) => `[{${members.join(",")}}]`;
const wire = (body: string | Uint8Array, ...headers: string[]): Wire =>
  send(sized(typeof body === "string" ? new TextEncoder().encode(body) : body, ...headers), body);

/** Answers that are odd or wrong in their own ways, and what a read ends with: its rows, or words of its error. */
const ANSWERS: Readonly<Record<string, readonly [Wire, readonly unknown[] | RegExp]>> = {
  "zstd in the body": [wire(zst), ROWS],
  "zstd as the transfer's encoding": [wire(zst, "content-encoding: zstd"), ROWS],
  "zstd in two frames": [
    wire(joined(zstdCompressSync(BODY.slice(0, 9)), zstdCompressSync(BODY.slice(9)))),
    ROWS,
  ],
  "zstd of lines": [wire(zstdCompressSync(LINES), "content-type: application/x-ndjson"), ROWS],
  ...Object.fromEntries([5, 9, 20, zst.length - 1].map((at): [string, [Wire, RegExp]] => [
    `zstd that ends after ${at} bytes`,
    [wire(zst.subarray(0, at)), /its zstd data is cut short or broken/],
  ])),
  "zstd with something behind it": [wire(joined(zst, new Uint8Array([1, 2, 3]))), /its zstd data is cut/],
  "zstd with another checksum": [
    wire(joined(gzipSync(BODY).subarray(0, -8), new Uint8Array(8))),
    /its gzip data is cut short or broken/,
  ],
  "brotli": [wire(brotli, "content-encoding: br"), ROWS],
  "brotli that is cut": [wire(brotli.subarray(0, 12), "content-encoding: br"), /failed|cut|nothing came/],
  "an encoding that nobody asked for": [wire(BODY, "content-encoding: x-secret"), ROWS],
  "an encoding that it does not have": [wire(BODY, "content-encoding: zstd"), ROWS],
  "JSON that says that it is HTML": [wire(BODY, "content-type: text/html"), ROWS],
  "JSON that says that it is XML": [wire(BODY, "content-type: text/xml"), ROWS],
  "HTML that says that it is JSON": [wire("<p>no</p>", "content-type: application/json"), /it is no JSON/],
  "an image": [
    wire(new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d]), "content-type: image/png"),
    /it is no JSON/,
  ],
  "a character set that it does not have": [
    wire(
      new Uint8Array([...new TextEncoder().encode('[{"a":"'), 0xe9, ...new TextEncoder().encode('"}]')]),
      "content-type: application/json; charset=iso-8859-1",
    ),
    /UTF-8/,
  ],
  "a length of 1 GB": [send(head("content-length: 1073741824"), BODY), /larger than 512 MiB/],
  "a length beyond all numbers": [
    send(head(`content-length: ${"9".repeat(30)}`), BODY),
    /failed|nothing came/,
  ],
  "a header of a megabyte": [wire(BODY, `x-a: ${"a".repeat(1 << 20)}`), /failed/],
  "ten thousand headers": [wire(BODY, ...Array.from({ length: 10_000 }, (_, i) => `x-${i}: 1`)), /failed/],
  "a thousand words to wait": [
    send("HTTP/1.1 102 Processing\r\n\r\n".repeat(1_000), sized(BODY), BODY),
    ROWS,
  ],
  "a second answer behind the first": [send(sized(BODY), BODY, sized("[]"), "[]"), ROWS],
  "chunks with extensions and a trailer": [
    send(
      head("transfer-encoding: chunked"),
      `${BODY.length.toString(16)};a=b\r\n${BODY}\r\n0\r\nx-end: 1\r\n\r\n`,
    ),
    ROWS,
  ],
  "chunks and a length": [
    send(head("transfer-encoding: chunked", "content-length: 3"), chunk(BODY), "0\r\n\r\n"),
    ROWS,
  ],
  "a number beyond a double": [wire(record('"n":1e999')), [{ n: "1e999" }]],
  "a number of ten thousand digits": [wire(record(`"n":${"7".repeat(10_000)}`)), [{ n: "7".repeat(10_000) }]],
  "not a number": [wire(record('"n":NaN')), [{ n: "nan" }]],
  "no number of JSON's": [wire(record('"n":0x10')), /page 1, record 1/],
  "a key of the language's own": [wire(record('"__proto__":1', '"constructor":2')), [
    JSON.parse('{"__proto__":1,"constructor":2}'),
  ]],
  "keys that differ by case": [wire(record('"id":1', '"ID":2')), /"ID"|"id"|same/],
  "half of a surrogate pair": [wire(record(String.raw`"t":"\ud800"`)), /surrogate|UTF|character/],
  "a thousand keys": [
    wire(record(...Array.from({ length: 1_000 }, (_, i) => `"k${i}":${i}`))),
    [Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`k${i}`, i]))],
  ],
  "a value of a megabyte": [wire(record(`"t":"${"x".repeat(1 << 20)}"`)), [{ t: "x".repeat(1 << 20) }]],
  "a redirect without an address": [
    send("HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n"),
    /without an address/,
  ],
  "a redirect to what is no address": [
    send("HTTP/1.1 302 Found\r\nlocation: http://[\r\ncontent-length: 0\r\n\r\n"),
    /without an address/,
  ],
};

Deno.test("an odd answer gives its rows as they were sent, or its fault", async () => {
  const found = await Promise.all(
    Object.entries(ANSWERS).map(async ([name, [answer, expected]]) => {
      await using api = await LocalServer.raw((socket, count) => answer(socket, count));
      const endpoint = { path: "items", paginator: { type: "single_page" } };
      const ended = await readEndpoint(api.url, endpoint, { config: { timeout: 2 } }).then(
        (rows) => JSON.stringify(plain(rows)),
        (error) => String(error instanceof Error ? error.message : error).slice(0, 300),
      );
      const isRight = expected instanceof RegExp ? expected.test(ended) : ended === JSON.stringify(expected);
      return isRight ? [] : [`${name}: ${ended.slice(0, 300)}`];
    }),
  );
  deepEqual(found.flat(), []);
});

Deno.test("a body that trickles is given up, though it never stops", async () => {
  await using api = await LocalServer.raw((socket) => {
    socket.write(head("transfer-encoding: chunked"));
    const timer = setInterval(() => socket.write(chunk(" ")), 5);
    socket.once("close", () => clearInterval(timer));
  });
  let nowMs = 0;
  const clock = { now: () => nowMs += 20_000, sleep: () => Promise.resolve() };
  const found = await failureOf(readEndpoint(api.url, "items", { context: { clock } }));
  equal(found.code, "unavailable");
  match(found.message, /the answer comes too slowly/);
});
