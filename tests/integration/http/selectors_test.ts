import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { failureOf, LocalServer, readEndpoint } from "../../support/api_bench.ts";

/** What a data_selector finds, in JMESPath: all of it, with every digit that the page has. */

const PAGE = `{"data": [
  {"item": {"id": 9007199254740993, "p": 1.50}, "active": true, "tags": [{"n": 1}, {"n": 0.10000000000000000001}]},
  {"item": {"id": 2, "p": 2e0}, "active": false, "tags": []},
  {"item": {"id": 3, "p": -0.5}, "active": true, "tags": [{"n": 3}]}
], "none": null, "next": null}`;

const serve = (body: string) =>
  LocalServer.http((_request, response) => response.setHeader("content-type", "application/json").end(body));

async function rowsOf(selector: string, body = PAGE): Promise<unknown> {
  await using api = await serve(body);
  const endpoint = { path: "items", data_selector: selector, paginator: { type: "single_page" } };
  const rows = await readEndpoint(api.url, endpoint);
  return rows.map((row) => Object.values(row).map((value) => value === null ? null : String(value)));
}

const FOUND: readonly (readonly [selector: string, rows: readonly unknown[]])[] = [
  ["data[?active].item", [["9007199254740993", "1.5"], ["3", "-0.5"]]],
  ["$.data[?active == `true`].item", [["9007199254740993", "1.5"], ["3", "-0.5"]]],
  ["data[*].item", [["9007199254740993", "1.5"], ["2", "2"], ["3", "-0.5"]]],
  ["data[?item.p >= `1.5`].item | [1:]", [["2", "2"]]],
  ["data[].tags[]", [["1"], ["0.10000000000000000001"], ["3"]]],
  ["data[*].item.id", [["9007199254740993"], ["2"], ["3"]]],
  ["data[*].{n: item.id, first: tags[0].n}", [["9007199254740993", "1"], ["2", null], ["3", "3"]]],
  ["data[-1].item", [["3", "-0.5"]]],
  ["none[*].x || `[]`", []],
  ["data[?item.id > `10000000000000000`]", []],
];

for (const [selector, rows] of FOUND) {
  Deno.test(`${selector} finds its records as they were written`, async () => {
    deepEqual(await rowsOf(selector), rows);
  });
}

const FAILS: readonly (readonly [selector: string, message: RegExp, body?: string])[] = [
  ["none[*].x", /finds nothing on the page; where that means that there are no records, add \|\| `\[\]`/],
  ["dta[?active]", /finds nothing on the page/],
  ["length(data)", /finds 3, expected a list of records/],
  ["length(next)", /data_selector \(length\(next\)\) fails: TypeError/],
  ["data[*].{t: to_string(item.id)}", /makes texts of numbers \(to_string\)/],
  [
    "data[*].{id: id}",
    /about 9007199254740992 there are several that differ in their last digits/,
    '{"data":[{"id":9007199254740992},{"id":9007199254740993}]}',
  ],
  ["data[?id]", /the key "id" is there twice/, '{"data":[{"id":1,"id":2}]}'],
  ["data[?id]", /nested more than 1000 deep/, `{"data":${"[".repeat(1500)}${"]".repeat(1500)}}`],
];

for (const [selector, message, body] of FAILS) {
  Deno.test(`${selector} fails: ${message.source.slice(0, 40)}`, async () => {
    const found = await failureOf(rowsOf(selector, body));
    equal(found.code, "invalid");
    match(found.message, message);
  });
}

Deno.test("what is no expression is refused before a run", async () => {
  for (const selector of ["data[?", "data[*", "..x", "nope(data)", "data[?a = `1`]", "$..items", "data[]]"]) {
    await rejects(rowsOf(selector), /expected a path, or an object with path|JMESPath/, selector);
  }
});
