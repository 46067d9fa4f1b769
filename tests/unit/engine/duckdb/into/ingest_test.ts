import {
  BinaryView,
  Data,
  DataType,
  DateMillisecond,
  Decimal,
  Dictionary,
  DurationMillisecond,
  DurationNanosecond,
  Field,
  Float16,
  Float64,
  Int32,
  Int8,
  IntervalDayTime,
  IntervalYearMonth,
  LargeBinary,
  LargeList,
  LargeUtf8,
  List,
  Map_,
  RecordBatch,
  Schema,
  Struct,
  TimeMillisecond,
  TimeSecond,
  TimestampMicrosecond,
  TimestampNanosecond,
  TimestampSecond,
  Uint16,
  Utf8,
  Utf8View,
  Vector,
} from "apache-arrow";
import assert from "node:assert/strict";
import { JSON_EXTENSION } from "../../../../../contract/arrow.ts";
import { AppError } from "../../../../../contract/errors.ts";
import { createTable, ingest } from "../../../../../engine/duckdb/into/ingest.ts";
import type { DuckSession } from "../../../../../engine/duckdb/session.ts";
import { type ArrowValue, batchOf, dataOf } from "../arrow_values.ts";
import { streamOf, STRING_WAYS, withSession } from "../fixtures.ts";

const T = { schema: "main", name: "t" };

const field = (name: string, type: DataType, metadata: Record<string, string> = {}) =>
  new Field(name, type, true, new Map(Object.entries(metadata)));

/** A batch of one column made by hand. */
function rawBatch(type: DataType, data: Data): RecordBatch {
  const schema = new Schema([field("v", type)]);
  return new RecordBatch(schema, new Data(new Struct(schema.fields), 0, data.length, 0, {}, [data]));
}

const utf8 = (bytes: number[], offsets: number[], bitmap?: Uint8Array) =>
  new Data(new Utf8(), 0, offsets.length - 1, bitmap === undefined ? 0 : -1, {
    0: Int32Array.from(offsets),
    1: Uint8Array.from(bytes),
    ...(bitmap === undefined ? {} : { 2: bitmap }),
  });

async function store(
  session: DuckSession,
  batch: RecordBatch,
  stringWay: "bulk" | "single" = "bulk",
): Promise<void> {
  await session.run("DROP TABLE IF EXISTS t");
  await createTable(session, T, batch.schema);
  await ingest(session, T, streamOf(batch), { stringWay });
}

function rejects(work: Promise<unknown>, ...texts: string[]): Promise<void> {
  return assert.rejects(work, (error) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, "invalid", error.message);
    for (const text of texts) assert.ok(error.message.includes(text), `${error.message} lacks ${text}`);
    return true;
  });
}

Deno.test("ingest() fills columns by name in any order and case, and others with NULL", async () => {
  await withSession(async (session) => {
    await session.run(`CREATE TABLE t (a INTEGER, "Größe" VARCHAR, c INTEGER DEFAULT 9, "select" INTEGER)`);
    const batch = batchOf(
      [field("select", new Int32()), field("GRößE", new Utf8()), field("A", new Int32())],
      [[1, 2], ["x", null], [3, null]],
    );
    const seen: number[] = [];
    const count = await ingest(session, T, streamOf(batch, batch), { onProgress: (rows) => seen.push(rows) });
    assert.equal(count, 4);
    assert.deepEqual(seen, [2, 4]);
    assert.deepEqual((await session.rows("FROM t")).slice(0, 2), [
      { a: 3, "Größe": "x", c: null, select: 1 },
      { a: null, "Größe": null, c: null, select: 2 },
    ]);
  });
});

Deno.test("ingest() refuses columns that the table lacks, twice the same, and a batch of another schema", async () => {
  await withSession(async (session) => {
    await session.run("CREATE TABLE t (a INTEGER)");
    const one = batchOf([field("a", new Int32())], [[1]]);
    await rejects(ingest(session, T, streamOf(batchOf([field("b", new Int32())], [[1]]))), '"b"', '"t"', "a");
    const twice = batchOf([field("a", new Int32()), field("A", new Int32())], [[1], [2]]);
    await rejects(ingest(session, T, streamOf(twice)), '"a"');
    const other = batchOf([field("a", new Utf8())], [["x"]]);
    await rejects(session.transaction(() => ingest(session, T, streamOf(one, other))), "other columns");
    assert.deepEqual(await session.rows("FROM t"), []);
    await rejects(ingest(session, { schema: "main", name: "nowhere" }, streamOf(one)), "nowhere");
  });
});

