import { deepEqual, equal, match, rejects, throws } from "node:assert/strict";
import { tableFromArrays, tableToIPC } from "apache-arrow";
import * as v from "valibot";
import { checkBody, jsonRecords, kindOfBody } from "../../../../connectors/webhook/body.ts";
import { streamSchema } from "../../../../connectors/webhook/options.ts";
import { AppError } from "../../../../contract/errors.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const records = (text: string) =>
  [...jsonRecords(bytes(text))].map((record) => new TextDecoder().decode(record));
const { options } = v.parse(streamSchema, { webhook: "orders" });
const { signal } = new AbortController();

Deno.test("jsonRecords() gives an object, those of a list and those of lines, each in one line and as it was written", () => {
  deepEqual(records(' {"a": 12345678901234567890}\n'), ['{"a": 12345678901234567890}']);
  deepEqual(records('{\r\n  "a": "x\\ny"\n}'), ['{    "a": "x\\ny" }']);
  deepEqual(records('[{"a":1.10},\n {"b":[{"c":","}]} ]'), ['{"a":1.10}', '{"b":[{"c":","}]}']);
  deepEqual(records('{"a":1}\n{"a":2}\n\n'), ['{"a":1}', '{"a":2}']);
  deepEqual(records("[]"), []);
});

Deno.test("jsonRecords() refuses what is no JSON, and what is no object", () => {
  for (
    const text of ['{"a":1', "[{}", "[{},]", "[{} {}]", "[{}] x", "[1]", '"a"', '{"a":1}x', '{"a":1,"a":2}']
  ) {
    throws(() => records(text), (error) => error instanceof AppError && error.code === "invalid", text);
  }
  throws(() => [...jsonRecords(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))], /UTF-8/);
});

Deno.test("kindOfBody() goes by the content type, and by how a body begins where that says nothing", () => {
  const kind = (type: string, text = "a") => kindOfBody(type, bytes(text));
  equal(kind("application/json; charset=utf-8"), "json");
  equal(kind("application/vnd.github+json"), "json");
  equal(kind("application/x-ndjson"), "json");
  equal(kind("Text/CSV"), "csv");
  equal(kind("application/vnd.apache.arrow.stream"), "arrow");
  equal(kind("", ' {"a":1}'), "json");
  equal(kind("text/plain", "a,b"), undefined);
  equal(kind("application/x-www-form-urlencoded", "{"), undefined);
});

Deno.test("checkBody() lets in what a stream can read, and says what is wrong with the rest", async () => {
  const arrow = tableToIPC(tableFromArrays({ a: [1, 2] }), "stream");
  await checkBody("application/vnd.apache.arrow.stream", arrow, options, signal);
  await checkBody("text/csv", bytes("a,b\n1,2\n"), options, signal);
  await rejects(checkBody("text/csv", bytes("a,b\n1,2,3\n"), options, signal), /3|line 2/);
  await rejects(checkBody("application/vnd.apache.arrow.stream", bytes("{}"), options, signal));
  await rejects(
    checkBody("image/png", bytes("x"), options, signal),
    (error) => error instanceof AppError && (match(error.message, /Content-Type/), true),
  );
});
