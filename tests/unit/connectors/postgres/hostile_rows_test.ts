import assert from "node:assert/strict";
import { Schema } from "apache-arrow";
import fc from "fast-check";
import { BatchDecoder } from "../../../../connectors/postgres/read/decode/batch_decoder.ts";
import { UnfitValueError } from "../../../../connectors/unfit_value.ts";
import { arrowField, type DecodeKind } from "../../../../connectors/postgres/read/types.ts";
import { ConnectionLostError } from "../../../../connectors/postgres/session/server_error.ts";
import { rowsOf } from "../../../support/arrow_rows.ts";

const HEADER = [0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0];

const int16 = (value: number) => [(value >> 8) & 0xff, value & 0xff];
const int32 = (value: number) => [...int16(value >> 16), ...int16(value)];
const value = (...bytes: number[]) => [...int32(bytes.length), ...bytes];
const row = (...values: number[][]) => [...int16(values.length), ...values.flat()];
const numeric = (weight: number, sign: number, ...digits: number[]) =>
  value(...[digits.length, weight, sign, 0, ...digits].flatMap(int16));

/** CopyData messages with a row each. */
function messages(...rows: readonly (readonly number[])[]): Uint8Array {
  return Uint8Array.from(rows.flatMap((bytes) => [0x64, ...int32(bytes.length + 4), ...bytes]));
}

function decode(kinds: readonly DecodeKind[], bytes: Uint8Array, validateUtf8 = false) {
  const schema = new Schema(kinds.map((kind, i) => arrowField(`c${i}`, kind)));
  const decoder = new BatchDecoder(schema, kinds, { validateUtf8 });
  const batches = [...decoder.push({ bytes, start: 0, end: bytes.length })];
  const last = decoder.flush();
  return rowsOf(last === undefined ? batches : [...batches, last]);
}

const decodeRow = (kind: DecodeKind, cell: number[]) => decode([kind], messages([...HEADER, ...row(cell)]));

const INT_LIST: DecodeKind = { kind: "list", element: { kind: "int4" } };
const PRICE: DecodeKind = { kind: "numeric", precision: 9, scale: 2 };

Deno.test("what is not binary COPY is told", () => {
  const wrong: readonly [RegExp, readonly number[]][] = [
    [/signature/, [1, 2, 3]],
    [/signature/, [...HEADER.slice(0, 18), 99, ...row(value(0, 0, 0, 1))]],
    [/2 columns/, [...HEADER, ...row(value(0, 0, 0, 1), value(0, 0, 0, 1))]],
    [/end/, [...HEADER, ...row(value(0, 0, 0, 1)), 7]],
    [/end/, [...HEADER, ...row([...int32(0x7fff_ffff), 0, 0])]],
    [/end/, [...HEADER, 0]],
    [/end/, [...HEADER, ...int16(1), 0, 0]],
  ];
  for (const [words, bytes] of wrong) {
    assert.throws(
      () => decode([{ kind: "int4" }], messages(bytes)),
      (error) => error instanceof ConnectionLostError && words.test(error.message),
      String(bytes),
    );
  }
  const list = (...bytes: number[]) => value(...bytes);
  for (
    const cell of [
      list(...int32(1), ...int32(0), ...int32(23), ...int32(0x7fff_fff0), ...int32(1)),
      list(...int32(1), ...int32(0), ...int32(23), ...int32(1), ...int32(1), ...int32(4), 0, 0),
      list(...int32(1), ...int32(0), ...int32(23), ...int32(1), ...int32(1), ...value(0, 0, 0, 1), 9),
    ]
  ) assert.throws(() => decodeRow(INT_LIST, cell), ConnectionLostError);
});

