import assert from "node:assert/strict";
import {
  Binary,
  Bool,
  DateDay,
  Decimal,
  Field,
  Float64,
  Int16,
  Int32,
  Int64,
  IntervalMonthDayNano,
  List,
  type RecordBatch,
  TimestampMicrosecond,
  Utf8,
} from "apache-arrow";
import fc from "fast-check";
import { BatchDecoder } from "../../../../connectors/postgres/read/decode/batch_decoder.ts";
import { UnfitValueError } from "../../../../connectors/unfit_value.ts";
import { BatchEncoder, UnfitRowError } from "../../../../connectors/postgres/load/encode/batch_encoder.ts";
import type { DecodeKind } from "../../../../connectors/postgres/read/types.ts";
import {
  fillCopyDataHeader,
  MESSAGE_HEADER_BYTES,
} from "../../../../connectors/postgres/session/copy_data.ts";
import { directEncoder, writeType } from "../../../../connectors/postgres/load/types.ts";
import {
  batchOf,
  type Cell,
  rowsOf,
  schemaOf,
  type TestColumn,
  testColumn,
} from "../../../support/arrow_rows.ts";

/** Encodes the batch and splits it into one message a row, as the server sends it. */
async function encoded(batch: RecordBatch): Promise<Uint8Array> {
  async function* batches() {
    yield batch;
  }
  const encoder = new BatchEncoder(batch.schema.fields.map((field) => writeType(field).createEncoder()));
  const payloads = await Array.fromAsync(
    encoder.encode(batches()),
    (chunk) => chunk.slice(MESSAGE_HEADER_BYTES),
  );
  const all = new Uint8Array(await new Blob(payloads).arrayBuffer());
  const messages = splitRows(all).map((row) => {
    const message = new Uint8Array(MESSAGE_HEADER_BYTES + row.length);
    message.set(row, MESSAGE_HEADER_BYTES);
    fillCopyDataHeader(message);
    return message;
  });
  return new Uint8Array(await new Blob(messages).arrayBuffer());
}

function splitRows(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer);
  const rows: Uint8Array[] = [];
  let start = 0;
  let at = 19;
  while (at < bytes.length) {
    const columns = view.getInt16(at);
    at += 2;
    for (let c = 0; c < columns; c++) at += 4 + Math.max(view.getInt32(at), 0);
    rows.push(bytes.slice(start, at));
    start = at;
  }
  return rows;
}

async function roundTrip(columns: readonly TestColumn[], kinds: readonly DecodeKind[]): Promise<Cell[][]> {
  const bytes = await encoded(batchOf(columns));
  const decoder = new BatchDecoder(schemaOf(columns), kinds, { validateUtf8: true });
  const batches = [...decoder.push({ bytes, start: 0, end: bytes.length })];
  const last = decoder.flush();
  assert.equal(decoder.isComplete, true);
  return rowsOf(last === undefined ? batches : [...batches, last]);
}

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const micros = fc.bigInt({ min: -211_000_000_000_000_000n, max: 9_223_372_036_854_775_806n });
const INFINITE_TIME = 2n ** 63n - 1n;

const decimalOf = (precision: number) =>
  fc.oneof(
    fc.bigInt({ min: -(10n ** BigInt(precision)) + 1n, max: 10n ** BigInt(precision) - 1n }),
    fc.bigInt({ min: -100_000n, max: 100_000n }),
    fc.constantFrom(0n, 1n, -1n, 10n ** BigInt(precision) - 1n, -(10n ** BigInt(precision)) + 1n),
  );

const nullable = (values: fc.Arbitrary<Cell>) => fc.array(fc.option(values, { freq: 4 }), { maxLength: 50 });

async function holds(
  values: fc.Arbitrary<Cell>,
  type: TestColumn["field"]["type"],
  kind: DecodeKind,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(nullable(values), async (cells) => {
      assert.deepEqual(await roundTrip([testColumn("c", type, cells)], [kind]), cells.map((cell) => [cell]));
    }),
    { numRuns: 60 },
  );
}

Deno.test("binary COPY keeps every integer, float and boolean", async () => {
  await holds(fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 }), new Int16(), { kind: "int2" });
  await holds(fc.integer(), new Int32(), { kind: "int4" });
  await holds(int64, new Int64(), { kind: "int8" });
  await holds(fc.double(), new Float64(), { kind: "float8" });
  await holds(fc.boolean(), new Bool(), { kind: "bool" });
});

Deno.test("binary COPY keeps every decimal of every precision and scale", async () => {
  for (
    const [precision, scale] of [
      [1, 0],
      [4, 4],
      [9, 2],
      [15, 2],
      [15, 0],
      [16, 1],
      [18, 3],
      [18, 18],
      [38, 0],
      [
        38,
        10,
      ],
      [38, 37],
      [38, 38],
    ] as const
  ) {
    await holds(decimalOf(precision), new Decimal(scale, precision, 128), {
      kind: "numeric",
      precision,
      scale,
    });
  }
});

