import assert from "node:assert/strict";
import {
  Binary,
  Bool,
  DateDay,
  Decimal,
  Dictionary,
  Field,
  FixedSizeBinary,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  IntervalMonthDayNano,
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  TimeMicrosecond,
  TimestampMicrosecond,
  Uint32,
  Uint64,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import {
  EXTENSION_METADATA_KEY,
  EXTENSION_NAME_KEY,
  JSON_EXTENSION,
  OPAQUE_EXTENSION,
  UUID_EXTENSION,
} from "../../../contract/arrow.ts";
import { AppError } from "../../../contract/errors.ts";
import { batchOf, type Cell, rowsOf, type TestColumn, testColumn } from "../../support/arrow_rows.ts";
import {
  batchesRequest,
  load,
  openPostgres,
  readAll,
  type TestConnection,
} from "../../support/postgres_connector.ts";
import { never, performLoad } from "../../support/connections.ts";
import { acquirePostgres } from "../../support/postgres.ts";

const server = await acquirePostgres();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const INT64_MAX = 2n ** 63n - 1n;
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const item = (type: Field["type"]): Field => new Field("item", type, true);
const json = { [EXTENSION_NAME_KEY]: JSON_EXTENSION };
const uuid = { [EXTENSION_NAME_KEY]: UUID_EXTENSION };

/** A column of each type, with extremes and a NULL; the PostgreSQL type that is made; the driver's text. */
const COLUMNS: readonly (readonly [TestColumn, string, readonly (string | null)[]])[] = [
  [testColumn("bool", new Bool(), [true, false, null]), "boolean", ["true", "false", null]],
  [testColumn("i16", new Int16(), [-32768, 32767, null]), "smallint", ["-32768", "32767", null]],
  [testColumn("i32", new Int32(), [-2147483648, 2147483647, null]), "integer", [
    "-2147483648",
    "2147483647",
    null,
  ]],
  [testColumn("i64", new Int64(), [-INT64_MAX - 1n, INT64_MAX, null]), "bigint", [
    "-9223372036854775808",
    "9223372036854775807",
    null,
  ]],
  [testColumn("u32", new Uint32(), [0, 4294967295, null]), "bigint", ["0", "4294967295", null]],
  [testColumn("u64", new Uint64(), [0n, 18446744073709551615n, null]), "numeric(20,0)", [
    "0",
    "18446744073709551615",
    null,
  ]],
  [
    testColumn("huge", new FixedSizeBinary(16), [
      littleEndian(-(2n ** 127n)),
      littleEndian(2n ** 127n - 1n),
      null,
    ], {
      [EXTENSION_NAME_KEY]: OPAQUE_EXTENSION,
      [EXTENSION_METADATA_KEY]: JSON.stringify({ type_name: "hugeint", vendor_name: "DuckDB" }),
    }),
    "numeric(39,0)",
    ["-170141183460469231731687303715884105728", "170141183460469231731687303715884105727", null],
  ],
  [testColumn("f32", new Float32(), [1.5, -Infinity, null]), "real", ["1.5", "-Infinity", null]],
  [testColumn("f64", new Float64(), [0.1, NaN, null]), "double precision", ["0.1", "NaN", null]],
  [testColumn("dec", new Decimal(2, 10, 128), [101n, -9999999999n, null]), "numeric(10,2)", [
    "1.01",
    "-99999999.99",
    null,
  ]],
  [
    testColumn("wide", new Decimal(10, 38, 128), [10n ** 38n - 1n, -1n, null]),
    "numeric(38,10)",
    ["9999999999999999999999999999.9999999999", "-0.0000000001", null],
  ],
  [testColumn("text", new Utf8(), ["", "Ünï 😀 '\"\\", null]), "text", ["", "Ünï 😀 '\"\\", null]],
  [testColumn("json", new Utf8(), [`{"b" : 1, "a": [1, 2], "a": "\\u0000"}`, "null", null], json), "json", [
    `{"b" : 1, "a": [1, 2], "a": "\\u0000"}`,
    "null",
    null,
  ]],
  [testColumn("blob", new Binary(), [bytes(), bytes(0, 255, 65), null]), "bytea", ["\\x", "\\x00ff41", null]],
  [
    testColumn(
      "uuid",
      new FixedSizeBinary(16),
      [new Uint8Array(16), new Uint8Array(16).fill(0xab), null],
      uuid,
    ),
    "uuid",
    [
      "00000000-0000-0000-0000-000000000000",
      "abababab-abab-abab-abab-abababababab",
      null,
    ],
  ],
  [testColumn("date", new DateDay(), [-735160, 2147483647, null]), "date", [
    "0044-03-15 BC",
    "infinity",
    null,
  ]],
  [testColumn("time", new TimeMicrosecond(), [0n, 86399999999n, null]), "time without time zone", [
    "00:00:00",
    "23:59:59.999999",
    null,
  ]],
  [
    testColumn("ts", new TimestampMicrosecond(), [1n, -INT64_MAX, null]),
    "timestamp without time zone",
    ["1970-01-01 00:00:00.000001", "-infinity", null],
  ],
  [
    testColumn("tstz", new TimestampMicrosecond("UTC"), [1709200800123456n, INT64_MAX, null]),
    "timestamp with time zone",
    ["2024-02-29 10:00:00.123456+00", "infinity", null],
  ],
  [
    testColumn("span", new IntervalMonthDayNano(), [
      { months: 14, days: -3, nanos: 14706000007000n },
      { months: 0, days: 0, nanos: -1000n },
      null,
    ]),
    "interval",
    ["1 year 2 mons -3 days +04:05:06.000007", "-00:00:00.000001", null],
  ],
  [testColumn("ints", new List(item(new Int32())), [[1, null, -3], [], null]), "integer[]", [
    "{1,NULL,-3}",
    "{}",
    null,
  ]],
  [testColumn("texts", new List(item(new Utf8())), [["a,b", null, ""], ["x"], null]), "text[]", [
    '{"a,b",NULL,""}',
    "{x}",
    null,
  ]],
  [
    testColumn("decs", new List(item(new Decimal(2, 6, 128))), [[150n, -225n], [null], null]),
    "numeric(6,2)[]",
    [
      "{1.50,-2.25}",
      "{NULL}",
      null,
    ],
  ],
  [testColumn("grid", new List(item(new List(item(new Int32())))), [[[1, 2], []], [], null]), "jsonb", [
    "[[1, 2], []]",
    "[]",
    null,
  ]],
];

function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, i) => Number((value >> BigInt(i * 8)) & 0xffn));
}