Deno.test("ingest() writes into a temporary table and one with a hostile name", async () => {
  await withSession(async (session) => {
    const batch = batchOf([field("a", new Int32())], [[1]]);
    await createTable(session, { schema: "temp", name: "t" }, batch.schema);
    await ingest(session, { schema: "temp", name: "t" }, streamOf(batch));
    await session.run(`CREATE SCHEMA "raw ""é"" drop"`);
    const hostile = { schema: 'raw "é" drop', name: 'table\'; --\n"x"' };
    await createTable(session, hostile, batch.schema);
    await ingest(session, hostile, streamOf(batch));
    assert.deepEqual(await session.rows("SELECT schema_name, temporary FROM duckdb_tables() ORDER BY 2"), [
      { schema_name: 'raw "é" drop', temporary: false },
      { schema_name: "main", temporary: true },
    ]);
  });
});

Deno.test("ingest() casts where the table's type is another, and names the column of a value that does not fit", async () => {
  await withSession(async (session) => {
    await session.run("CREATE TABLE t (n INTEGER, e ENUM('a', 'b'), d DATE, k VARCHAR)");
    const fields = ["n", "e", "d"].map((name) => field(name, new Utf8()));
    await ingest(session, T, streamOf(batchOf(fields, [["7", null], ["b", "a"], ["2020-01-02", null]])));
    assert.deepEqual(await session.rows("FROM t"), [
      { n: 7, e: "b", d: "2020-01-02", k: null },
      { n: null, e: "a", d: null, k: null },
    ]);
    const wrong = streamOf(batchOf(fields, [["8"], ["a"], ["yesterday"]]));
    await rejects(
      session.transaction(() => ingest(session, T, wrong)),
      'column "d" of table "t"',
      "DATE",
      "yesterday",
    );
    const unknown = streamOf(batchOf(fields, [["8"], ["c"], [null]]));
    await rejects(session.transaction(() => ingest(session, T, unknown)), 'column "e"', "c");
    assert.equal((await session.rows("FROM t")).length, 2);
    assert.deepEqual(await session.rows("SELECT table_name FROM duckdb_tables() WHERE temporary"), []);
  });
});

Deno.test("ingest() refuses a value that the cast to the table's type would round or cut", async () => {
  for (
    const [type, value] of [
      [new Float64(), 1.5],
      [new Utf8(), "1.5"],
      [new Utf8(), "07"],
      [new TimestampMicrosecond(), 1n],
    ] as const
  ) {
    await withSession(async (session) => {
      const column = DataType.isTimestamp(type) ? "DATE" : "BIGINT";
      await session.run(`CREATE TABLE t (v ${column})`);
      const given = streamOf(batchOf([field("v", type)], [[value]]));
      await rejects(session.transaction(() => ingest(session, T, given)), 'column "v"', "would be changed");
      assert.deepEqual(await session.rows("FROM t"), []);
    });
  }
});

Deno.test("ingest() refuses text that is no JSON in a JSON column", async () => {
  await withSession(async (session) => {
    const json = field("v", new Utf8(), { "ARROW:extension:name": JSON_EXTENSION });
    await store(session, batchOf([json], [['{"a": [1]}', null]]));
    assert.deepEqual(await session.rows("SELECT v->'a'->0 AS v, typeof(v) AS t FROM t"), [
      { v: "1", t: "JSON" },
      { v: null, t: "JSON" },
    ]);
    await rejects(store(session, batchOf([json], [["{"]])), 'column "v"', "JSON");
  });
});

