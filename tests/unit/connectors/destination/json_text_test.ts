import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  Binary,
  type Data,
  DateDay,
  Float64,
  makeData,
  TimestampMicrosecond,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { jsonText } from "../../../../connectors/destination/json_text.ts";
import { JSON_EXTENSION } from "../../../../contract/arrow.ts";

Deno.test("jsonText() keeps a U+FEFF at the beginning of a text", () => {
  const [data] = vectorFromArray(["\ufeffx", "\ufeff"], new Utf8()).data;
  strictEqual(data && jsonText(data, 0), JSON.stringify("\ufeffx"));
  strictEqual(data && jsonText(data, 1, JSON_EXTENSION), "\ufeff");
});

Deno.test("jsonText() keeps what JSON has no word for as text, and the sign of zero", () => {
  const told = (data: Data, rows: number) => Array.from({ length: rows }, (_, row) => jsonText(data, row));
  const floats = makeData({ type: new Float64(), data: new Float64Array([-0, 1e21, NaN, -Infinity]) });
  deepStrictEqual(told(floats, 4), ["-0", "1e+21", '"NaN"', '"-Infinity"']);
  const end = 2n ** 63n - 1n;
  const times = makeData({ type: new TimestampMicrosecond(), data: new BigInt64Array([end, -end, 0n]) });
  deepStrictEqual(told(times, 3), ['"infinity"', '"-infinity"', '"1970-01-01T00:00:00"']);
  const days = makeData({ type: new DateDay(), data: new Int32Array([2 ** 31 - 1, 1]) });
  deepStrictEqual(told(days, 2), ['"infinity"', '"1970-01-02"']);
});

Deno.test("jsonText() writes binaries as it is told to", () => {
  const [data] = vectorFromArray([new Uint8Array([0, 255])], new Binary()).data;
  strictEqual(data && jsonText(data, 0), '"\\\\x00ff"');
  strictEqual(data && jsonText(data, 0, undefined, (bytes) => bytes.toBase64()), '"AP8="');
});
