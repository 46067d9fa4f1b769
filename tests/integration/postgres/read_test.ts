import assert from "node:assert/strict";
import { never } from "../../support/connections.ts";
import { openPostgres, read, readAll, streamRequest } from "../../support/postgres_connector.ts";
import { acquirePostgres } from "../../support/postgres.ts";
import { type Cell, rowsOf } from "../../support/arrow_rows.ts";
import { AppError } from "../../../contract/errors.ts";
import type { Cursor } from "../../../contract/connector/source.ts";

const server = await acquirePostgres();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const uuid = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const INT64_MAX = 2n ** 63n - 1n;

/** SQL literals of a type, the Arrow type, and the values that they are. */
const TYPES:
  readonly (readonly [type: string, arrow: string, values: readonly (readonly [string, Cell])[]])[] = [
    ["boolean", "Bool", [["true", true], ["false", false]]],
    ["smallint", "Int16", [["-32768", -32768], ["32767", 32767]]],
    ["integer", "Int32", [["-2147483648", -2147483648], ["2147483647", 2147483647]]],
    ["bigint", "Int64", [["'-9223372036854775808'", -INT64_MAX - 1n], [
      "9007199254740993",
      9007199254740993n,
    ]]],
    ["oid", "Uint32", [["4294967295", 4294967295]]],
    ["real", "Float32", [["1.5", 1.5], ["'-Infinity'", -Infinity], ["'NaN'", NaN]]],
    ["double precision", "Float64", [["0.1", 0.1], ["1.7976931348623157e308", Number.MAX_VALUE], [
      "'-0'",
      -0,
    ]]],
    ["numeric(10,2)", "Decimal[10e+2]", [["1.005", 101n], ["-99999999.99", -9999999999n], ["0", 0n]]],
    ["numeric(38,10)", "Decimal[38e+10]", [
      ["9999999999999999999999999999.9999999999", 10n ** 38n - 1n],
      ["-0.0000000001", -1n],
    ]],
    ["numeric(5,-2)", "Decimal[7e0]", [["1234567", 1234600n]]],
    ["numeric(2,4)", "Decimal[4e+4]", [["0.0012", 12n]]],
    ["numeric", "Utf8", [[
      "'123456789012345678901234567890123456789012.5'",
      "123456789012345678901234567890123456789012.5",
    ], [
      "'NaN'",
      "NaN",
    ]]],
    ["numeric(60,3)", "Utf8", [["1.5", "1.500"]]],
    ["text", "Utf8", [["''", ""], ["'Ünï 😀 ''quoted'''", "Ünï 😀 'quoted'"]]],
    ["varchar(5)", "Utf8", [["'NULL'", "NULL"]]],
    ["char(4)", "Utf8", [["'ab'", "ab  "]]],
    ["name", "Utf8", [["'n'", "n"]]],
    [`"char"`, "Utf8", [["'x'", "x"]]],
    ["bytea", "Binary", [["'\\x00ff41'", bytes(0, 255, 65)], ["''", bytes()]]],
    ["uuid", "FixedSizeBinary[16]", [[
      "'00112233-4455-6677-8899-aabbccddeeff'",
      uuid("00112233445566778899aabbccddeeff"),
    ]]],
    ["json", "Utf8", [[`'{"a" : 1e2}'`, `{"a" : 1e2}`]]],
    ["jsonb", "Utf8", [[`'{"b":[1, 2],"a":null}'`, `{"a": null, "b": [1, 2]}`]]],
    ["date", "Date32<DAY>", [
      ["'1969-12-31'", -1],
      ["'0044-03-15 BC'", -735160],
      ["'infinity'", 2147483647],
      ["'-infinity'", -2147483647],
      ["'5874897-12-31'", 2145042905],
    ]],
    ["time", "Time64<MICROSECOND>", [["'23:59:59.999999'", 86399999999n], ["'24:00'", 86400000000n]]],
    ["timetz", "Utf8", [["'12:00+02'", "12:00:00+02"]]],
    ["timestamp", "Timestamp<MICROSECOND>", [
      ["'1970-01-01 00:00:00.000001'", 1n],
      ["'0001-01-01'", -62135596800000000n],
      ["'infinity'", INT64_MAX],
      ["'-infinity'", -INT64_MAX],
    ]],
    ["timestamptz", "Timestamp<MICROSECOND, UTC>", [["'2024-02-29 12:00:00.123456+02'", 1709200800123456n]]],
    ["interval", "Interval<MONTH_DAY_NANO>", [
      ["'1 year 2 mons -3 days 04:05:06.000007'", { months: 14, days: -3, nanos: 14706000007000n }],
    ]],
    ["integer[]", "List<Int32>", [["'{1,NULL,-3}'", [1, null, -3]], ["'{}'", []]]],
    ["text[]", "List<Utf8>", [[`'{"a,b",NULL,""}'`, ["a,b", null, ""]]]],
    ["numeric(6,2)[]", "List<Decimal[6e+2]>", [["'{1.5,-2.25}'", [150n, -225n]]]],
    ["timestamptz[]", "List<Timestamp<MICROSECOND, UTC>>", [["'{1970-01-01 00:00+00}'", [0n]]]],
    ["inet[]", "List<Utf8>", [["'{10.0.0.1,::1}'", ["10.0.0.1/32", "::1/128"]]]],
    ["money", "Decimal[19e+2]", [
      ["'12.50'", 1250n],
      ["'-92233720368547758.08'", -INT64_MAX - 1n],
    ]],
    ["money[]", "List<Decimal[19e+2]>", [["'{1.5,NULL,-0.01}'", [150n, null, -1n]]]],
    ["inet", "Utf8", [["'192.168.0.1/24'", "192.168.0.1/24"]]],
    ["cidr", "Utf8", [["'10.0.0.0/8'", "10.0.0.0/8"]]],
    ["macaddr", "Utf8", [["'08:00:2b:01:02:03'", "08:00:2b:01:02:03"]]],
    ["bit(4)", "Utf8", [["'1010'", "1010"]]],
    ["varbit", "Utf8", [["'101'", "101"]]],
    ["int4range", "Utf8", [["'[1,5)'", "[1,5)"]]],
    ["point", "Utf8", [["'(1,2)'", "(1,2)"]]],
    ["xml", "Utf8", [["'<a/>'", "<a/>"]]],
    ["tsvector", "Utf8", [["'fat cat'", "'cat' 'fat'"]]],
    ["mood", "Utf8", [["'so ''so'''", "so 'so'"]]],
    ["mood[]", "List<Utf8>", [["'{ok,NULL}'", ["ok", null]]]],
    ["positive", "Int32", [["7", 7]]],
    ["amount", "Decimal[12e+3]", [["1.5", 1500n]]],
    ["place", "Utf8", [["'(Paris,\"{1,2}\")'", '(Paris,"{1,2}")'], ["ROW(NULL, NULL)", "(,)"]]],
  ];