for (const way of STRING_WAYS) {
  Deno.test(`ingest() names column and row of text that is not UTF-8, with strings in ${way}`, async () => {
    await withSession(async (session) => {
      const good = [..."good text ".repeat(3)].map((c) => c.charCodeAt(0));
      const cases: [number[], number[], string][] = [
        [[0xff], [0, 0, 1], "row 2"],
        [[...good, 0xc3, ...good], [0, 30, 61], "row 2"],
        // "é" cut in two: the whole is UTF-8, its parts are not.
        [[0xc3, 0xa9], [0, 1, 2], "row 1"],
        [[...good, 0xc3, 0xa9, ...good], [0, 31, 62], "row 1"],
      ];
      for (const [bytes, offsets, row] of cases) {
        await rejects(
          store(session, rawBatch(new Utf8(), utf8(bytes, offsets)), way),
          row,
          'column "v"',
          "UTF-8",
        );
        assert.deepEqual(await session.rows("FROM t"), []);
      }
      const list = new List(field("item", new Utf8()));
      const nested = new Data(list, 0, 2, 0, { 0: Int32Array.of(0, 1, 3) }, [
        utf8([65, 66, 0xff], [0, 1, 2, 3]),
      ]);
      await rejects(store(session, rawBatch(list, nested), way), "row 2");
      // Under a NULL anything may lie.
      await store(session, rawBatch(new Utf8(), utf8([0xff, ...good], [0, 1, 31], Uint8Array.of(2))), way);
      assert.deepEqual(await session.rows("FROM t"), [{ v: null }, { v: "good text ".repeat(3) }]);
    });
  });

  Deno.test(`ingest() stores large, viewed and dictionary strings, with strings in ${way}`, async () => {
    await withSession(async (session) => {
      const values: ArrowValue[] = [
        "",
        "é",
        null,
        "twelve bytes",
        "thirteen byte",
        "x".repeat(5_000),
        "tail",
      ];
      const texts = values.map((value) => ({ v: value }));
      await store(session, batchOf([field("v", new LargeUtf8())], [values]), way);
      assert.deepEqual(await session.rows("FROM t"), texts);
      await store(session, rawBatch(new Utf8View(), viewsOf(new Utf8View(), values)).slice(1), way);
      assert.deepEqual(await session.rows("FROM t"), texts.slice(1));
      await store(session, rawBatch(new BinaryView(), viewsOf(new BinaryView(), values)), way);
      assert.deepEqual(await session.rows("SELECT decode(v) AS v FROM t"), texts);
      await store(session, batchOf([field("v", new LargeBinary())], [[new Uint8Array([0, 255]), null]]), way);
      assert.deepEqual(await session.rows("FROM t"), [{ v: "\\x00\\xFF" }, { v: null }]);
      const dictionary = new Dictionary(new Utf8(), new Uint16());
      const many = Array.from({ length: 5_000 }, (_, i) => i % 7 === 0 ? null : `value number ${i % 100}`);
      await store(session, batchOf([field("v", dictionary)], [many]).slice(3), way);
      assert.deepEqual(await session.rows("FROM t"), many.slice(3).map((v) => ({ v })));
    });
  });
}

/** Utf8View and BinaryView: 16 bytes a value, long ones in two buffers by turns. */
function viewsOf(type: DataType, values: readonly ArrowValue[]): Data {
  const views = new Uint8Array(values.length * 16);
  const view = new DataView(views.buffer);
  const buffers = [new Uint8Array(9_000), new Uint8Array(9_000)];
  const used = [3, 5];
  const bitmap = new Uint8Array(Math.ceil(values.length / 8));
  values.forEach((value, i) => {
    if (value === null) return;
    bitmap[i >> 3] = (bitmap[i >> 3] ?? 0) | (1 << (i & 7));
    const bytes = new TextEncoder().encode(String(value));
    view.setInt32(i * 16, bytes.length, true);
    views.set(bytes.subarray(0, bytes.length > 12 ? 4 : 12), i * 16 + 4);
    if (bytes.length <= 12) return;
    const at = used[i % 2] ?? 0;
    buffers[i % 2]?.set(bytes, at);
    used[i % 2] = at + bytes.length;
    view.setInt32(i * 16 + 8, i % 2, true);
    view.setInt32(i * 16 + 12, at, true);
  });
  return new Data(type, 0, values.length, -1, { 1: views, 2: bitmap }, [], undefined, buffers);
}

