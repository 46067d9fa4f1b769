import assert from "node:assert/strict";
import { EXTENSION_NAME_KEY } from "../../../contract/arrow.ts";
import { AppError } from "../../../contract/errors.ts";
import { type Cell, rowsOf } from "../../support/arrow_rows.ts";
import { never } from "../../support/connections.ts";
import { acquireMariadb } from "../../support/mariadb.ts";
import { mysqlRequest, openMysql, type Own, readAll } from "../../support/mysql_connector.ts";

const server = await acquireMariadb();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const day = (date: string): number => Date.parse(date) / 86_400_000;
const micros = (time: string, more = 0n): bigint => BigInt(Date.parse(time)) * 1000n + more;

/** A column's definition, the Arrow type that it comes as, and literals with the values that they are. */
type TypeCase = readonly [
  definition: string,
  arrow: string,
  values: readonly (readonly [literal: string, value: Cell])[],
];

const TYPES: readonly TypeCase[] = [
  ["TINYINT", "Int8", [["-128", -128], ["127", 127]]],
  // BOOLEAN is this, and holds any of its numbers.
  ["TINYINT(1)", "Int8", [["5", 5], ["-1", -1], ["TRUE", 1]]],
  ["TINYINT UNSIGNED", "Uint8", [["255", 255], ["0", 0]]],
  ["SMALLINT", "Int16", [["-32768", -32768], ["32767", 32767]]],
  ["SMALLINT UNSIGNED", "Uint16", [["65535", 65535]]],
  ["MEDIUMINT", "Int32", [["-8388608", -8388608], ["8388607", 8388607]]],
  ["MEDIUMINT UNSIGNED", "Uint32", [["16777215", 16777215]]],
  ["INT", "Int32", [["-2147483648", -2147483648], ["2147483647", 2147483647]]],
  ["INT(8) UNSIGNED ZEROFILL", "Uint32", [["42", 42], ["4294967295", 4294967295]]],
  ["BIGINT", "Int64", [
    ["-9223372036854775808", -(2n ** 63n)],
    ["9223372036854775807", 2n ** 63n - 1n],
    ["9007199254740993", 9007199254740993n],
    ["-999999999999999", -999999999999999n],
    ["-1", -1n],
    ["4294967296", 4294967296n],
    ["0", 0n],
  ]],
  ["BIGINT UNSIGNED", "Uint64", [
    ["18446744073709551615", 2n ** 64n - 1n],
    ["9223372036854775808", 2n ** 63n],
    ["0", 0n],
  ]],
  ["YEAR", "Int16", [["0", 0], ["1901", 1901], ["2155", 2155]]],
  ["BIT(1)", "Bool", [["b'1'", true], ["b'0'", false]]],
  ["BIT(10)", "Uint64", [["b'1000000001'", 513n], ["0", 0n]]],
  ["BIT(64)", "Uint64", [["18446744073709551615", 2n ** 64n - 1n], ["b'1'", 1n]]],
  ["DECIMAL(10,2)", "Decimal[10e+2]", [["1.005", 101n], ["-99999999.99", -9999999999n], ["0", 0n], [
    "-0.01",
    -1n,
  ]]],
  ["DECIMAL(5,0)", "Decimal[5e0]", [["-99999", -99999n], ["7", 7n]]],
  ["DECIMAL(5,5)", "Decimal[5e+5]", [["0.99999", 99999n], ["-0.00001", -1n]]],
  ["DECIMAL(10,2) UNSIGNED", "Decimal[10e+2]", [["99999999.99", 9999999999n]]],
  ["DECIMAL(8,2) ZEROFILL", "Decimal[8e+2]", [["1.5", 150n]]],
  ["DECIMAL(18,6)", "Decimal[18e+6]", [["123456789012.123456", 123456789012123456n], ["-1", -1000000n]]],
  ["DECIMAL(38,10)", "Decimal[38e+10]", [
    ["9999999999999999999999999999.9999999999", 10n ** 38n - 1n],
    ["-9999999999999999999999999999.9999999999", -(10n ** 38n) + 1n],
    ["-0.0000000001", -1n],
  ]],
  ["DECIMAL(65,30)", "Utf8", [
    [
      "-12345678901234567890123456789012345.123456789012345678901234567890",
      "-12345678901234567890123456789012345.123456789012345678901234567890",
    ],
    ["1", "1.000000000000000000000000000000"],
  ]],
  ["FLOAT", "Float32", [
    ["0.1", Math.fround(0.1)],
    ["16777217", 16777216],
    ["1.17549435e-38", Math.fround(1.17549435e-38)],
    ["3.4028234e38", Math.fround(3.4028234e38)],
    ["-1234567.8", Math.fround(-1234567.8)],
  ]],
  ["FLOAT(10,3)", "Float32", [["1234.567", Math.fround(1234.567)]]],
  ["DOUBLE", "Float64", [
    ["0.1", 0.1],
    ["1.7976931348623157e308", Number.MAX_VALUE],
    ["2.2250738585072014e-308", 2.2250738585072014e-308],
    ["-1e300", -1e300],
    ["9007199254740993", 9007199254740992],
    ["0.30000000000000004", 0.1 + 0.2],
    ["123456.789", 123456.789],
  ]],
  ["DOUBLE(20,4)", "Float64", [["1234567890123.4567", 1234567890123.4567]]],
  ["CHAR(5)", "Utf8", [["'ab'", "ab"], ["'ab  '", "ab"], ["''", ""]]],
  ["VARCHAR(40)", "Utf8", [["'Ünï 😀 漢字'", "Ünï 😀 漢字"], ["'NULL'", "NULL"], ["'a '", "a "], [
    "'\\\\N'",
    "\\N",
  ]]],
  ["LONGTEXT", "Utf8", [["REPEAT('é', 40000)", "é".repeat(40000)], ["CONCAT('a', CHAR(0), 'b')", "a\0b"]]],
  ["ENUM('a', 'B b', '')", "Utf8", [["'B b'", "B b"], ["''", ""], ["1", "a"]]],
  ["SET('x', 'y', 'z')", "Utf8", [["'z,x'", "x,z"], ["''", ""]]],
  ["BINARY(4)", "Binary", [["'ab'", bytes(97, 98, 0, 0)]]],
  ["VARBINARY(5)", "Binary", [["X'00ff41'", bytes(0, 255, 65)], ["''", bytes()]]],
  ["LONGBLOB", "Binary", [["REPEAT(X'fe', 300)", new Uint8Array(300).fill(254)]]],
  ["JSON", "Utf8", [[`'{"b": [1, null, "x"], "a": 1e2}'`, `{"b": [1, null, "x"], "a": 1e2}`]]],
  ["UUID", "FixedSizeBinary[16]", [[
    "'00112233-4455-6677-8899-AABBCCDDEEFF'",
    bytes(0, 17, 34, 51, 68, 85, 102, 119, 136, 153, 170, 187, 204, 221, 238, 255),
  ]]],
  ["INET6", "Utf8", [["'2001:db8::ff'", "2001:db8::ff"], ["'::ffff:192.0.2.1'", "::ffff:192.0.2.1"]]],
  ["INET4", "Utf8", [["'192.0.2.1'", "192.0.2.1"]]],
  ["DATE", "Date32<DAY>", [
    ["'1969-12-31'", -1],
    ["'1970-01-01'", 0],
    ["'2024-02-29'", day("2024-02-29")],
    ["'2000-02-29'", day("2000-02-29")],
    ["'1900-03-01'", day("1900-03-01")],
    ["'0001-01-01'", day("0001-01-01")],
    ["'0000-01-01'", day("+000000-01-01")],
    ["'0000-12-31'", day("+000000-12-31")],
    ["'9999-12-31'", day("9999-12-31")],
  ]],
  ["TIME", "Time64<MICROSECOND>", [["'00:00:00'", 0n], ["'23:59:59'", 86_399_000_000n]]],
  ["TIME(6)", "Time64<MICROSECOND>", [["'23:59:59.999999'", 86_399_999_999n], [
    "'01:00:00.000001'",
    3_600_000_001n,
  ]]],
  ["DATETIME", "Timestamp<MICROSECOND>", [
    ["'1970-01-01 00:00:01'", 1_000_000n],
    ["'9999-12-31 23:59:59'", micros("9999-12-31T23:59:59Z")],
    ["'0001-01-01 00:00:00'", micros("0001-01-01T00:00:00Z")],
  ]],
  ["DATETIME(3)", "Timestamp<MICROSECOND>", [[
    "'2024-02-29 12:34:56.789'",
    micros("2024-02-29T12:34:56.789Z"),
  ]]],
  ["DATETIME(6)", "Timestamp<MICROSECOND>", [
    ["'1969-12-31 23:59:59.999999'", -1n],
    ["'9999-12-31 23:59:59.999999'", micros("9999-12-31T23:59:59Z", 999_999n)],
    ["'0000-01-01 00:00:00.000001'", micros("+000000-01-01T00:00:00Z", 1n)],
  ]],
  ["TIMESTAMP(6) NULL", "Timestamp<MICROSECOND, UTC>", [
    ["'2024-07-01 12:00:00.123456'", micros("2024-07-01T10:00:00Z", 123_456n)],
    ["'1970-01-01 02:00:01'", micros("1970-01-01T01:00:01Z")],
  ]],
  ["POINT", "Utf8", [["ST_GeomFromText('POINT(0.1 -2)')", "POINT(0.1 -2)"]]],
  ["GEOMETRY", "Utf8", [
    ["ST_GeomFromText('LINESTRING(0 0,1 1.5)', 4326)", "SRID=4326;LINESTRING(0 0,1 1.5)"],
    ["ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1))')", "GEOMETRYCOLLECTION(POINT(1 1))"],
  ]],
];