const ids = (...values: (bigint | null)[]): TestColumn => testColumn("id", new Int64(), values);
const names = (...values: (string | null)[]): TestColumn => testColumn("name", new Utf8(), values);

async function rejects(work: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert(error instanceof AppError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}

async function sorted(connection: TestConnection, table: string, by = "id"): Promise<Cell[][]> {
  return rowsOf(await readAll(connection, { query: `SELECT * FROM ${table} ORDER BY ${by} NULLS LAST` }));
}

Deno.test("load() makes schema and table with good types and writes every type exactly, with NULLs", async () => {
  await using database = await server.createDatabase();
  await using connection = await openPostgres(database.url);
  const columns = COLUMNS.map(([column]) => column);
  const result = await load(connection, { target: "new schema.every type", mode: "replace", columns });
  assert.equal(result.rows, 3);
  assert.equal(result.repeated, false);
  assert(result.sizeBytes > 500);
  await database.sql.unsafe("SET TimeZone = 'UTC'");
  for (const [column, type, texts] of COLUMNS) {
    const { name } = column.field;
    const rows = await database.sql.unsafe(
      `SELECT "${name}"::text AS value FROM "new schema"."every type" ORDER BY ctid`,
    );
    assert.deepEqual(rows.map((row) => row.value), texts, name);
    const [made] = await database.sql.unsafe(`
      SELECT format_type(atttypid, atttypmod) AS type FROM pg_attribute
       WHERE attrelid = '"new schema"."every type"'::regclass AND attname = '${name}'`);
    assert.equal(made?.type, type, name);
  }
});

Deno.test("load() writes nested values and dictionaries", async () => {
  await using database = await server.createDatabase();
  await using connection = await openPostgres(database.url);
  const mood = vectorFromArray(["sad", "ok", null, "sad"], new Dictionary(new Utf8(), new Int32()));
  const type = new Struct([new Field("a", new Int64(), true), new Field("b", new Utf8(), true)]);
  const inner = vectorFromArray([{ a: 9007199254740993n, b: 'q"' }, { a: null, b: null }, null, {
    a: 1n,
    b: "ü",
  }], type);
  const schema = new Schema([new Field("mood", mood.type, true), new Field("nested", type, true)]);
  const children = [mood.data[0]!, inner.data[0]!];
  const data = makeData({ type: new Struct(schema.fields), length: 4, nullCount: 0, children });
  const request = batchesRequest(
    { target: "t", mode: "replace", primaryKey: [], loadId: "1" },
    [new RecordBatch(schema, data)],
  );
  await performLoad(connection.destination, request, never());
  const rows = await database.sql`SELECT mood, nested::text FROM t ORDER BY ctid`;
  assert.deepEqual(rows.map((row) => [row.mood, row.nested]), [
    ["sad", '{"a": 9007199254740993, "b": "q\\""}'],
    ["ok", '{"a": null, "b": null}'],
    [null, null],
    ["sad", '{"a": 1, "b": "ü"}'],
  ]);
});

Deno.test("load() writes a slice of a batch: offsets and bitmaps that do not begin at zero", async () => {
  await using database = await server.createDatabase();
  await using connection = await openPostgres(database.url);
  const columns = COLUMNS.map(([column]) => ({
    field: column.field,
    values: Array.from({ length: 7 }, () => column.values).flat(),
  }));
  const whole = batchOf(columns);
  const request = (loadId: string, batches: RecordBatch[], target: string) =>
    batchesRequest({ target, mode: "replace", primaryKey: [], loadId }, batches);
  await performLoad(connection.destination, request("1", [whole], "whole"), never());
  await performLoad(
    connection.destination,
    request("2", [whole.slice(0, 5), whole.slice(5, 18), whole.slice(18)], "parts"),
    never(),
  );
  const read = async (table: string) =>
    rowsOf(await readAll(connection, { query: `SELECT * FROM ${table} ORDER BY ctid` }));
  assert.deepEqual(await read("parts"), await read("whole"));
});

Deno.test("load() replace keeps the table itself: grants, indexes, comments, views, columns that the rows lack", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(`
    CREATE TABLE target (id bigint PRIMARY KEY, name varchar(10) NOT NULL, note text DEFAULT 'none');
    COMMENT ON TABLE target IS 'mine'; CREATE INDEX by_name ON target (name);
    CREATE VIEW looks AS SELECT count(*) AS n FROM target;
    INSERT INTO target VALUES (1, 'old', 'x'), (2, 'older', 'y')`);
  const [before] = await database.sql`SELECT 'target'::regclass::oid AS oid`;
  await using connection = await openPostgres(database.url);
  await load(connection, {
    target: "target",
    mode: "replace",
    columns: [ids(5n, 6n, 7n), names("a", "b", "c")],
  });
  assert.deepEqual(await sorted(connection, "target"), [[5n, "a", "none"], [6n, "b", "none"], [
    7n,
    "c",
    "none",
  ]]);
  const [after] = await database.sql`SELECT 'target'::regclass::oid AS oid, (SELECT n::int FROM looks) AS n,
    obj_description('target'::regclass) AS comment, (SELECT count(*)::int FROM pg_indexes WHERE tablename = 'target') AS indexes`;
  assert.deepEqual({ ...after }, { oid: before?.oid, n: 3, comment: "mine", indexes: 2 });
});

