import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import {
  Binary,
  Bool,
  BufferType,
  Data,
  type DataType,
  DateDay,
  DateMillisecond,
  Decimal,
  Dictionary,
  Field,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  Int8,
  LargeUtf8,
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableFromIPC,
  tableToIPC,
  TimeMillisecond,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  TimestampSecond,
  Uint16,
  Uint32,
  Uint64,
  Uint8,
  Utf8,
  Utf8View,
  vectorFromArray,
} from "apache-arrow";
import { Channel } from "../../../../connectors/script/runner/channel.ts";
import { Output } from "../../../../connectors/script/runner/output.ts";
import { decodeArrow } from "../../../../connectors/script/sandbox/decode_arrow.ts";
import { FrameFault } from "../../../../connectors/script/sandbox/frame_fault.ts";
import { HEAD_BYTES, KEY_BYTES, REPORT } from "../../../../connectors/script/sandbox/frames.ts";
import { AppError } from "../../../../contract/errors.ts";
import { openDatabase } from "../../../../engine/duckdb/database.ts";
import { createTable, TableIngest } from "../../../../engine/duckdb/into/ingest.ts";

/** Arrow that a script yields, without a process between the two sides. */

/** Kinds and payloads of the frames that the yields become. */
async function framesOf(yields: readonly unknown[]): Promise<[number, Uint8Array][]> {
  const frames: [number, Uint8Array][] = [];
  const channel = new Channel({
    read: () => Promise.resolve(null),
    write: (bytes) => {
      frames.push([bytes[4] ?? 0, bytes.slice(HEAD_BYTES)]);
      return Promise.resolve(bytes.length);
    },
  });
  channel.key = "00".repeat(KEY_BYTES);
  const output = new Output(channel);
  for (const given of yields) await output.take(given);
  await output.end();
  return frames;
}

const fixed = (type: DataType, data: DataType["TArray"]): Data =>
  new Data(type, 0, 2, 1, { [BufferType.DATA]: data, [BufferType.VALIDITY]: new Uint8Array([0b01]) });

const decimal = new Uint32Array(8);
decimal.set([0xffffffff, 0xffffffff, 0xffffffff, 0x0fffffff]);

/** The first value of each column, and what DuckDB says of it; the second is NULL. */
const COLUMNS: readonly [name: string, data: Data, type: string, text: string][] = [
  ["i8", fixed(new Int8(), new Int8Array([-128, 9])), "TINYINT", "-128"],
  ["i16", fixed(new Int16(), new Int16Array([-32768, 9])), "SMALLINT", "-32768"],
  ["i32", fixed(new Int32(), new Int32Array([-2147483648, 9])), "INTEGER", "-2147483648"],
  ["i64", fixed(new Int64(), new BigInt64Array([-(2n ** 63n), 9n])), "BIGINT", "-9223372036854775808"],
  ["u8", fixed(new Uint8(), new Uint8Array([255, 9])), "UTINYINT", "255"],
  ["u16", fixed(new Uint16(), new Uint16Array([65535, 9])), "USMALLINT", "65535"],
  ["u32", fixed(new Uint32(), new Uint32Array([4294967295, 9])), "UINTEGER", "4294967295"],
  ["u64", fixed(new Uint64(), new BigUint64Array([2n ** 64n - 1n, 9n])), "UBIGINT", "18446744073709551615"],
  ["f32", fixed(new Float32(), new Float32Array([0.5, 9])), "FLOAT", "0.5"],
  ["f64", fixed(new Float64(), new Float64Array([0.1, 9])), "DOUBLE", "0.1"],
  [
    "dec",
    fixed(new Decimal(10, 38, 128), decimal),
    "DECIMAL(38,10)",
    "2126764793255865396646091296.4485513215",
  ],
  ["yes", fixed(new Bool(), new Uint8Array([0b01])), "BOOLEAN", "true"],
  ["day", fixed(new DateDay(), new Int32Array([20_000, 9])), "DATE", "2024-10-04"],
  ["day_ms", fixed(new DateMillisecond(), new BigInt64Array([1_728_000_000_000n, 9n])), "DATE", "2024-10-04"],
  ["clock", fixed(new TimeMillisecond(), new Int32Array([3_600_001, 9])), "TIME", "01:00:00.001"],
  ["at_s", fixed(new TimestampSecond(), new BigInt64Array([1n, 9n])), "TIMESTAMP_S", "1970-01-01 00:00:01"],
  [
    "at_ms",
    fixed(new TimestampMillisecond(), new BigInt64Array([1n, 9n])),
    "TIMESTAMP_MS",
    "1970-01-01 00:00:00.001",
  ],
  [
    "at_us",
    fixed(new TimestampMicrosecond(), new BigInt64Array([1n, 9n])),
    "TIMESTAMP",
    "1970-01-01 00:00:00.000001",
  ],
  [
    "at_ns",
    fixed(new TimestampNanosecond(), new BigInt64Array([1n, 9n])),
    "TIMESTAMP_NS",
    "1970-01-01 00:00:00.000000001",
  ],
  [
    "zoned",
    fixed(new TimestampMillisecond("Europe/Berlin"), new BigInt64Array([1n, 9n])),
    "TIMESTAMP WITH TIME ZONE",
    "1970-01-01 00:00:00.001+00",
  ],
  ["text", vectorFromArray(["ä€😀", null], new Utf8()).data[0] as Data, "VARCHAR", "ä€😀"],
  ["large", vectorFromArray(["ä", null], new LargeUtf8()).data[0] as Data, "VARCHAR", "ä"],
  [
    "word",
    vectorFromArray(["b", null], new Dictionary(new Utf8(), new Int32())).data[0] as Data,
    "VARCHAR",
    "b",
  ],
  [
    "bytes",
    vectorFromArray([new Uint8Array([0, 255]), null], new Binary()).data[0] as Data,
    "BLOB",
    "\\x00\\xFF",
  ],
  [
    "list",
    vectorFromArray([[1, 2], null], new List(new Field("item", new Int32(), true))).data[0] as Data,
    "INTEGER[]",
    "[1, 2]",
  ],
  [
    "both",
    vectorFromArray(
      [{ a: 1, b: "x" }, null],
      new Struct([
        new Field("a", new Int32(), true),
        new Field("b", new Utf8(), true),
      ]),
    ).data[0] as Data,
    "STRUCT(a INTEGER, b VARCHAR)",
    "{'a': 1, 'b': x}",
  ],
];