Deno.test("every type comes with every value as it is, by a table and by a query", async (t) => {
  await using database = await server.createDatabase();
  await using shop = await openMysql(database.url);
  for (const [definition, arrow, values] of TYPES) {
    await t.step(definition, async () => {
      await database.run("DROP TABLE IF EXISTS one");
      await database.run(`CREATE TABLE one (place INT PRIMARY KEY, v ${definition})`);
      await database.run(`INSERT INTO one VALUES (0, NULL)`);
      for (const [i, [literal]] of values.entries()) {
        // Summer and winter differ from the zone that values are read in.
        await database.run(`SET time_zone = 'SYSTEM'; SET sql_mode = ''`);
        const zone = definition.startsWith("TIMESTAMP") ? zoneOf(literal) : "+00:00";
        await database.run(`SET time_zone = '${zone}'; INSERT INTO one VALUES (${i + 1}, ${literal})`);
      }
      for (const own of [{ stream: "one" }, { query: "SELECT * FROM one WHERE place >= 0" }]) {
        const batches = await readAll(shop, own);
        const schema = batches[0]?.schema;
        assert.equal(String(schema?.fields[1]?.type), arrow);
        const described = await shop.source.describe(mysqlRequest(own), never());
        assert.deepEqual(String(described.schema), String(schema));
        const found = new Map(rowsOf(batches).map(([place, value]) => [place, value]));
        assert.equal(found.get(0), null);
        for (const [i, [literal, value]] of values.entries()) {
          assert.deepEqual(found.get(i + 1), value, `${definition} ${literal}`);
        }
      }
    });
  }
});