Deno.test("a value that does not fit is told with its column, its row and why", () => {
  const wrong: readonly [DecodeKind, number[], RegExp][] = [
    [{ kind: "int4" }, value(1, 2), /sent 2 bytes where its type has 4/],
    [{ kind: "bool" }, value(), /sent 0 bytes/],
    [PRICE, value(1), /sent 1 bytes/],
    [PRICE, [...int32(10), ...int16(2), ...int16(0), 0, 0, 0, 0, 0, 1], /sent 10 bytes/],
    [PRICE, numeric(0, 0xc000), /NaN/],
    [PRICE, numeric(0, 0xd000), /Infinity/],
    [PRICE, numeric(32_000, 0, 9_999), /more digits than its type declares/],
    [{ kind: "timestamp" }, value(0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0), /after the year 294246/],
    [{ kind: "interval" }, value(0x7f, ...Array(15).fill(0)), /292 years/],
    [INT_LIST, value(...int32(2), ...int32(0), ...int32(23)), /2 dimensions.*text_columns/],
    [
      INT_LIST,
      value(...int32(1), ...int32(0), ...int32(23), ...int32(1), ...int32(0), ...value(0, 0, 0, 1)),
      /begins at 0.*text_columns/,
    ],
    [
      INT_LIST,
      value(...int32(1), ...int32(0), ...int32(23), ...int32(1), ...int32(1), ...value(1)),
      /has an element that the server sent 1 bytes where its type has 4/,
    ],
  ];
  for (const [kind, cell, words] of wrong) {
    const bytes = messages([...HEADER, ...row(int32(-1), int32(-1))], row(int32(-1), cell));
    assert.throws(
      () => decode([{ kind: "int2" }, kind], bytes),
      (error) =>
        error instanceof UnfitValueError && error.column === "c1" && error.row === 2 &&
        words.test(error.message),
      String(words),
    );
  }
  const notUtf8 = value(...int32(1), ...int32(0), ...int32(25), ...int32(1), ...int32(1), ...value(0xff));
  assert.throws(
    () => decode([{ kind: "list", element: { kind: "text" } }], messages([...HEADER, ...row(notUtf8)]), true),
    /has an element that is not UTF-8/,
  );
});

Deno.test("bytes that were changed on the way give rows or an error, and nothing else", () => {
  const kinds: readonly DecodeKind[] = [
    { kind: "int8" },
    { kind: "text" },
    PRICE,
    { kind: "jsonb" },
    INT_LIST,
    { kind: "list", element: { kind: "text" } },
  ];
  const texts = value(
    ...int32(1),
    ...int32(0),
    ...int32(25),
    ...int32(2),
    ...int32(1),
    ...value(65),
    ...value(),
  );
  const numbers = value(...int32(1), ...int32(1), ...int32(23), ...int32(1), ...int32(1), ...int32(-1));
  const good = row(
    value(0, 0, 0, 0, 0, 0, 0, 1),
    value(65, 66),
    numeric(0, 0, 12),
    value(1, 34, 34),
    numbers,
    texts,
  );
  const whole = messages([...HEADER, ...good], good, good);
  const payload = fc.nat(whole.length - 1);
  fc.assert(
    fc.property(fc.array(fc.tuple(payload, fc.nat(255)), { minLength: 1, maxLength: 4 }), (changes) => {
      const bytes = whole.slice();
      for (const [at, byte] of changes) if (!isFrame(bytes, at)) bytes[at] = byte;
      try {
        assert(decode(kinds, bytes).length <= 3);
      } catch (error) {
        if (!(error instanceof ConnectionLostError || error instanceof UnfitValueError)) throw error;
      }
    }),
    { numRuns: 2_000 },
  );
});

/** The messages' own lengths are right: the gate looks at them. */
function isFrame(bytes: Uint8Array, at: number): boolean {
  const view = new DataView(bytes.buffer);
  for (let start = 0; start < bytes.length; start += 1 + view.getInt32(start + 1)) {
    if (at >= start && at < start + 5) return true;
  }
  return false;
}

Deno.test("lists, texts and rows beyond the room that was there at first are whole", () => {
  const long = (length: number) => Array.from({ length }, (_, i) => 97 + i % 26);
  const texts = [long(20_000), long(3), long(70_000), long(33)];
  const many = Array.from({ length: 3_000 }, (_, i) => value(...int32(i))).flat();
  const list = value(...int32(1), ...int32(0), ...int32(23), ...int32(3_000), ...int32(1), ...many);
  const rows = texts.map((text) => row(value(...text), list));
  const found = decode(
    [{ kind: "text" }, INT_LIST],
    messages([...HEADER, ...rows[0] ?? []], ...rows.slice(1)),
  );
  assert.deepEqual(
    found,
    texts.map((text) => [String.fromCharCode(...text), Array.from({ length: 3_000 }, (_, i) => i)]),
  );
});