Deno.test("read() gives every PostgreSQL type exactly, with NULLs", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(`
    CREATE TYPE mood AS ENUM ('ok', 'so ''so''');
    CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
    CREATE DOMAIN amount AS numeric(12,3);
    CREATE TYPE place AS (city text, coordinates integer[]);`);
  await using connection = await openPostgres(database.url);
  for (const [i, [type, arrow, values]] of TYPES.entries()) {
    const rows = values.map(([literal], n) => `(${n}, CAST(${literal} AS ${type}))`);
    await database.sql.unsafe(
      `CREATE TABLE t${i} (n integer, value ${type}); INSERT INTO t${i} VALUES ${
        rows.join(", ")
      }, (99, NULL)`,
    );
    const batches = await readAll(connection, { query: `SELECT value FROM t${i} ORDER BY n` });
    assert.equal(String(batches[0]?.schema.fields[0]?.type), arrow, type);
    assert.deepEqual(rowsOf(batches), [...values.map(([, value]) => [value]), [null]], type);
  }
});

Deno.test("describe() tells a table's, a view's and a query's columns without reading rows", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(`
    CREATE TABLE orders (id bigint PRIMARY KEY, amount numeric(10,2), at timestamptz);
    CREATE VIEW slow AS SELECT id, pg_sleep(60)::text AS never FROM orders`);
  await database.sql.unsafe("INSERT INTO orders VALUES (1)");
  await using connection = await openPostgres(database.url);
  const describe = async (address: { stream: string } | { query: string }) =>
    (await connection.source.describe(streamRequest(address), never())).schema.fields.map(({ name, type }) =>
      `${name} ${type}`
    );
  assert.deepEqual(await describe({ stream: "orders" }), [
    "id Int64",
    "amount Decimal[10e+2]",
    "at Timestamp<MICROSECOND, UTC>",
  ]);
  assert.deepEqual(await describe({ stream: "public.slow" }), ["id Int64", "never Utf8"]);
  assert.deepEqual(await describe({ query: "SELECT 1 AS one, 'x' AS two; -- the end" }), [
    "one Int32",
    "two Utf8",
  ]);
});