/** The zone that the tests' own literals of TIMESTAMP are in. */
const zoneOf = (literal: string): string => literal.includes("2024-07") ? "+02:00" : "+01:00";

Deno.test("JSON and UUID are named as such", async () => {
  await using database = await server.createDatabase();
  await database.run("CREATE TABLE t (j JSON, u UUID, plain LONGTEXT)");
  await using shop = await openMysql(database.url);
  const { schema } = await shop.source.describe(mysqlRequest({ stream: "t" }), never());
  assert.deepEqual(schema.fields.map(({ metadata }) => metadata.get(EXTENSION_NAME_KEY)), [
    "arrow.json",
    "arrow.uuid",
    undefined,
  ]);
});

Deno.test("text of every character set comes as UTF-8", async (t) => {
  const texts = {
    ascii: "plain ~",
    latin1: "Zürich €",
    latin2: "Łódź",
    cp1251: "Привет",
    koi8r: "Привет",
    greek: "Αθήνα",
    hebrew: "שלום",
    sjis: "日本語ｶﾅ",
    cp932: "日本語①",
    ujis: "日本語",
    eucjpms: "日本語",
    gbk: "汉字",
    gb2312: "汉字",
    big5: "漢字",
    euckr: "한국어",
    utf8mb3: "漢字é",
    utf8mb4: "漢字🦆",
    ucs2: "漢字é",
    utf16: "漢字🦆",
    utf16le: "漢字🦆",
    utf32: "漢字🦆",
  };
  await using database = await server.createDatabase();
  await using shop = await openMysql(database.url);
  for (const [charset, text] of Object.entries(texts)) {
    await t.step(charset, async () => {
      await database.run("DROP TABLE IF EXISTS one");
      await database.run(
        `CREATE TABLE one (v VARCHAR(40) CHARACTER SET ${charset}, c CHAR(9) CHARACTER SET ${charset}, t TEXT CHARACTER SET ${charset})`,
      );
      await database.run("INSERT INTO one VALUES (?, ?, ?)", [text, text, text]);
      assert.deepEqual(rowsOf(await readAll(shop, { stream: "one" })), [[text, text, text]]);
    });
  }
});