function batchOf(columns: readonly (readonly [string, Data, ...unknown[]])[]): RecordBatch {
  const fields = columns.map(([name, { type }]) => new Field(name, type, true));
  const children = columns.map(([, data]) => data);
  const [length = 0] = children.map((one) => one.length);
  return new RecordBatch(
    new Schema(fields),
    makeData({ type: new Struct(fields), length, nullCount: 0, children }),
  );
}

const whole = batchOf(COLUMNS);

async function stored(frames: readonly Uint8Array[]): Promise<{ types: string[]; rows: unknown[] }> {
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [] });
  await using session = await database.session();
  const table = { schema: "main", name: "t" };
  let ingest: TableIngest | undefined;
  try {
    for (const frame of frames) {
      const batch = decodeArrow(frame);
      if (ingest === undefined) await createTable(session, table, batch.schema);
      ingest ??= await TableIngest.start(session, table, batch.schema);
      await ingest.append(batch);
    }
    await ingest?.finish();
  } finally {
    await ingest?.[Symbol.asyncDispose]();
  }
  const columns = await session.describe("FROM t");
  const texts = columns.map(({ name }) => `"${name}"::VARCHAR AS "${name}"`).join();
  return {
    types: columns.map(({ name, type }) => `${name} ${type}`),
    rows: await session.rows(`SELECT ${texts} FROM t`),
  };
}

const framesOfArrow = async (given: unknown): Promise<Uint8Array[]> =>
  (await framesOf([given])).flatMap(([kind, payload]) => kind === REPORT.arrow ? [payload] : []);

const [FIRST, SECOND] = [
  Object.fromEntries(COLUMNS.map(([name, , , text]) => [name, text])),
  Object.fromEntries(COLUMNS.map(([name]) => [name, null])),
];

const FORMS: Readonly<Record<string, () => unknown>> = {
  "a table": () => new Table([whole]),
  "a batch": () => whole,
  "a stream that was read": () => tableFromIPC(tableToIPC(new Table([whole]), "stream")),
  "a file that was read": () => tableFromIPC(tableToIPC(new Table([whole]), "file")),
};

for (const [form, make] of Object.entries(FORMS)) {
  Deno.test(`Arrow of a script: every common type arrives as it is, from ${form}`, async () => {
    deepEqual(await stored(await framesOfArrow(make())), {
      types: COLUMNS.map(([name, , type]) => `${name} ${type}`),
      rows: [FIRST, SECOND],
    });
  });
}

Deno.test("Arrow of a script: slices hold what they say", async () => {
  const table = new Table([whole, whole]);
  deepEqual((await stored(await framesOfArrow(table.slice(1, 3)))).rows, [SECOND, FIRST]);
  deepEqual((await stored(await framesOfArrow(table.slice(3)))).rows, [SECOND]);
  const valuesOf = <T>(make: (i: number) => T): T[] => Array.from({ length: 100_000 }, (_, i) => make(i));
  const tags = new List(new Field("item", new Utf8(), true));
  const many = new Table({
    n: vectorFromArray(Int32Array.from(valuesOf((i) => i))),
    odd: vectorFromArray(valuesOf((i) => i % 3 === 0 ? null : i % 2 === 1)),
    tags: vectorFromArray(valuesOf((i) => i % 5 === 0 ? null : [`t${i}`]), tags),
    word: vectorFromArray(valuesOf((i) => `w${i % 7}`)),
  });
  const frames = await framesOfArrow(many);
  deepEqual(frames.map((frame) => decodeArrow(frame).numRows), [65_536, 34_464]);
  const { rows } = await stored(frames);
  const texts = (i: number) => ({
    n: `${i}`,
    odd: i % 3 === 0 ? null : `${i % 2 === 1}`,
    tags: i % 5 === 0 ? null : `[t${i}]`,
    word: `w${i % 7}`,
  });
  equal(rows.length, 100_000);
  for (const i of [...valuesOf((at) => at).filter((at) => at % 997 === 0), 65_535, 65_536, 65_537, 99_999]) {
    deepEqual(rows[i], texts(i));
  }
});