Deno.test("load() replace gives a table that a load made the rows' columns and types, with its grants and comments", async () => {
  await using database = await server.createDatabase();
  await using connection = await openPostgres(database.url);
  const replace = (...columns: TestColumn[]) =>
    load(connection, { target: "t", mode: "replace", primaryKey: ["id"], columns });
  await replace(ids(1n), names("a"));
  await database.sql.unsafe(`
    GRANT SELECT ON t TO PUBLIC; COMMENT ON TABLE t IS 'it''s mine'; COMMENT ON COLUMN t.id IS 'key'`);
  const asText = testColumn("id", new Utf8(), ["x", "y"]);
  await replace(testColumn("extra", new Bool(), [true, null]), asText);
  await replace(testColumn("extra", new Bool(), [true, null]), asText);
  assert.deepEqual(await sorted(connection, "t"), [[true, "x"], [null, "y"]]);
  const [row] = await database.sql`
    SELECT relacl::text LIKE '%=r/%' AS granted, obj_description(oid) AS comment, col_description(oid, 2) AS key,
           (SELECT conname FROM pg_constraint WHERE conrelid = c.oid AND contype = 'p') AS constraint,
           (SELECT count(*)::int FROM pg_class WHERE relname LIKE '_sluice_next%') AS left_over
      FROM pg_class c WHERE oid = 't'::regclass`;
  assert.deepEqual({ ...row }, {
    granted: true,
    comment: "it's mine",
    key: "key",
    constraint: "t_pkey",
    left_over: 0,
  });
});