Deno.test("ingest() stores dictionaries of numbers and with NULLs, and refuses a code that is none", async () => {
  await withSession(async (session) => {
    const type = new Dictionary(new Int32(), new Int8());
    const values = new Vector([dataOf(new Int32(), [10, null, 30])]);
    const make = (codes: number[]) =>
      new Data(type, 0, codes.length, 0, { 1: Int8Array.from(codes) }, [], values);
    await store(session, rawBatch(type, make([2, 1, 0])));
    assert.deepEqual(await session.rows("FROM t"), [{ v: 30 }, { v: null }, { v: 10 }]);
    await rejects(store(session, rawBatch(type, make([0, 3]))), "row 2", "code 3");
    await rejects(store(session, rawBatch(type, make([-1]))), "row 1");
  });
});

Deno.test("ingest() stores Arrow's other units and widths", async () => {
  await withSession(async (session) => {
    const day = 86_400_000n;
    const cases: readonly (readonly [DataType, Data, string])[] = [
      [new DateMillisecond(), dataOf(new DateMillisecond(), [-day]), "1969-12-31"],
      [new TimeSecond(), dataOf(new TimeSecond(), [3_661]), "01:01:01"],
      [new TimeMillisecond(), dataOf(new TimeMillisecond(), [1]), "00:00:00.001"],
      [new TimestampSecond("UTC"), dataOf(new TimestampSecond("UTC"), [-1n]), "1969-12-31 23:59:59+00"],
      [
        new TimestampNanosecond("Europe/Paris"),
        dataOf(new TimestampNanosecond("Europe/Paris"), [-1_000n]),
        "1969-12-31 23:59:59.999999+00",
      ],
      [new DurationMillisecond(), dataOf(new DurationMillisecond(), [-1_500n]), "-00:00:01.5"],
      [
        new IntervalYearMonth(),
        new Data(new IntervalYearMonth(), 0, 1, 0, { 1: Int32Array.of(-14) }),
        "-1 year -2 months",
      ],
      [
        new IntervalDayTime(),
        new Data(new IntervalDayTime(), 0, 1, 0, { 1: Int32Array.of(2, 1_000) }),
        "2 days 00:00:01",
      ],
      [new Float16(), new Data(new Float16(), 0, 1, 0, { 1: Uint16Array.of(0x3e00) }), "1.5"],
      [new Decimal(2, 30, 256), dataOf(new Decimal(2, 30, 256), [-12_345n]), "-123.45"],
      [new Decimal(1, 4, 256), dataOf(new Decimal(1, 4, 256), [-9_999n]), "-999.9"],
      [
        new LargeList(field("item", new Int32())),
        dataOf(new LargeList(field("item", new Int32())), [[1, null]]),
        "[1, NULL]",
      ],
    ];
    for (const [type, data, text] of cases) {
      await store(session, rawBatch(type, data));
      assert.deepEqual(await session.rows("SELECT v::VARCHAR AS v FROM t"), [{ v: text }], String(type));
    }
  });
});

Deno.test("ingest() refuses values that DuckDB's type cannot hold, with their row", async () => {
  await withSession(async (session) => {
    const day = 86_400_000n;
    const cases: readonly (readonly [DataType, ArrowValue, ArrowValue, string])[] = [
      [new Decimal(2, 4, 128), 9_999n, 10_000n, "4 digits"],
      [new Decimal(0, 9, 128), 0n, -(10n ** 9n), "9 digits"],
      [new Decimal(0, 18, 128), 1n, 2n ** 64n, "18 digits"],
      [new Decimal(0, 38, 128), 10n ** 38n - 1n, 10n ** 38n, "38 digits"],
      [new Decimal(0, 38, 256), 1n, 2n ** 128n, "38 digits"],
      [new DateMillisecond(), day, day + 1n, "whole day"],
      [new TimeSecond(), 86_400, 86_401, "time of day"],
      [new TimeMillisecond(), 0, -1, "time of day"],
      [new TimestampSecond(), 0n, 2n ** 62n, "timestamp"],
      [new TimestampSecond("UTC"), 0n, 2n ** 62n, "out of range"],
      [new TimestampNanosecond(), 0n, -(2n ** 63n), "timestamp"],
      [new TimestampNanosecond("UTC"), -2_000n, -2_001n, "-2001 ns"],
      [new DurationNanosecond(), 1_000n, 999n, "999 ns"],
    ];
    for (const [type, good, bad, text] of cases) {
      await rejects(
        store(session, batchOf([field("v", type)], [[null, good, bad]])),
        "row 3",
        'column "v"',
        text,
      );
      await store(session, batchOf([field("v", type)], [[null, good]]));
      assert.equal((await session.rows("SELECT v::VARCHAR FROM t")).length, 2);
    }
    await rejects(
      createTable(session, T, new Schema([field("v", new Decimal(2, 40, 256))])),
      "DECIMAL(40,2)",
    );
  });
});

