import assert from "node:assert/strict";
import * as v from "valibot";
import { checkSchema, pathText } from "../../../text/schema_faults.ts";

function messages(schema: v.GenericSchema, value: unknown): string[] {
  const result = checkSchema(schema, value);
  return "faults" in result ? result.faults.map((fault) => fault.message) : [];
}

const entry = v.strictObject({
  name: v.string(),
  size: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  kind: v.optional(v.picklist(["big", "small"])),
});

Deno.test("checkSchema() answers the output of a value that fits, defaults filled in", () => {
  const schema = v.strictObject({ a: v.optional(v.number(), 5) });
  assert.deepEqual(checkSchema(schema, {}), { output: { a: 5 } });
});

Deno.test("checkSchema() says what was expected and what it got", () => {
  assert.deepEqual(messages(entry, { name: 5, size: 0, kind: "bg" }), [
    'name: expected text but got 5: write "5"',
    "size: expected at least 1 but got 0",
    'kind: expected one of big, small but got "bg"',
  ]);
  assert.deepEqual(messages(entry, { name: "x", size: 1.5, kind: ["big"] }), [
    "size: expected a whole number but got 1.5",
    "kind: expected one of big, small but got a list",
  ]);
});

Deno.test("checkSchema() shows no value where a secret stands, by its key or by what the schema says", () => {
  const schema = v.strictObject({
    password: v.optional(v.pipe(v.string(), v.maxLength(5))),
    client_secret: v.optional(v.string()),
    value: v.pipe(v.string(), v.maxLength(3), v.metadata({ secret: true })),
    deep: v.optional(v.record(v.string(), v.strictObject({ api_key: v.picklist(["a", "b"]) }))),
  });
  const given = {
    password: 123456,
    client_secret: true,
    value: "hunter2",
    deep: { x: { api_key: "s3cret" } },
  };
  const found = messages(schema, given);
  assert.deepEqual(found, [
    "password: expected text but got another value: write it in quotes",
    "client_secret: expected text but got another value: write it in quotes",
    "value: expected at most 3 entries or characters",
    "deep.x.api_key: expected one of a, b but got another value",
  ]);
  assert.deepEqual(messages(schema, { password: "correct horse", value: 7 }), [
    "password: expected at most 5 entries or characters",
    "value: expected text but got another value: write it in quotes",
  ]);
  assert.deepEqual(messages(schema, { value: ["hunter2"] }), ["value: expected text but got a list"]);
});

Deno.test("checkSchema() says how what was written can be put so that it is read", () => {
  const schema = v.strictObject({
    when: v.optional(v.strictObject({ zone: v.optional(v.string(), "UTC"), cron: v.string() })),
    params: v.optional(v.record(v.string(), v.strictObject({ type: v.optional(v.string(), "string") }))),
    any: v.optional(v.record(v.string(), v.string())),
  });
  assert.deepEqual(messages(schema, { when: "5 4 * * *" }), [
    'when: expected keys with values but got "5 4 * * *": write { cron: "5 4 * * *" }',
  ]);
  assert.deepEqual(messages(schema, { params: { since: "date" }, any: { a: true } }), [
    'params.since: expected keys with values but got "date": write { type: date }',
    'any.a: expected text but got true: write "true"',
  ]);
  // Where any key may stand, none is advised.
  assert.deepEqual(messages(schema, { any: "x" }), ['any: expected keys with values but got "x"']);
});

Deno.test("checkSchema() puts the base before each path", () => {
  const result = checkSchema(entry, { nme: "x" }, ["list", 0]);
  assert("faults" in result);
  assert.deepEqual(result.faults.map(({ path, at, message }) => ({ path: pathText(path), at, message })), [
    { path: "list[0].nme", at: "key", message: "list[0].nme: unknown key (did you mean name?)" },
  ]);
});

Deno.test("checkSchema() lists the keys where none is near", () => {
  assert.deepEqual(messages(entry, { name: "x", colour: 1 }), [
    "colour: unknown key; it can have name, size and kind",
  ]);
});

Deno.test("checkSchema() shortens a long value and shows none that is a structure", () => {
  const [long] = messages(v.strictObject({ a: v.number() }), { a: "x".repeat(500) });
  assert((long ?? "").length < 120, long);
  assert.deepEqual(messages(v.strictObject({ a: v.number() }), { a: { secret: "x" } }), [
    "a: expected a number but got keys with values",
  ]);
});

Deno.test("checkSchema() picks the option of a union that the value was meant to be", () => {
  const schema = v.strictObject({ to: v.union([v.array(entry), entry, v.string()]) });
  assert.deepEqual(messages(schema, { to: [{ name: "x" }, { nam: "y" }] }), [
    "to[1].nam: unknown key (did you mean name?)",
  ]);
  assert.deepEqual(messages(schema, { to: { name: 5 } }), ['to.name: expected text but got 5: write "5"']);
  assert.deepEqual(messages(schema, { to: 5 }), ["to: expected a list, keys with values or text but got 5"]);
});

Deno.test("checkSchema() tells faults of shape from faults of format", () => {
  const schema = v.strictObject({ url: v.pipe(v.string(), v.url("expected a URL")), port: v.number() });
  const result = checkSchema(schema, { url: "nope", port: "5432" });
  assert("faults" in result);
  assert.deepEqual(result.faults.map(({ kind, message }) => [kind, message]), [
    ["format", 'url: expected a URL but got "nope"'],
    ["shape", 'port: expected a number but got "5432"'],
  ]);
});