const numbers = (count: number): RecordBatch =>
  batchOf([["n", makeData({ type: new Int32(), data: new Int32Array(count) })]]);

Deno.test("Arrow of a script: rows before it come before it, and the end counts all", async () => {
  const frames = await framesOf([{ n: 1 }, new Table([numbers(3), numbers(2)]), { n: 2 }]);
  deepEqual(frames.map(([kind]) => kind), [
    REPORT.rows,
    REPORT.arrow,
    REPORT.arrow,
    REPORT.rows,
    REPORT.end,
  ]);
  deepEqual(JSON.parse(new TextDecoder().decode(frames.at(-1)?.[1])), { rows: 7 });
  const [empty = new Uint8Array()] = await framesOfArrow(
    new Table(new Schema([new Field("n", new Int32())])),
  );
  const batch = decodeArrow(empty);
  deepEqual([batch.numRows, batch.schema.fields.map(({ name }) => name)], [0, ["n"]]);
});

Deno.test("Arrow of a script: what no column can hold is refused with its name", async () => {
  const union = vectorFromArray(["a", null], new Utf8View()).data[0] as Data;
  await rejects(framesOf([batchOf([["v", union]])]), /column "v" has Arrow's type Utf8View, which cannot be/);
  await rejects(framesOf([tableToIPC(new Table([numbers(1)]))]), /yield tableFromIPC\(bytes\)/);
});

Deno.test("Arrow of a script: each byte of a frame that is changed is refused or harmless", async () => {
  const [good = new Uint8Array()] = await framesOfArrow(whole);
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [] });
  await using session = await database.session();
  const table = { schema: "temp", name: "t" };
  let refused = 0;
  for (let at = 0; at < good.length; at++) {
    const bytes = good.slice();
    bytes[at] = (bytes[at] ?? 0) ^ (at % 2 === 0 ? 0x81 : 0xff);
    let batch: RecordBatch;
    try {
      batch = decodeArrow(bytes);
    } catch (error) {
      if (!(error instanceof FrameFault)) throw error;
      refused++;
      if (at % 9 === 0) throws(() => decodeArrow(good.slice(0, at)), FrameFault);
      continue;
    }
    if (at % 8 === 0) await intoDuckdb(batch);
  }
  equal(refused > good.length / 2, true, `${refused} of ${good.length}`);

  /** What its types do not hold is an error; nothing beyond its bytes is read. */
  async function intoDuckdb(batch: RecordBatch): Promise<void> {
    await session.run("DROP TABLE IF EXISTS temp.t");
    try {
      await createTable(session, table, batch.schema);
      await using ingest = await TableIngest.start(session, table, batch.schema);
      await ingest.append(batch);
      await ingest.finish();
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
    }
  }
});

Deno.test("Arrow of a script: the description of a frame may not promise what is not there", () => {
  const frame = (layout: unknown) => {
    const text = new TextEncoder().encode(JSON.stringify(layout));
    const bytes = new Uint8Array(8 + text.length);
    new DataView(bytes.buffer).setUint32(0, 8, true);
    bytes.set(text, 8);
    return bytes;
  };
  const field = (type: unknown, name = "a") => ({ name, metadata: [], type });
  const node = { length: 1, offset: 0, bitmap: 0, offsets: 0, values: 0, children: [], dictionary: [] };
  let deep: unknown = { id: 1 };
  for (let i = 0; i < 5_000; i++) deep = { id: 12, children: [field(deep)] };
  const int = { id: 2, bitWidth: 32, isSigned: true };
  const list = { id: 12, children: [field({ id: 1 })] };
  for (
    const layout of [
      { rows: 0, fields: [], columns: [] },
      { rows: 0, fields: [field(int), field(int, "A")], columns: [] },
      { rows: 0, fields: [field(deep)], columns: [] },
      { rows: 1e9, fields: [field({ id: 1 })], columns: [{ ...node, length: 1e9 }] },
      { rows: 1, fields: [field(int)], columns: [] },
      { rows: 1, fields: [field(int)], columns: [{ ...node, values: 4 }] },
      { rows: 1, fields: [field(int)], columns: [node] },
      { rows: 1, fields: [field({ id: 2, bitWidth: 128 })], columns: [node] },
      { rows: 1, fields: [field({ id: 14 })], columns: [node] },
      { rows: 1, fields: [field(list)], columns: [{ ...node, children: [{ ...node, length: 2 ** 30 }] }] },
      { rows: 1, fields: [field({ id: -1, dictionary: int })], columns: [node] },
    ]
  ) throws(() => decodeArrow(frame(layout)), FrameFault, JSON.stringify(layout).slice(0, 200));
});
