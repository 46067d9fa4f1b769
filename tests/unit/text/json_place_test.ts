import assert from "node:assert/strict";
import fc from "fast-check";
import { findJsonPlace } from "../../../text/json_place.ts";

const FAULTS: readonly [string, number, number][] = [
  ["", 1, 1],
  ["  ", 1, 3],
  ["x", 1, 1],
  ["{", 1, 2],
  ["[1,]", 1, 3],
  ['{"a": 1,}', 1, 8],
  ['{"a" 1}', 1, 6],
  ["{a: 1}", 1, 2],
  ["{'a': 1}", 1, 2],
  ['{"a": 01}', 1, 7],
  ["[1 2]", 1, 2],
  ['{"a": 1]', 1, 8],
  ["[1}", 1, 3],
  ['"open', 1, 1],
  ['"a\nb"', 1, 1],
  ['"\\x"', 1, 1],
  ["1 2", 1, 1],
  ["nul", 1, 1],
  ["-", 1, 1],
  ['{\n  "a": true,\n  "b": tru\n}', 3, 8],
  ["[1]\r\n]", 2, 1],
];

for (const [text, line, column] of FAULTS) {
  Deno.test(`findJsonPlace() finds ${JSON.stringify(text)} wrong at ${line}:${column}`, () => {
    assert.throws(() => JSON.parse(text));
    assert.deepEqual(findJsonPlace(text), { line, column });
  });
}

Deno.test("findJsonPlace() finds nothing in any JSON", () => {
  fc.assert(fc.property(fc.json(), fc.constantFrom(0, 1, "\t"), (text, indent) => {
    assert.equal(findJsonPlace(JSON.stringify(JSON.parse(text), null, indent)), undefined);
  }));
});

Deno.test("findJsonPlace() gives up on what is very long, and takes what is very deep", () => {
  assert.equal(findJsonPlace(`[${"1,".repeat(40_000)}]`), undefined);
  findJsonPlace("[".repeat(60_000));
});