Deno.test("binary COPY keeps text and bytes of any content and length", async () => {
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ minLength: 30, maxLength: 300 })).filter((
    s,
  ) => s.isWellFormed());
  await holds(text, new Utf8(), { kind: "text" });
  await holds(fc.uint8Array({ maxLength: 100 }), new Binary(), { kind: "bytea" });
});

Deno.test("binary COPY keeps dates and times, the infinite ones too", async () => {
  const days = fc.oneof(
    fc.integer({ min: -2_440_000, max: 2_145_000_000 }),
    fc.constantFrom(2_147_483_647, -2_147_483_647, 0, -1),
  );
  await holds(days, new DateDay(), { kind: "date" });
  const times = fc.oneof(micros, fc.constantFrom(INFINITE_TIME, -INFINITE_TIME, 0n, -1n));
  await holds(times, new TimestampMicrosecond(), { kind: "timestamp" });
  const intervals = fc.record({
    months: fc.integer(),
    days: fc.integer(),
    nanos: fc.bigInt({ min: -9_223_372_036_854_775n, max: 9_223_372_036_854_775n }).map((n) => n * 1000n),
  }, { noNullPrototype: true });
  await holds(intervals, new IntervalMonthDayNano(), { kind: "interval" });
});

Deno.test("binary COPY keeps lists with empty ones and NULLs in them", async () => {
  const item = new Field("item", new Utf8(), true);
  const lists = fc.array(fc.option(fc.string({ maxLength: 40 }).filter((s) => s.isWellFormed())), {
    maxLength: 5,
  });
  await holds(lists, new List(item), { kind: "list", element: { kind: "text" } });
  const numbers = new Field("item", new Int64(), true);
  await holds(fc.array(fc.option(int64), { maxLength: 5 }), new List(numbers), {
    kind: "list",
    element: { kind: "int8" },
  });
});

Deno.test("BatchDecoder gives full batches of whole vectors and counts rows across them", async () => {
  const values = Array.from({ length: 40_000 }, (_, i) => i % 7 === 0 ? null : i);
  const bytes = await encoded(batchOf([testColumn("n", new Int32(), values)]));
  const decoder = new BatchDecoder(schemaOf([testColumn("n", new Int32(), [])]), [{ kind: "int4" }], {
    validateUtf8: false,
  });
  const batches = [...decoder.push({ bytes, start: 0, end: bytes.length })];
  const last = decoder.flush();
  assert.deepEqual(batches.map((batch) => batch.numRows), [16_384, 16_384]);
  assert.equal(last?.numRows, 40_000 - 2 * 16_384);
  assert.equal(decoder.rowsDecoded, 40_000);
  assert.deepEqual(rowsOf([...batches, ...(last ? [last] : [])]).flat(), values);
});

Deno.test("BatchDecoder names column and row of text that is not UTF-8", async () => {
  const columns = [testColumn("note", new Binary(), [new Uint8Array([65]), new Uint8Array([0xff])])];
  const bytes = await encoded(batchOf(columns));
  const decoder = new BatchDecoder(schemaOf([testColumn("note", new Utf8(), [])]), [{ kind: "text" }], {
    validateUtf8: true,
  });
  assert.throws(
    () => [...decoder.push({ bytes, start: 0, end: bytes.length })],
    (error) => error instanceof UnfitValueError && error.column === "note" && error.row === 2,
  );
});

Deno.test("BatchEncoder names column and row of an integer that the table's column cannot hold", async () => {
  const columns = [testColumn("ok", new Int32(), [1, 2, 3]), testColumn("n", new Int64(), [1n, 70_000n, 2n])];
  const target = { sql: "smallint", oid: 21, modifier: -1, isEnum: false, elementOid: 0, isText: false };
  const encoders = columns.map(({ field }) => directEncoder(writeType(field), target) ?? assert.fail());
  async function* batches() {
    yield batchOf(columns);
  }
  await assert.rejects(
    Array.fromAsync(new BatchEncoder(encoders).encode(batches())),
    (error) =>
      error instanceof UnfitRowError && error.column === 1 && error.row === 2 &&
      /70000.*int2/.test(error.message),
  );
});

Deno.test("BatchEncoder refuses a timestamp that would wrap round to the far future", async () => {
  const column = testColumn("t", new TimestampMicrosecond(), [-9_223_372_036_854_775_800n]);
  await assert.rejects(encoded(batchOf([column])), /out of PostgreSQL's range/);
});