Deno.test("a character that Unicode does not have is an error, not a question mark", async () => {
  await using database = await server.createDatabase();
  await database.run(
    "CREATE TABLE t (v VARCHAR(9) CHARACTER SET gbk); INSERT INTO t VALUES ('汉?字'), ('??')",
  );
  await using shop = await openMysql(database.url);
  assert.deepEqual(rowsOf(await readAll(shop, { stream: "t" })), [["汉?字"], ["??"]]);
  await database.run("INSERT INTO t VALUES (_gbk X'61A140')");
  for (const own of [{ stream: "t" }, { query: "SELECT v FROM t" }]) {
    await rejectsRead(database.url, own, /a character that Unicode does not have; read the column as bytes/);
  }
  const asBytes = { query: "SELECT CAST(v AS BINARY) AS v FROM t WHERE v LIKE 'a%'" };
  assert.deepEqual(rowsOf(await readAll(shop, asBytes)), [[bytes(0x61, 0xa1, 0x40)]]);
});

Deno.test("a float's every value comes exactly, as a table shows it with six digits", async () => {
  await using database = await server.createDatabase();
  await database.run("CREATE TABLE t (id INT PRIMARY KEY, f FLOAT)");
  const random = Float32Array.from(
    { length: 2000 },
    (_, i) => (i % 2 === 0 ? 1 : -1) * Math.exp((i - 1000) / 12) * 1.1,
  );
  const values = random.map((f, i) => Number.isFinite(f) ? f : i);
  const rows = Array.from(values, (f, i) => `(${i}, ${f}e0)`.replace(/e([-+]\d+)e0/, "e$1"));
  await database.run(`INSERT INTO t VALUES ${rows.join(", ")}`);
  await using shop = await openMysql(database.url);
  const found = rowsOf(await readAll(shop, { query: "SELECT f FROM t ORDER BY id" })).map(([f]) => f);
  assert.deepEqual(found, Array.from(values));
});

async function rejectsRead(url: string, own: Own, message: RegExp): Promise<void> {
  await using shop = await openMysql(url);
  await assert.rejects(readAll(shop, own), (error) => {
    assert(error instanceof AppError);
    assert.equal(error.code, "invalid", error.message);
    assert.match(error.message, message);
    return true;
  });
}

const NO_DATES = ["0000-00-00", "2024-00-15", "2024-05-00", "2024-02-30", "2023-02-29"];