Deno.test("read() of a table without rows gives one batch that tells its columns", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe("CREATE TABLE nothing (a integer, b text[])");
  await using connection = await openPostgres(database.url);
  const batches = await readAll(connection, { stream: "nothing" });
  assert.deepEqual(batches.map((batch) => batch.numRows), [0]);
  assert.deepEqual(batches[0]?.schema.names, ["a", "b"]);
});

Deno.test("read() finds tables and columns of any name", async () => {
  await using database = await server.createDatabase();
  const column = `se"lect, '; DROP TABLE x; -- ü 😀`;
  await database.sql.unsafe(`
    CREATE SCHEMA "my.schema";
    CREATE TABLE "my.schema"."ta""ble" ("${column.replaceAll('"', '""')}" integer, "from" inet);
    INSERT INTO "my.schema"."ta""ble" VALUES (5, '::1')`);
  await using connection = await openPostgres(database.url);
  const batches = await readAll(connection, { stream: `"my.schema"."ta""ble"` });
  assert.deepEqual(batches[0]?.schema.names, [column, "from"]);
  assert.deepEqual(rowsOf(batches), [[5, "::1/128"]]);
});

Deno.test("read() from a cursor gives ties and NULLs, compared in the column's own type", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(`
    CREATE TABLE events (id integer, at timestamptz, ts timestamp, code text, amount numeric(20,6), day date, key uuid);
    INSERT INTO events VALUES
      (1, '2024-01-01 00:00:00.123455+00', '0044-03-15 12:00:00.5 BC', 'Z', 9.999999, '-infinity', '00000000-0000-0000-0000-000000000001'),
      (2, '2024-01-01 00:00:00.123456+00', '0044-03-15 12:00:00.6 BC', 'a', 10, '2024-01-01', '7fffffff-0000-0000-0000-000000000000'),
      (3, '2024-01-01 00:00:00.123456+00', '2024-01-01', 'ä', 10.000001, 'infinity', 'ffffffff-0000-0000-0000-000000000000'),
      (4, NULL, NULL, NULL, NULL, NULL, NULL)`);
  await using connection = await openPostgres(database.url);
  const idsFrom = async (cursor: Cursor) =>
    rowsOf(await readAll(connection, { stream: "events" }, { cursor })).map(([id]) => Number(id)).sort();
  const timestamptz = {
    column: "at",
    value: "2024-01-01 00:00:00.123456+00",
    type: "TIMESTAMP WITH TIME ZONE",
  };
  assert.deepEqual(await idsFrom(timestamptz), [2, 3, 4]);
  const beforeChrist = { column: "ts", value: "0044-03-15 (BC) 12:00:00.6", type: "TIMESTAMP" };
  assert.deepEqual(await idsFrom(beforeChrist), [2, 3, 4]);
  assert.deepEqual(await idsFrom({ column: "code", value: "a", type: "VARCHAR" }), [2, 3, 4]);
  assert.deepEqual(await idsFrom({ column: "amount", value: "10.000000", type: "DECIMAL(20,6)" }), [2, 3, 4]);
  assert.deepEqual(await idsFrom({ column: "day", value: "infinity", type: "DATE" }), [3, 4]);
  const key = { column: "key", value: "7fffffff-0000-0000-0000-000000000000", type: "UUID" };
  assert.deepEqual(await idsFrom(key), [2, 3, 4]);
});

Deno.test("read() refuses a cursor whose order its text does not keep", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe("CREATE TABLE t (id integer, amount numeric, address inet)");
  await using connection = await openPostgres(database.url);
  for (const column of ["amount", "address", "nowhere"]) {
    await assert.rejects(
      readAll(connection, { stream: "t" }, { cursor: { column, value: "1", type: "VARCHAR" } }),
      (error) =>
        error instanceof AppError && error.code === "invalid" && error.message.includes(`"${column}"`),
    );
  }
});