Deno.test("load() replace keeps the columns of a table that a load made once somebody has built upon it", async () => {
  await using database = await server.createDatabase();
  await using connection = await openPostgres(database.url);
  const replace = (...columns: TestColumn[]) => load(connection, { target: "t", mode: "replace", columns });
  await replace(ids(1n), names("a"));
  await database.sql.unsafe("CREATE VIEW looks AS SELECT name FROM t");
  await replace(ids(2n), testColumn("extra", new Bool(), [true]));
  assert.deepEqual(await sorted(connection, "t"), [[2n, null, true]]);
  assert.deepEqual(await sorted(connection, "looks", "name"), [[null]]);
});

Deno.test("load() append adds to what is there", async () => {
  await using database = await server.createDatabase();
  await using connection = await openPostgres(database.url);
  await load(connection, { target: "t", mode: "append", columns: [ids(1n), names("a")] });
  await load(connection, { target: "t", mode: "append", columns: [ids(2n), names("b")] });
  assert.deepEqual(await sorted(connection, "t"), [[1n, "a"], [2n, "b"]]);
});

for (
  const [how, prepare] of [
    ["makes a primary key and", ""],
    ["uses a unique index and", "CREATE TABLE t (id bigint, name text); CREATE UNIQUE INDEX ON t (id)"],
    ["without a unique index", "CREATE TABLE t (id bigint, name text)"],
  ] as const
) {
  Deno.test(`load() merge ${how} updates rows by key and inserts the others`, async () => {
    await using database = await server.createDatabase();
    await database.sql.unsafe(prepare);
    await using connection = await openPostgres(database.url);
    const merge = (columns: TestColumn[]) =>
      load(connection, { target: "t", mode: "merge", primaryKey: ["id"], columns });
    await merge([ids(1n, 2n), names("a", "b")]);
    await merge([ids(2n, 3n), names("B", null)]);
    assert.deepEqual(await sorted(connection, "t"), [[1n, "a"], [2n, "B"], [3n, null]]);
    await rejects(
      merge([ids(7n, 8n, 7n), names("x", "y", "z")]),
      "invalid",
      /key \(id\) = \(7\) comes 2 times/,
    );
    await rejects(merge([ids(null), names("x")]), "invalid", /key \(id\) is NULL in 1 of the rows/);
    await merge([ids(), names()]);
    assert.deepEqual(await sorted(connection, "t"), [[1n, "a"], [2n, "B"], [3n, null]]);
  });
}

