import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  Int8,
  IntervalMonthDayNano,
  List,
  Map_,
  Null,
  Struct,
  TimeMicrosecond,
  TimeNanosecond,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  TimestampSecond,
  Uint16,
  Uint32,
  Uint64,
  Uint8,
  Utf8,
} from "apache-arrow";
import fc from "fast-check";
import assert from "node:assert/strict";
import {
  EXTENSION_METADATA_KEY,
  EXTENSION_NAME_KEY,
  JSON_EXTENSION,
  OPAQUE_EXTENSION,
  UUID_EXTENSION,
} from "../../../../contract/arrow.ts";
import { createTable, ingest } from "../../../../engine/duckdb/into/ingest.ts";
import { type ArrowValue, batchOf, columnValues } from "./arrow_values.ts";
import { exportAll, streamOf, STRING_WAYS, withSession } from "./fixtures.ts";

/** A type of contract/arrow.ts with the DuckDB type that holds it. */
interface Case {
  readonly duck: string;
  readonly type: DataType;
  readonly value: fc.Arbitrary<ArrowValue>;
  readonly metadata?: Record<string, string>;
}

const bits = (count: number) => 2n ** BigInt(count);
const signed = (count: number) =>
  fc.oneof(
    fc.bigInt(-bits(count - 1), bits(count - 1) - 1n),
    fc.constantFrom(-bits(count - 1), bits(count - 1) - 1n, 0n, -1n),
  );
const unsigned = (count: number) =>
  fc.oneof(fc.bigInt(0n, bits(count) - 1n), fc.constantFrom(0n, bits(count) - 1n));
const small = (values: fc.Arbitrary<bigint>) => values.map(Number);
const bytesOf = (count: number) => fc.uint8Array({ minLength: count, maxLength: count });
const decimal = (digits: number) =>
  fc.oneof(
    fc.bigInt(1n - 10n ** BigInt(digits), 10n ** BigInt(digits) - 1n),
    fc.constantFrom(1n - 10n ** BigInt(digits), 10n ** BigInt(digits) - 1n, 0n, -1n),
  );
const INFINITE = [2n ** 63n - 1n, 1n - 2n ** 63n];
/** Every timestamp that DuckDB can print, and the infinite ones. */
const timestamp = (min: bigint, max: bigint) =>
  fc.oneof(
    fc.bigInt(min, max),
    fc.bigInt(-10_000_000n, 10_000_000n),
    fc.constantFrom(...INFINITE, min, max, 0n, -1n),
  );
const MIN_MICROS = -9_223_372_022_400_000_000n;
const MAX_MICROS = 2n ** 63n - 2n;
const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.constantFrom(
    "",
    "\0",
    "twelve bytes",
    "thirteen byte",
    "😀😀😀",
    "é".repeat(6),
    "é".repeat(7),
    "\ufeffBOM",
  ),
);
const opaque = (name: string) => ({
  [EXTENSION_NAME_KEY]: OPAQUE_EXTENSION,
  [EXTENSION_METADATA_KEY]: JSON.stringify({ type_name: name, vendor_name: "DuckDB" }),
});
const nullable = <T extends ArrowValue>(value: fc.Arbitrary<T>) =>
  fc.option<T>(value, { nil: null, freq: 4 });
const item = (type: DataType) => new Field("item", type, true);