Deno.test("read() names row and column of a value that Arrow cannot hold, and text_columns reads it", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(`
    CREATE TABLE bad (n integer, amount numeric(10,2), at timestamp, grid integer[]);
    INSERT INTO bad SELECT i, i, '2024-01-01', ARRAY[i] FROM generate_series(1, 3000) i;
    INSERT INTO bad VALUES (3001, 'NaN', '2024-01-01', '{1}'), (3002, 1, '294270-01-01', '{{1,2},{3,4}}')`);
  await using connection = await openPostgres(database.url);
  const rejects = (query: string, message: RegExp) =>
    assert.rejects(readAll(connection, { query }), (error) => {
      assert(error instanceof AppError);
      assert.equal(error.code, "invalid");
      assert.match(error.message, message);
      return true;
    });
  await rejects("SELECT n, amount FROM bad ORDER BY n", /row 3001: column "amount" is NaN.*text_columns/);
  await rejects("SELECT at FROM bad ORDER BY n", /row 3002: column "at" is a time after the year 294246/);
  await rejects(
    "SELECT grid FROM bad ORDER BY n",
    /row 3002: column "grid" is an array of 2 dimensions.*text_columns/,
  );
  await rejects(
    "SELECT '[0:1]={7,8}'::integer[] AS grid",
    /column "grid" is an array that begins at 0.*text_columns/,
  );
  const options = { text_columns: ["amount", "grid", "at"] };
  const rows = rowsOf(await readAll(connection, { query: "SELECT * FROM bad ORDER BY n" }, { options }));
  assert.deepEqual(rows.slice(-2), [
    [3001, "NaN", "2024-01-01 00:00:00", "{1}"],
    [3002, "1.00", "294270-01-01 00:00:00", "{{1,2},{3,4}}"],
  ]);
});

Deno.test("read() runs one COPY after another, and two at the same time, on one connection", async () => {
  await using database = await server.createDatabase();
  await using connection = await openPostgres(database.url);
  const query = "SELECT i, repeat('x', 50) AS t FROM generate_series(1, 50000) i";
  const count = async () => rowsOf(await readAll(connection, { query })).length;
  assert.equal(await count(), 50_000);
  assert.equal(await count(), 50_000);
  assert.deepEqual(await Promise.all([count(), count(), count()]), [50_000, 50_000, 50_000]);
});

Deno.test("read() leaves the server waiting while nobody asks for more", async () => {
  await using database = await server.createDatabase();
  await using connection = await openPostgres(database.url);
  const query = "SELECT repeat(md5(generate_series(1, 1000000)::text), 30) AS t";
  for await (const _ of read(connection, { query })) {
    const deadline = performance.now() + 10_000;
    for (;;) {
      const [activity] = await database.sql`SELECT wait_event FROM pg_stat_activity WHERE query LIKE 'COPY%'`;
      if (activity?.wait_event === "ClientWrite") break;
      assert(performance.now() < deadline, "the server never had to wait");
    }
    break;
  }
});

Deno.test("read() streams 400 MB in a process of little memory that may do nothing but connect", async () => {
  await using database = await server.createDatabase();
  const query = "SELECT i, repeat(md5(i::text), 60) AS t FROM (SELECT generate_series(1, 200000) AS i) AS s";
  const script = new URL("../../support/read_rows.ts", import.meta.url);
  const reader = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--cached-only",
      "--ignore-env",
      `--allow-net=${server.host}:${server.port}`,
      script.pathname,
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    clearEnv: true,
    env: { DENO_DIR: Deno.env.get("DENO_DIR") ?? "", HOME: Deno.env.get("HOME") ?? "", NO_COLOR: "1" },
  }).spawn();
  const input = reader.stdin.getWriter();
  await input.write(
    new TextEncoder().encode(JSON.stringify({ type: "postgres", entry: { url: database.url }, query })),
  );
  await input.close();
  const { stdout, stderr } = await reader.output();
  assert.equal(new TextDecoder().decode(stderr), "");
  const { rows, peakRssBytes } = JSON.parse(new TextDecoder().decode(stdout));
  assert.equal(rows, 200_000);
  assert(peakRssBytes < 300 * 1024 * 1024, `took ${peakRssBytes >> 20} MiB`);
});