Deno.test("load() merge into a new table names a key that comes twice", async () => {
  await using database = await server.createDatabase();
  await using connection = await openPostgres(database.url);
  const request = {
    target: "t",
    mode: "merge",
    primaryKey: ["id"],
    columns: [ids(4n, 4n), names("x", "y")],
  } as const;
  await rejects(load(connection, request), "invalid", /key \(id\) = \(4\) comes 2 times/);
  const [row] = await database
    .sql`SELECT to_regclass('t') AS t, (SELECT count(*)::int FROM _sluice_loads) AS loads`;
  assert.deepEqual({ ...row }, { t: null, loads: 0 });
});

Deno.test("load() merge by several columns of hostile names, where all columns are the key", async () => {
  await using database = await server.createDatabase();
  await using connection = await openPostgres(database.url);
  const hostile = `"; DROP TABLE t; -- select 😀`;
  const columns = (...values: bigint[]) => [
    testColumn(hostile, new Int64(), values),
    testColumn("select", new Utf8(), values.map(String)),
  ];
  const target = `"sch""ema"."ta.ble"`;
  const primaryKey = [hostile, "select"];
  await load(connection, { target, mode: "merge", primaryKey, columns: columns(1n, 2n) });
  await load(connection, { target, mode: "merge", primaryKey, columns: columns(2n, 3n) });
  assert.equal(
    (await readAll(connection, { stream: target })).reduce((sum, batch) => sum + batch.numRows, 0),
    3,
  );
});

Deno.test("load() adds columns that are new, in every mode, and old rows have NULL there", async () => {
  await using database = await server.createDatabase();
  await using connection = await openPostgres(database.url);
  await load(connection, { target: "t", mode: "append", columns: [ids(1n)] });
  await load(connection, { target: "t", mode: "append", columns: [ids(2n), names("b")] });
  const extra = testColumn("extra", new Bool(), [true, false]);
  await load(connection, {
    target: "t",
    mode: "merge",
    primaryKey: ["id"],
    columns: [ids(2n, 3n), names("B", "c"), extra],
  });
  assert.deepEqual(await sorted(connection, "t"), [[1n, null, null], [2n, "B", true], [3n, "c", false]]);
});

Deno.test("load() has PostgreSQL cast to the table's own types where nothing is lost", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(`
    CREATE TYPE mood AS ENUM ('ok', 'sad'); CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
    CREATE TABLE t (id integer, name mood, address inet, price numeric(8,2), at timestamptz(0), p positive,
                    label varchar(3), doc json, moods mood[], always integer GENERATED ALWAYS AS IDENTITY)`);
  await using connection = await openPostgres(database.url);
  const columns = [
    ids(1n, 2n),
    names("ok", null),
    testColumn("address", new Utf8(), ["10.0.0.1", null]),
    testColumn("price", new Decimal(4, 12, 128), [15000n, null]),
    testColumn("at", new TimestampMicrosecond(), [1_000_000n, null]),
    testColumn("p", new Int64(), [5n, null]),
    testColumn("label", new Utf8(), ["abc", null]),
    testColumn("doc", new Utf8(), [`{"a" : 1}`, null], json),
    testColumn("moods", new List(item(new Utf8())), [["ok", null], null]),
    testColumn("always", new Int32(), [41, 42]),
  ];
  for (const mode of ["append", "replace"] as const) await load(connection, { target: "t", mode, columns });
  const rows = await database.sql.unsafe(
    "SELECT id, name, address::text, price::text, at = 'epoch'::timestamptz + '1 s' AS at, p, label, doc::text, moods::text, always FROM t ORDER BY id",
  );
  assert.deepEqual({ ...rows[0] }, {
    id: 1,
    name: "ok",
    address: "10.0.0.1/32",
    price: "1.50",
    at: true,
    p: 5,
    label: "abc",
    doc: `{"a" : 1}`,
    moods: "{ok,NULL}",
    always: 41,
  });
  assert.equal(rows.length, 2);
});