const SCALARS: readonly Case[] = [
  { duck: "BOOLEAN", type: new Bool(), value: fc.boolean() },
  { duck: "TINYINT", type: new Int8(), value: small(signed(8)) },
  { duck: "SMALLINT", type: new Int16(), value: small(signed(16)) },
  { duck: "INTEGER", type: new Int32(), value: small(signed(32)) },
  { duck: "BIGINT", type: new Int64(), value: signed(64) },
  { duck: "UTINYINT", type: new Uint8(), value: small(unsigned(8)) },
  { duck: "USMALLINT", type: new Uint16(), value: small(unsigned(16)) },
  { duck: "UINTEGER", type: new Uint32(), value: small(unsigned(32)) },
  { duck: "UBIGINT", type: new Uint64(), value: unsigned(64) },
  { duck: "HUGEINT", type: new FixedSizeBinary(16), value: bytesOf(16), metadata: opaque("hugeint") },
  { duck: "UHUGEINT", type: new FixedSizeBinary(16), value: bytesOf(16), metadata: opaque("uhugeint") },
  { duck: "FLOAT", type: new Float32(), value: fc.float() },
  { duck: "DOUBLE", type: new Float64(), value: fc.double() },
  ...[[4, 2], [9, 0], [9, 9], [18, 3], [19, 3], [38, 0], [38, 38], [1, 1]].map(([width = 0, scale = 0]) => ({
    duck: `DECIMAL(${width},${scale})`,
    type: new Decimal(scale, width, 128),
    value: decimal(width),
  })),
  { duck: "VARCHAR", type: new Utf8(), value: text },
  {
    duck: "JSON",
    type: new Utf8(),
    value: fc.json(),
    metadata: { [EXTENSION_NAME_KEY]: JSON_EXTENSION, [EXTENSION_METADATA_KEY]: "" },
  },
  { duck: "BLOB", type: new Binary(), value: fc.uint8Array({ maxLength: 40 }) },
  {
    duck: "UUID",
    type: new FixedSizeBinary(16),
    value: bytesOf(16),
    metadata: { [EXTENSION_NAME_KEY]: UUID_EXTENSION, [EXTENSION_METADATA_KEY]: "" },
  },
  {
    duck: "DATE",
    type: new DateDay(),
    value: fc.oneof(
      fc.integer({ min: -2_147_483_646 }),
      fc.constantFrom(2_147_483_647, -2_147_483_647, 0, -1),
    ),
  },
  { duck: "TIME", type: new TimeMicrosecond(), value: fc.bigInt(0n, 86_400_000_000n) },
  { duck: "TIME_NS", type: new TimeNanosecond(), value: fc.bigInt(0n, 86_400_000_000_000n) },
  {
    duck: "TIMESTAMP_S",
    type: new TimestampSecond(),
    value: timestamp(MIN_MICROS / 1_000_000n, MAX_MICROS / 1_000_000n),
  },
  {
    duck: "TIMESTAMP_MS",
    type: new TimestampMillisecond(),
    value: timestamp(MIN_MICROS / 1_000n, MAX_MICROS / 1_000n),
  },
  { duck: "TIMESTAMP", type: new TimestampMicrosecond(), value: timestamp(MIN_MICROS, MAX_MICROS) },
  {
    duck: "TIMESTAMP_NS",
    type: new TimestampNanosecond(),
    value: timestamp(-9_223_286_400_000_000_000n, MAX_MICROS),
  },
  {
    duck: "TIMESTAMP WITH TIME ZONE",
    type: new TimestampMicrosecond("UTC"),
    value: timestamp(MIN_MICROS, MAX_MICROS),
  },
  {
    duck: "INTERVAL",
    type: new IntervalMonthDayNano(),
    value: fc.tuple(
      small(signed(32)),
      small(signed(32)),
      fc.bigInt(-9_223_372_036_854_775n, 9_223_372_036_854_775n).map((micros) => micros * 1_000n),
    ),
  },
];

const strings = nullable(text);
const pair = new Struct([new Field("a", new Int32(), true), new Field('b "é"', new Utf8(), true)]);
const entries = new Field(
  "entries",
  new Struct([new Field("key", new Utf8(), false), new Field("value", new List(item(new Int32())), true)]),
  false,
);
const pairs = fc.tuple(nullable(fc.integer()), strings);