Deno.test("a date that is in no calendar is an error that names column and row, NULL, or text", async (t) => {
  await using database = await server.createDatabase();
  for (
    const [type, tail] of [["DATE", ""], ["DATETIME", " 00:00:00"], [
      "DATETIME(6)",
      " 00:00:00.000000",
    ]] as const
  ) {
    for (const none of NO_DATES) {
      await t.step(`${type} ${none}`, async () => {
        await database.run(`DROP TABLE IF EXISTS t; CREATE TABLE t (id INT PRIMARY KEY, d ${type}, n INT)`);
        await database.run(
          `SET sql_mode = 'ALLOW_INVALID_DATES'; INSERT INTO t VALUES (1, '2024-01-02', 5), (2, '${none}', 6)`,
        );
        await rejectsRead(
          database.url,
          { stream: "t" },
          new RegExp(
            `Cannot read t from shop row 2: column "d" is "${none}${tail}", a date that is in no calendar.*zero_dates`,
          ),
        );
        await using shop = await openMysql(database.url);
        const asNull = rowsOf(await readAll(shop, { stream: "t", options: { zero_dates: "null" } }));
        assert.deepEqual(asNull.map(([, d, n]) => [d === null, n]), [[false, 5], [true, 6]]);
        assert.deepEqual(rowsOf(await readAll(shop, { stream: "t", options: { zero_dates: "text" } })), [
          [1, `2024-01-02${tail}`, 5],
          [2, `${none}${tail}`, 6],
        ]);
      });
    }
  }
  await database.run(
    "SET sql_mode = ''; CREATE TABLE ts (v TIMESTAMP NOT NULL DEFAULT 0); INSERT INTO ts VALUES (0)",
  );
  await rejectsRead(database.url, { stream: "ts" }, /"0000-00-00 00:00:00", a date that is in no calendar/);
});

Deno.test("a TIME that is no time of a day is an error that names column and row, or text", async () => {
  await using database = await server.createDatabase();
  for (const beyond of ["-00:00:01", "24:00:00", "838:59:59", "-838:59:59", "100:00:00"]) {
    await database.run(
      `DROP TABLE IF EXISTS t; CREATE TABLE t (v TIME); INSERT INTO t VALUES ('12:00:00'), ('${beyond}')`,
    );
    await rejectsRead(
      database.url,
      { stream: "t" },
      new RegExp(`row 2: column "v" is "${beyond}".*text_columns`),
    );
    await using shop = await openMysql(database.url);
    assert.deepEqual(rowsOf(await readAll(shop, { stream: "t", options: { text_columns: ["v"] } })), [
      ["12:00:00"],
      [beyond],
    ]);
  }
});

Deno.test("text_columns reads a column as the server's own text", async () => {
  await using database = await server.createDatabase();
  await database.run("CREATE TABLE t (z INT(5) ZEROFILL, d DECIMAL(9,3), b BIT(9), y YEAR, bin BLOB)");
  await database.run("INSERT INTO t VALUES (42, 1.5, 257, 1999, 'x')");
  await using shop = await openMysql(database.url);
  const own = { query: "SELECT z, d, b, y FROM t", options: { text_columns: ["z", "d", "b", "y"] } };
  assert.deepEqual(rowsOf(await readAll(shop, own)), [["00042", "1.500", "257", "1999"]]);
  await rejectsRead(
    database.url,
    { stream: "t", options: { text_columns: ["q"] } },
    /names "q", which is no column/,
  );
  await rejectsRead(
    database.url,
    { stream: "t", options: { text_columns: ["bin"] } },
    /"bin", which is bytes/,
  );
});

Deno.test("results of expressions have the types that the server gives them", async () => {
  await using shop = await openMysql(server.url);
  const query = `SELECT NULL AS n, 1.50 AS d, 1e0 AS f, 'x' AS s, X'4142' AS b, 5 = 5 AS q, COUNT(*) AS c,
    SUM(seq) AS total, AVG(seq) AS mean, CAST(18446744073709551615 AS UNSIGNED) AS u, DATE '2024-02-29' AS day,
    JSON_OBJECT('a', 1) AS j, CAST('12:00' AS TIME) AS t, 9223372036854775807 AS big
    FROM seq_1_to_4`;
  const batches = await readAll(shop, { query });
  assert.deepEqual(batches[0]?.schema.fields.map(({ type }) => String(type)), [
    "Utf8",
    "Decimal[3e+2]",
    "Float64",
    "Utf8",
    "Binary",
    "Int32",
    "Int64",
    // DECIMAL(41,0), more than 38 digits.
    "Utf8",
    "Decimal[24e+4]",
    "Uint64",
    "Date32<DAY>",
    "Utf8",
    "Time64<MICROSECOND>",
    "Int64",
  ]);
  assert.deepEqual(rowsOf(batches), [[
    null,
    150n,
    1,
    "x",
    bytes(65, 66),
    1,
    4n,
    "10",
    25000n,
    2n ** 64n - 1n,
    day("2024-02-29"),
    `{"a": 1}`,
    43_200_000_000n,
    2n ** 63n - 1n,
  ]]);
});