Deno.test("ingest() refuses maps whose keys are NULL or not distinct", async () => {
  await withSession(async (session) => {
    const entries = new Struct([new Field("key", new Utf8(), false), field("value", new Int32())]);
    const type = new Map_(new Field("entries", entries, false));
    const twice: ArrowValue[] = [[["a", 1], ["b", 2]], [["a", 1], ["a", 2]]];
    await rejects(store(session, batchOf([field("v", type)], [twice])), "row 2", '"a" twice');
    await rejects(store(session, batchOf([field("v", type)], [[[[null, 1]]]])), "row 1", "key");
  });
});

Deno.test("ingest() refuses Arrow arrays whose memory is shorter than they say", async () => {
  await withSession(async (session) => {
    const list = new List(field("item", new Int32()));
    const cases: readonly (readonly [DataType, Data])[] = [
      [new Int32(), new Data(new Int32(), 0, 3_000, 0, { 1: Int32Array.of(1) })],
      [new Utf8(), utf8([65], [0, 1, 9])],
      [new Utf8(), utf8([65, 66], [0, 2, 1])],
      [new Utf8(), utf8([65, 66], [-1, 1])],
      [new Utf8(), utf8([65, 66], [0, 2 ** 30, 2 ** 30 + 1, 2])],
      [new Utf8(), utf8([65, 66], [0, -(2 ** 31), 2])],
      [new Utf8(), new Data(new Utf8(), 0, 5, 0, { 0: Int32Array.of(0, 0), 1: new Uint8Array() })],
      [list, new Data(list, 0, 1, 0, { 0: Int32Array.of(0, 9) }, [dataOf(new Int32(), [1])])],
    ];
    for (const [type, data] of cases) {
      for (const way of STRING_WAYS) {
        await rejects(store(session, rawBatch(type, data), way), "Arrow array");
      }
    }
  });
});

Deno.test("ingest() leaves nothing behind when the input fails or is cancelled, and the session goes on", async () => {
  await withSession(async (session) => {
    await session.run("CREATE TABLE t (v INTEGER)");
    const batch = batchOf([field("v", new Int32())], [Array.from({ length: 70_000 }, (_, i) => i)]);
    const cut = async function* () {
      yield batch;
      await Promise.resolve();
      throw new AppError("unavailable", "the connection was cut");
    };
    await assert.rejects(session.transaction(() => ingest(session, T, cut())), { code: "unavailable" });
    const controller = new AbortController();
    let isClosed = false;
    const endless = async function* () {
      try {
        for (;;) {
          yield batch;
          await Promise.resolve();
          controller.abort();
        }
      } finally {
        isClosed = true;
      }
    };
    const options = { signal: controller.signal };
    await assert.rejects(session.transaction(() => ingest(session, T, endless(), options)), {
      code: "cancelled",
    });
    assert.ok(isClosed, "the input was told to end");
    assert.deepEqual(await session.rows("SELECT count(*) AS n FROM t"), [{ n: 0 }]);
    await session.run("ALTER TABLE t ALTER v SET NOT NULL");
    await rejects(
      session.transaction(() =>
        ingest(session, T, streamOf(batchOf([field("v", new Int32())], [[1, null]])))
      ),
      "NOT NULL",
    );
    assert.equal(await ingest(session, T, streamOf(batchOf([field("v", new Int32())], [[]]))), 0);
    assert.equal(await ingest(session, T, streamOf(batch)), 70_000);
  });
});

Deno.test("ingest() lets timers run while it works", async () => {
  await withSession(async (session) => {
    await session.run("CREATE TABLE t (v INTEGER)");
    const batch = batchOf([field("v", new Int32())], [Array.from({ length: 65_536 }, (_, i) => i)]);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await ingest(session, T, streamOf(...Array<RecordBatch>(60).fill(batch)));
    clearInterval(timer);
    assert.ok(ticks > 3, `${ticks} ticks`);
  });
});