const NESTED: readonly Case[] = [
  { duck: "VARCHAR[]", type: new List(item(new Utf8())), value: fc.array(strings, { maxLength: 5 }) },
  { duck: 'STRUCT(a INTEGER, "b ""é""" VARCHAR)', type: pair, value: pairs },
  {
    duck: 'STRUCT(a INTEGER, "b ""é""" VARCHAR)[]',
    type: new List(item(pair)),
    value: fc.array(nullable(pairs), { maxLength: 4 }),
  },
  {
    duck: "INTEGER[3]",
    type: new FixedSizeList(3, item(new Int32())),
    value: fc.array(nullable(fc.integer()), { minLength: 3, maxLength: 3 }),
  },
  {
    duck: "VARCHAR[2][]",
    type: new List(item(new FixedSizeList(2, item(new Utf8())))),
    value: fc.array(nullable(fc.array(strings, { minLength: 2, maxLength: 2 })), { maxLength: 3 }),
  },
  {
    duck: "BOOLEAN[][2]",
    type: new FixedSizeList(2, item(new List(item(new Bool())))),
    value: fc.array(nullable(fc.array(nullable(fc.boolean()), { maxLength: 9 })), {
      minLength: 2,
      maxLength: 2,
    }),
  },
  {
    duck: "MAP(VARCHAR, INTEGER[])",
    type: new Map_(entries),
    value: fc.uniqueArray(
      fc.tuple(text, nullable(fc.array(nullable(fc.integer()), { maxLength: 3 }))),
      { maxLength: 4, selector: ([key]) => key },
    ),
  },
  {
    duck: "STRUCT(l DECIMAL(20,2)[], s STRUCT(b BOOLEAN, z BLOB))",
    type: new Struct([
      new Field("l", new List(item(new Decimal(2, 20, 128))), true),
      new Field(
        "s",
        new Struct([new Field("b", new Bool(), true), new Field("z", new Binary(), true)]),
        true,
      ),
    ]),
    value: fc.tuple(
      nullable(fc.array(nullable(decimal(20)), { maxLength: 3 })),
      nullable(fc.tuple(nullable(fc.boolean()), nullable(fc.uint8Array({ maxLength: 20 })))),
    ),
  },
];

for (const { duck, type, value, metadata } of [...SCALARS, ...NESTED]) {
  Deno.test(`ingest() and exportRows() keep every ${duck}`, async () => {
    await withSession(async (session) => {
      const field = new Field("v", type, true, new Map(Object.entries(metadata ?? {})));
      const table = { schema: "main", name: "t" };
      const rows = fc.array(nullable(value), { maxLength: 30 });
      await fc.assert(
        fc.asyncProperty(
          rows,
          rows,
          fc.nat(12),
          fc.constantFrom(...STRING_WAYS),
          async (first, second, cut, stringWay) => {
            await session.run("DROP TABLE IF EXISTS t");
            const batches = [batchOf([field], [first]).slice(cut), batchOf([field], [second])];
            await createTable(session, table, batchOf([field], [[]]).schema);
            const expected = [...first.slice(cut), ...second];
            assert.equal(await ingest(session, table, streamOf(...batches), { stringWay }), expected.length);
            assert.deepEqual(await session.describe("FROM t"), [{ name: "v", type: duck }]);
            const found = await exportAll(session, "FROM t", { stringWay, batchRows: 7 });
            assert.deepEqual(columnValues(found, 0), expected);
            for (const { schema } of found) {
              assert.equal(String(schema.fields[0]?.type), String(type));
              assert.deepEqual(schema.fields[0]?.metadata, field.metadata);
            }
          },
        ),
        { numRuns: 30 },
      );
    });
  });
}

Deno.test("ingest() keeps columns that are all NULL, also of type Null", async () => {
  await withSession(async (session) => {
    const fields = [
      new Field("n", new Null(), true),
      ...[...SCALARS, ...NESTED].map(({ type }, i) => new Field(`c${i}`, type, true)),
    ];
    const batch = batchOf(fields, fields.map(() => Array<null>(3_000).fill(null)));
    await createTable(session, { schema: "main", name: "t" }, batch.schema);
    await ingest(session, { schema: "main", name: "t" }, streamOf(batch));
    const [counts] = await session.rows("SELECT count(COLUMNS(*)) FROM t");
    assert.deepEqual(new Set(Object.values(counts ?? {})), new Set([0]));
    const found = await exportAll(session, "FROM t");
    assert.equal(found.reduce((sum, { numRows }) => sum + numRows, 0), 3_000);
    fields.forEach((_, i) => assert.ok(columnValues(found, i).every((value) => value === null)));
  });
});