Deno.test("load() casts text to a composite type, also one of NULLs, as read() gives it", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(
    "CREATE TYPE place AS (city text, n integer); CREATE TABLE t (at place, xs point)",
  );
  await using connection = await openPostgres(database.url);
  const columns = [
    testColumn("at", new Utf8(), ["(,)", "(Paris,1)", null]),
    testColumn("xs", new Utf8(), ["(1,2)", null, null]),
  ];
  await load(connection, { target: "t", mode: "append", columns });
  assert.deepEqual(rowsOf(await readAll(connection, { stream: "t" })), [
    ["(,)", "(1,2)"],
    ["(Paris,1)", null],
    [null, null],
  ]);
});

Deno.test("load() leaves a jsonb column what it is, also where a load made it", async () => {
  await using database = await server.createDatabase();
  await using connection = await openPostgres(database.url);
  const columns = [ids(1n), testColumn("doc", new Utf8(), [`{"b": 1, "a": 2}`], json)];
  const lists = [
    testColumn("docs", new List(new Field("item", new Utf8(), true, new Map(Object.entries(json)))), [[
      `{"a":1}`,
    ]]),
  ];
  await load(connection, { target: "t", mode: "replace", columns: [...columns, ...lists] });
  // As the first release made it.
  await database.sql.unsafe(
    "ALTER TABLE t ALTER doc TYPE jsonb USING doc::jsonb, ALTER docs TYPE jsonb[] USING docs::text[]::jsonb[]",
  );
  for (const mode of ["replace", "append"] as const) {
    await load(connection, { target: "t", mode, columns: [...columns, ...lists] });
  }
  const rows = await database.sql.unsafe("SELECT doc::text, docs::text, pg_typeof(doc)::text AS type FROM t");
  const row = { doc: `{"a": 2, "b": 1}`, docs: `{"{\\"a\\": 1}"}`, type: "jsonb" };
  assert.deepEqual(rows.map((found) => ({ ...found })), [row, row]);
});

Deno.test("load() refuses a value that the table's type would change, and changes nothing", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(`
    CREATE TYPE mood AS ENUM ('ok');
    CREATE TABLE t (id integer, name varchar(3), price numeric(8,2), day date, mood mood, tiny smallint, must text NOT NULL DEFAULT '');
    INSERT INTO t (id) VALUES (42)`);
  await using connection = await openPostgres(database.url);
  for (const mode of ["replace", "append"] as const) {
    const loading = (...columns: TestColumn[]) => load(connection, { target: "t", mode, columns });
    await rejects(
      loading(ids(1n, 3_000_000_000n)),
      "invalid",
      /row 2: column "id" is 3000000000, which int4 cannot hold/,
    );
    await rejects(loading(names("abc", "abcd")), "invalid", /row 2, column "name": value too long/);
    await rejects(
      loading(testColumn("price", new Decimal(3, 9, 128), [1005n])),
      "invalid",
      /column "price" is 1\.005, which the table's numeric\(8,2\) cannot hold without a loss/,
    );
    await rejects(loading(testColumn("price", new Float64(), [1e9])), "invalid", /column "price" .*overflow/);
    await rejects(
      loading(testColumn("day", new TimestampMicrosecond(), [1n])),
      "invalid",
      /column "day" is .*without a loss/,
    );
    await rejects(
      loading(testColumn("mood", new Utf8(), ["bad"])),
      "invalid",
      /row 1, column "mood": invalid input value for enum/,
    );
    await rejects(
      loading(testColumn("day", new Bool(), [true])),
      "invalid",
      /column "day" is boolean and the table's is date/,
    );
    await rejects(
      loading(testColumn("tiny", new Utf8(), ["x"])),
      "invalid",
      /row 1: column "tiny" is x, which the table.s smallint cannot hold/,
    );
    await rejects(loading(names("a\0b")), "invalid", /row 1, column "name": invalid byte sequence/);
    await rejects(loading(testColumn("must", new Utf8(), ["a", null])), "invalid", /row 2.*not-null/);
    await rejects(
      loading(testColumn("new", new DateDay(), [-2_450_000_0])),
      "invalid",
      /row 1, column "new": date out of range/,
    );
  }
  assert.deepEqual((await sorted(connection, "t")).map(([id]) => id), [42]);
});

