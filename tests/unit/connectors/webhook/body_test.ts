import { deepEqual, equal, match, rejects, throws } from "node:assert/strict";
import { tableFromArrays, tableToIPC } from "apache-arrow";
import * as v from "valibot";
import { checkBody, jsonRecords, kindOfBody, recordsOf } from "../../../../connectors/webhook/body.ts";
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
  equal(kind("application/x-www-form-urlencoded; charset=UTF-8", "{"), "json");
  equal(kind("multipart/form-data", "{"), undefined);
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

const FORM = "application/x-www-form-urlencoded";
const form = (text: string | Uint8Array, type = FORM) =>
  [...recordsOf(type, typeof text === "string" ? bytes(text) : text)].map((record) =>
    new TextDecoder().decode(record)
  );

Deno.test("a form is one record of texts as they were sent", () => {
  deepEqual(form("a=1&b=x+y%26%3D%c3%a9&c=&d&a%5B%5D=u%2Bv"), [
    '{"a":"1","b":"x y&=é","c":"","d":"","a[]":"u+v"}',
  ]);
  deepEqual(form("__proto__=1&q=%22%5C%0a&n=007"), ['{"__proto__":"1","q":"\\"\\\\\\n","n":"007"}']);
  deepEqual(form("tag=a&tag=b&x=1=2"), ['{"tag":["a","b"],"x":"1=2"}']);
  deepEqual(form("é=1"), ['{"é":"1"}']);
  deepEqual(form("&&"), []);
  deepEqual(form("a=%EF%BB%BFx"), ['{"a":"\ufeffx"}']);
});

Deno.test("a form that is no text is refused, and nothing is put in the place of what is none", () => {
  const refused = (text: string | Uint8Array, message: RegExp, type?: string) =>
    throws(() => form(text, type), (error) => error instanceof AppError && message.test(error.message));
  refused("a=%ff", /The form is not UTF-8/);
  refused(new Uint8Array([0x61, 0x3d, 0xff]), /The form is not UTF-8/);
  refused("a=100%", /without two hex digits/);
  refused("a=%zz", /without two hex digits/);
  refused("=1", /a field without a name/);
  refused("a=1", /in windows-1252: send it in UTF-8/, `${FORM}; charset=windows-1252`);
});
