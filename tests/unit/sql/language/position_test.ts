import assert from "node:assert/strict";
import { offsetOfByte, offsetOfCodePoint, placeAt } from "../../../../sql/language/position.ts";

Deno.test("placeAt() counts lines that end in any way", () => {
  const text = "a\nb\r\nc\rd";
  const at = (offset: number) => {
    const { line, column } = placeAt(text, offset, "x.sql");
    return `${line}:${column}`;
  };
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 7, 99].map(at), [
    "1:1",
    "1:2",
    "2:1",
    "2:2",
    "2:3",
    "3:1",
    "3:2",
    "4:1",
    "4:2",
  ]);
});

Deno.test("offsetOfByte() and offsetOfCodePoint() answer UTF-16 offsets", () => {
  const text = "aé€😀z";
  assert.deepEqual([0, 1, 3, 6, 10, 11, 99].map((byte) => offsetOfByte(text, byte)), [0, 1, 2, 3, 5, 6, 6]);
  assert.deepEqual([0, 1, 2, 3, 4, 5, 99].map((index) => offsetOfCodePoint(text, index)), [
    0,
    1,
    2,
    3,
    5,
    6,
    6,
  ]);
});