Deno.test("load() explains a target that cannot take the rows", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(`
    CREATE TABLE strict (id bigint, must text NOT NULL); CREATE VIEW looks AS SELECT 1 AS id;
    CREATE TABLE computed (id bigint, twice bigint GENERATED ALWAYS AS (id * 2) STORED);
    CREATE TABLE parent (id bigint PRIMARY KEY); CREATE TABLE child (id bigint REFERENCES parent);
    INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1)`);
  await using connection = await openPostgres(database.url);
  const loading = (target: string, ...columns: TestColumn[]) =>
    load(connection, { target, mode: "replace", columns });
  await rejects(loading("strict", ids(1n)), "invalid", /column "must" is NOT NULL without a default/);
  await rejects(loading("looks", ids(1n)), "invalid", /not a table/);
  await rejects(
    loading("computed", ids(1n), testColumn("twice", new Int64(), [2n])),
    "invalid",
    /computes column "twice"/,
  );
  await rejects(loading("parent", ids(2n)), "invalid", /foreign key.*Key \(id\)=\(1\)/s);
  await rejects(loading("t", ids(1n), ids(2n)), "invalid", /two columns are named "id"/);
  await rejects(loading("t", testColumn("x".repeat(70), new Bool(), [true])), "invalid", /70 bytes/);
  await rejects(loading("_sluice_loads", ids(1n)), "invalid", /its own notes/);
  await rejects(loading("a.b.c", ids(1n)), "invalid", /expected table or schema\.table/);
  await rejects(
    load(connection, { target: "t", mode: "merge", primaryKey: ["nope"], columns: [ids(1n)] }),
    "invalid",
    /primary_key names "nope"/,
  );
});

Deno.test("load() without the right to write says forbidden and what it was about", async () => {
  await using database = await server.createDatabase();
  const role = `role_${database.name}`;
  await database.sql.unsafe(`
    CREATE ROLE ${role} LOGIN PASSWORD 'secret-of-role'; CREATE TABLE t (id bigint); GRANT SELECT ON t TO ${role}`);
  try {
    const url = new URL(database.url);
    url.username = role;
    url.password = "secret-of-role";
    await using connection = await openPostgres(url.href);
    const loading = load(connection, { target: "t", mode: "append", columns: [ids(1n)] });
    await rejects(loading, "forbidden", /Cannot load into t of shop: permission denied/);
    await rejects(readAll(connection, { stream: "pg_catalog.pg_authid" }), "forbidden", /permission denied/);
  } finally {
    await database.sql.unsafe(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
});

Deno.test("load() of nothing makes the table, and replaces rows by none", async () => {
  await using database = await server.createDatabase();
  await using connection = await openPostgres(database.url);
  await load(connection, { target: "t", mode: "replace", columns: [ids(), names()] });
  assert.deepEqual(await sorted(connection, "t"), []);
  await load(connection, { target: "t", mode: "append", columns: [ids(1n), names("a")] });
  const result = await load(connection, { target: "t", mode: "replace", columns: [ids(), names()] });
  assert.equal(result.rows, 0);
  assert.deepEqual(await sorted(connection, "t"), []);
});
