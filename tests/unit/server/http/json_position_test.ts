import assert from "node:assert/strict";
import fc from "fast-check";
import { findJsonFault } from "../../../../server/http/json_position.ts";

const FAULTS: readonly [string, number, number][] = [
  ["", 1, 1],
  ["  ", 1, 3],
  ["x", 1, 1],
  ["{", 1, 2],
  ["[1,]", 1, 4],
  ['{"a": 1,}', 1, 9],
  ['{"a" 1}', 1, 6],
  ["{a: 1}", 1, 2],
  ["{'a': 1}", 1, 2],
  ['{"a": 01}', 1, 8],
  ["[1 2]", 1, 4],
  ['{"a": 1]', 1, 8],
  ["[1}", 1, 3],
  ['"open', 1, 1],
  ['"a\nb"', 1, 1],
  ['"\\x"', 1, 1],
  ["1 2", 1, 3],
  ["nul", 1, 1],
  ["-", 1, 1],
  ['{\n  "a": true,\n  "b": tru\n}', 3, 8],
  ["[1]\r\n]", 2, 1],
  ["\ufeff{}", 1, 1],
];

for (const [text, line, column] of FAULTS) {
  Deno.test(`findJsonFault() finds ${JSON.stringify(text)} wrong at ${line}:${column}`, () => {
    assert.throws(() => JSON.parse(text));
    assert.deepEqual(findJsonFault(text), { line, column });
  });
}

Deno.test("findJsonFault() finds nothing in any JSON", () => {
  fc.assert(fc.property(fc.json(), fc.constantFrom(0, 1, "\t"), (text, indent) => {
    assert.equal(findJsonFault(JSON.stringify(JSON.parse(text), null, indent)), undefined);
  }));
});

Deno.test("findJsonFault() and JSON.parse agree on texts that are nearly JSON", () => {
  const tokens = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"a"',
    "1",
    "-0.5e3",
    "true",
    "null",
    " ",
    "\n",
    "01",
    "'",
    "\\",
  ];
  const nearly = fc.array(fc.constantFrom(...tokens), { maxLength: 12 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(nearly, (text) => {
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      assert.equal(findJsonFault(text) === undefined, isJson);
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("findJsonFault() takes a text that is nested a million deep", () => {
  const depth = 1_000_000;
  assert.deepEqual(findJsonFault("[".repeat(depth)), { line: 1, column: depth + 1 });
});