Deno.test("read() of one value of 20 MB gives it whole", async () => {
  await using database = await server.createDatabase();
  await using connection = await openPostgres(database.url);
  const [row] = rowsOf(await readAll(connection, { query: "SELECT repeat('é', 10000000) AS t, 1 AS n" }));
  assert.equal(row?.[1], 1);
  assert.equal(String(row?.[0]).length, 10_000_000);
});

Deno.test("read() that is stopped early or aborted ends the query at the server", async () => {
  await using database = await server.createDatabase();
  await using connection = await openPostgres(database.url);
  const query = "SELECT generate_series(1, 100000000) AS i";
  for await (const batch of read(connection, { query })) {
    assert.equal(batch.numRows, 16_384);
    break;
  }
  const controller = new AbortController();
  await assert.rejects(async () => {
    for await (const _ of read(connection, { query }, controller.signal)) {
      controller.abort(new AppError("cancelled", "a person cancelled the run"));
    }
  }, { code: "cancelled", message: "a person cancelled the run" });
  const sleep = connection.source.describe(streamRequest({ query: "SELECT 1" }), AbortSignal.abort());
  await assert.rejects(sleep, { code: "cancelled" });
  const deadline = performance.now() + 10_000;
  for (;;) {
    const [running] = await database.sql`
      SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE 'COPY%' AND state = 'active'`;
    if (running?.n === 0) break;
    assert(performance.now() < deadline, "a COPY still runs");
  }
});

Deno.test("read() sees one moment of the database, and cannot write to it", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe("CREATE TABLE t AS SELECT i FROM generate_series(1, 100000) i");
  await using connection = await openPostgres(database.url);
  let rows = 0;
  for await (const batch of read(connection, { stream: "t" })) {
    if (rows === 0) await database.sql.unsafe("DELETE FROM t WHERE i > 50000");
    rows += batch.numRows;
  }
  assert.equal(rows, 100_000);
  await database.sql.unsafe(
    "CREATE FUNCTION sneaky() RETURNS integer LANGUAGE sql AS 'DELETE FROM t RETURNING i'",
  );
  await assert.rejects(readAll(connection, { query: "SELECT sneaky()" }), { code: "forbidden" });
  await assert.rejects(readAll(connection, { query: "DELETE FROM t" }), AppError);
  await assert.rejects(readAll(connection, { query: "SELECT 1; DELETE FROM t" }), { code: "invalid" });
});

Deno.test("read() explains what it cannot read", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(`
    CREATE TABLE orders (id integer); CREATE TABLE "Order" (id integer);
    CREATE SCHEMA sales; CREATE TABLE sales.invoices (id integer); CREATE TABLE empty_table ()`);
  await using connection = await openPostgres(database.url);
  const rejects = (address: { stream: string } | { query: string }, code: string, message: RegExp) =>
    assert.rejects(readAll(connection, address), (error) => {
      assert(error instanceof AppError);
      assert.equal(error.code, code);
      assert.match(error.message, message);
      return true;
    });
  await rejects(
    { stream: "ordrs" },
    "not_found",
    /no table public\.ordrs; did you mean public\.orders\?/,
  );
  await rejects({ stream: "invoices" }, "not_found", /did you mean sales\.invoices\?/);
  await rejects({ stream: "nowhere.x" }, "not_found", /no table nowhere\.x$/);
  await rejects({ stream: "a.b.c" }, "invalid", /expected table or schema\.table/);
  await rejects({ stream: `"open` }, "invalid", /double quotes/);
  await rejects({ stream: "x".repeat(64) }, "invalid", /64 bytes/);
  await rejects({ stream: "empty_table" }, "invalid", /no columns/);
  await rejects({ query: "SELECT id, id FROM orders" }, "invalid", /two columns are named "id"/);
  await rejects({ query: "SELEC 1" }, "invalid", /syntax error at or near "SELEC"/);
  await rejects({ query: "SELECT nope FROM orders" }, "invalid", /column "nope" does not exist/);
  await rejects({ query: "SELECT 1 / (i - 3) FROM generate_series(1, 5) i" }, "invalid", /division by zero/);
});
