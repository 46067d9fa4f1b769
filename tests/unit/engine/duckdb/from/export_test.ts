import { type RecordBatch, Table, tableFromIPC, tableToIPC } from "apache-arrow";
import assert from "node:assert/strict";
import { MAX_BATCH_ROWS } from "../../../../../contract/arrow.ts";
import { AppError } from "../../../../../contract/errors.ts";
import { SqlError } from "../../../../../contract/sql.ts";
import { exportRows } from "../../../../../engine/duckdb/from/export.ts";
import { createTable, ingest } from "../../../../../engine/duckdb/into/ingest.ts";
import { type ArrowValue, columnValues } from "../arrow_values.ts";
import { exportAll, streamOf, STRING_WAYS, withSession } from "../fixtures.ts";

const MAX_LONG = 2n ** 63n - 1n;

/** DuckDB literal → Arrow type and value, by the table of contract/arrow.ts. */
const LITERALS: readonly (readonly [sql: string, arrow: string, value: ArrowValue])[] = [
  ["true", "Bool", true],
  ["(-128)::TINYINT", "Int8", -128],
  ["9223372036854775807", "Int64", MAX_LONG],
  ["18446744073709551615::UBIGINT", "Uint64", 2n ** 64n - 1n],
  ["(-2)::HUGEINT", "FixedSizeBinary[16]", new Uint8Array([0xfe, ...Array<number>(15).fill(0xff)])],
  ["1::UHUGEINT", "FixedSizeBinary[16]", new Uint8Array([1, ...Array<number>(15).fill(0)])],
  ["12.34::DECIMAL(4,2)", "Decimal[4e+2]", 1_234n],
  ["(-12.345)::DECIMAL(9,3)", "Decimal[9e+3]", -12_345n],
  ["(-0.01)::DECIMAL(18,2)", "Decimal[18e+2]", -1n],
  ["99999999999999999999999999999999999999::DECIMAL(38,0)", "Decimal[38e0]", 10n ** 38n - 1n],
  ["'é\u{1f600}'", "Utf8", "é\u{1f600}"],
  ["'[1, null]'::JSON", "Utf8", "[1, null]"],
  ["'\\x00\\xFF'::BLOB", "Binary", new Uint8Array([0, 255])],
  [
    "'00112233-4455-6677-8899-aabbccddeeff'::UUID",
    "FixedSizeBinary[16]",
    Uint8Array.from({ length: 16 }, (_, i) => i * 17),
  ],
  ["DATE '1969-12-31'", "Date32<DAY>", -1],
  ["'infinity'::DATE", "Date32<DAY>", 2_147_483_647],
  ["'-infinity'::DATE", "Date32<DAY>", -2_147_483_647],
  ["TIME '00:00:01.000002'", "Time64<MICROSECOND>", 1_000_002n],
  ["'00:00:01.000000003'::TIME_NS", "Time64<NANOSECOND>", 1_000_000_003n],
  ["'1969-12-31 23:59:59'::TIMESTAMP_S", "Timestamp<SECOND>", -1n],
  ["'1970-01-01 00:00:00.001'::TIMESTAMP_MS", "Timestamp<MILLISECOND>", 1n],
  ["TIMESTAMP '1969-12-31 23:59:59.999999'", "Timestamp<MICROSECOND>", -1n],
  ["'infinity'::TIMESTAMP", "Timestamp<MICROSECOND>", MAX_LONG],
  ["'-infinity'::TIMESTAMP", "Timestamp<MICROSECOND>", -MAX_LONG],
  ["'1970-01-01 00:00:00.000000001'::TIMESTAMP_NS", "Timestamp<NANOSECOND>", 1n],
  ["TIMESTAMPTZ '1970-01-01 02:00:00+02'", "Timestamp<MICROSECOND, UTC>", 0n],
  ["INTERVAL '2 months -3 days 4 microseconds'", "Interval<MONTH_DAY_NANO>", [2, -3, 4_000n]],
  ["'b'::ENUM('a', 'b')", "Dictionary<Uint8, Utf8>", "b"],
  ["[1, NULL, 3]", "List<Int32>", [1, null, 3]],
  ["[[1, 2], NULL]::INTEGER[2][]", "List<FixedSizeList[2]<Int32>>", [[1, 2], null]],
  ["{'a': 1, 'b c': NULL::VARCHAR}", "Struct<{a:Int32, b c:Utf8}>", [1, null]],
  ["MAP {'k': [1], 'l': NULL}", "Map<{key:Utf8, value:List<Int32>}>", [["k", [1]], ["l", null]]],
  ["'0101'::BIT", "Utf8", "0101"],
  ["TIMETZ '12:00:00+02'", "Utf8", "12:00:00+02"],
  ["union_value(a := 1)", "Utf8", "1"],
  [
    "'123456789012345678901234567890123456789012'::BIGNUM",
    "Utf8",
    "123456789012345678901234567890123456789012",
  ],
  ["[{'b': '01'::BIT}]", "List<Struct<{b:Utf8}>>", [["01"]]],
];

for (const stringWay of STRING_WAYS) {
  Deno.test(`exportRows() gives DuckDB's literals as the contract says, with strings in ${stringWay}`, async () => {
    await withSession(async (session) => {
      for (const [sql, arrow, value] of LITERALS) {
        const batches = await exportAll(session, `SELECT ${sql} AS v UNION ALL SELECT NULL -- end`, {
          stringWay,
        });
        assert.deepEqual(columnValues(batches, 0), [value, null], sql);
        assert.equal(String(batches[0]?.schema.fields[0]?.type), arrow, sql);
      }
    });
  });
}

/** Every type with NULLs in other places of each chunk of 2,048 rows. */
const WIDE = `SELECT i, i % 3 = 0 AS b,
  CASE WHEN i % 7 > 0 THEN i::DECIMAL(4,0) / 1 END AS f,
  CASE WHEN i // 2048 % 2 = 0 OR i % 5 > 0 THEN (i % 100)::DECIMAL(4,2) END AS d4,
  (-i)::DECIMAL(9,2) AS d9, (i * 1000)::DECIMAL(18,1) AS d18, (i::HUGEINT * 1e18::HUGEINT)::DECIMAL(38,3) AS d38,
  CASE WHEN i % 11 > 0 THEN repeat('x', (i % 30)::INTEGER) END AS s,
  CASE WHEN i // 2048 = 1 THEN NULL ELSE repeat('long é ', (i % 9)::INTEGER) || i END AS l,
  encode('é' || i) AS bl, md5(i::VARCHAR)::UUID AS u, i::HUGEINT * -3 AS h,
  CASE WHEN i % 4 > 0 THEN [i, NULL, i + 1][:(i % 4)::INTEGER] END AS li,
  CASE WHEN i % 3 > 0 THEN {'x': i, 'y': ['q' || i, NULL]} END AS st,
  MAP {'k' || i: i, 'other long key ' || i: NULL} AS m,
  CASE WHEN i % 2 > 0 THEN [[1, i]::BIGINT[2], NULL]::BIGINT[2][] END AS ar,
  TIMESTAMP '1969-01-01' + to_hours(i) AS ts, TIMESTAMPTZ '1969-01-01 00:00:00Z' + to_hours(i) AS tz,
  DATE '1900-01-01' + i::INTEGER AS dt, to_microseconds(i) AS iv, NULL::INTEGER AS nn,
  ('{"a":' || i || '}')::JSON AS js
FROM range(10_000) t(i)`;

for (const stringWay of STRING_WAYS) {
  Deno.test(`exportRows() and ingest() keep 10,000 rows of every type equal in DuckDB, with strings in ${stringWay}`, async () => {
    await withSession(async (session) => {
      await session.run(`CREATE TABLE a AS ${WIDE}`);
      await using reader = await session.fork();
      const { schema, batches } = await exportRows(reader, "FROM a WHERE i % 13 <> 5", {
        stringWay,
        batchRows: 3_001,
      });
      await createTable(session, { schema: "main", name: "b" }, schema);
      await session.transaction(() => ingest(session, { schema: "main", name: "b" }, batches, { stringWay }));
      const [difference] = await session.rows(`SELECT
        (SELECT count(*) FROM (FROM a WHERE i % 13 <> 5 EXCEPT ALL FROM b)) AS lost,
        (SELECT count(*) FROM (FROM b EXCEPT ALL FROM a)) AS made, (SELECT count(*) FROM b) > 9_000 AS many`);
      assert.deepEqual(difference, { lost: 0, made: 0, many: true });
    });
  });
}

Deno.test("exportRows() reads lists that overlap and lie in any order", async () => {
  await withSession(async (session) => {
    await session.run("CREATE TABLE t AS SELECT i, [i, i + 1] AS l FROM range(5_000) t(i)");
    const sql =
      `SELECT list_reverse(list_sort(l)) AS r, first(l) OVER (ORDER BY i DESC) AS f, [l, l, NULL] AS n
      FROM t ORDER BY hash(i)`;
    const batches = await exportAll(session, sql);
    const rows = await session.rows(`SELECT sum(r[1] * 3 + f[2] + n[2][1]) AS s FROM (${sql})`);
    let sum = 0n;
    const [r = [], f = [], n = []] = [0, 1, 2].map((column) => columnValues(batches, column));
    r.forEach((list, i) => {
      const [first, , nested] = [list, f[i], n[i]];
      assert.ok(
        Array.isArray(first) && Array.isArray(f[i]) && Array.isArray(nested) && Array.isArray(nested[1]),
      );
      sum += BigInt(String(first[0])) * 3n + BigInt(String(f[i][1])) + BigInt(String(nested[1][0]));
    });
    assert.equal(Number(sum), Number(rows[0]?.s));
  });
});

Deno.test("exportRows() gives batches that Arrow's IPC stream carries", async () => {
  await withSession(async (session) => {
    const batches = await exportAll(
      session,
      `SELECT * EXCLUDE (nn), 'x'::ENUM('x', 'y') AS e FROM (${WIDE})`,
    );
    const table = new Table(batches);
    const read = tableFromIPC(tableToIPC(table, "stream"));
    assert.equal(read.numRows, 10_000);
    assert.equal(String(read.get(9_999)), String(table.get(9_999)));
  });
});

Deno.test("exportRows() ends a batch at its rows or its bytes", async () => {
  await withSession(async (session) => {
    const sizes = (batches: RecordBatch[]) => batches.map(({ numRows }) => numRows);
    assert.deepEqual(sizes(await exportAll(session, "FROM range(10)", { batchRows: 4 })), [4, 4, 2]);
    assert.deepEqual(sizes(await exportAll(session, `FROM range(${MAX_BATCH_ROWS + 1})`)), [
      MAX_BATCH_ROWS,
      1,
    ]);
    assert.deepEqual(await exportAll(session, "FROM range(0)"), []);
    const big = await exportAll(session, "SELECT [repeat('é', 3_000_000)] AS v FROM range(30)");
    assert.ok(big.length > 2 && big.every(({ data }) => data.byteLength < 2 ** 26), "batches of 32 MB about");
    assert.equal(new Set(columnValues(big, 0).map(String)).size, 1);
  });
});

Deno.test("exportRows() refuses statements on its session until the rows are read or left", async () => {
  await withSession(async (session) => {
    await using fork = await session.fork();
    const { batches } = await exportRows(session, "FROM range(1_000_000)");
    assert.deepEqual(await session.rows("SELECT 1 AS a"), [{ a: 1 }]);
    for await (const _batch of batches) {
      await assert.rejects(session.run("SELECT 1"), { code: "conflict" });
      assert.deepEqual(await fork.rows("SELECT 1 AS a"), [{ a: 1 }]);
      break;
    }
    assert.deepEqual(await session.rows("SELECT 2 AS a"), [{ a: 2 }]);
  });
});

Deno.test("exportRows() reads what its transaction has not committed, and leaves it usable", async () => {
  await withSession(async (session) => {
    await session.transaction(async () => {
      await session.run("CREATE TABLE t AS FROM range(1_000_000) r(a)");
      for await (const batch of (await exportRows(session, "FROM t")).batches) {
        assert.equal(batch.numRows, MAX_BATCH_ROWS);
        break;
      }
      await session.run("DELETE FROM t WHERE a > 2");
    });
    assert.equal((await exportAll(session, "FROM t"))[0]?.numRows, 3);
  });
});

Deno.test("exportRows() ends with cancelled when its signal is aborted", async () => {
  await withSession(async (session) => {
    const controller = new AbortController();
    const { batches } = await exportRows(
      session,
      "SELECT a FROM range(1_000_000_000) t(a) WHERE hash(a) % 1000 = 0",
      {
        signal: controller.signal,
        batchRows: 2_048,
      },
    );
    await assert.rejects(async () => {
      for await (const _batch of batches) controller.abort();
    }, { code: "cancelled" });
    assert.deepEqual(await session.rows("SELECT 1 AS a"), [{ a: 1 }]);
  });
});

Deno.test("exportRows() reports a fault in the middle of the rows, and the session goes on", async () => {
  await withSession(async (session) => {
    const sql = "SELECT CASE WHEN a = 500_000 THEN 'é' ELSE '1' END::INTEGER AS v FROM range(600_000) t(a)";
    await assert.rejects(exportAll(session, sql), (error) => {
      assert.ok(error instanceof SqlError);
      assert.deepEqual([error.code, error.type], ["invalid", "Conversion"]);
      assert.match(error.message, /Could not convert string 'é' to INT32/);
      assert.equal(error.position, sql.indexOf("::"));
      return true;
    });
    await assert.rejects(session.transaction(() => exportAll(session, sql)), { code: "internal" });
    await assert.rejects(exportAll(session, "SELECT to_microseconds(9223372036854775807) AS v"), (error) => {
      assert.ok(error instanceof AppError && error.code === "invalid");
      assert.match(error.message, /column "v".*INTERVAL/);
      return true;
    });
    assert.deepEqual(await session.rows("SELECT 1 AS a"), [{ a: 1 }]);
  });
});

Deno.test("exportRows() refuses two columns of one name, and more than one statement", async () => {
  await withSession(async (session) => {
    await assert.rejects(exportRows(session, "SELECT 1 AS a, 2 AS a"), {
      code: "invalid",
      message: /two columns "a"/,
    });
    await assert.rejects(exportRows(session, "SELECT 1 AS a; SELECT 2 AS a"), { code: "invalid" });
    await assert.rejects(exportRows(session, "FROM nowhere"), { code: "invalid", message: /nowhere/ });
  });
});

Deno.test("exportRows() keeps a string of several megabytes and a table of short ones apart", async () => {
  await withSession(async (session) => {
    const sql =
      "SELECT CASE i WHEN 2_500 THEN repeat('ab', 3_000_000) ELSE 'r' || i END AS v FROM range(5_000) t(i)";
    const batches = await exportAll(session, sql);
    await createTable(session, { schema: "main", name: "t" }, batches[0]?.schema ?? assert.fail("no batch"));
    await ingest(session, { schema: "main", name: "t" }, streamOf(...batches));
    const [row] = await session.rows(
      "SELECT count(*) AS n, max(length(v)) AS longest, count(DISTINCT v) AS d FROM t",
    );
    assert.deepEqual(row, { n: 5_000, longest: 6_000_000, d: 5_000 });
  });
});

Deno.test("exportRows() gives strings that lie in any order, repeated, between NULLs and at any length", async () => {
  await withSession(async (session) => {
    // A dictionary's strings come in the order of the rows, not of the memory; lengths around a cell's and a copy's.
    await session.run(
      `CREATE TABLE t AS SELECT i AS n,
         CASE WHEN i % 5 = 0 THEN NULL ELSE repeat(chr(97 + (i * 7919 % 26)::INTEGER), (i * 31 % 83)::INTEGER) END AS s
       FROM range(20000) AS r(i);
       CREATE TABLE words AS SELECT i AS k, 'a word of the dictionary, number ' || i AS word FROM range(3000) AS r(i)`,
    );
    const sql = `SELECT s, word FROM t JOIN words ON k = n * 7919 % 3000 ORDER BY hash(n)`;
    const expected = await session.rows(sql);
    const batches = await exportAll(session, sql, { batchRows: 1_000 });
    assert.deepEqual(columnValues(batches, 0), expected.map((row) => row["s"]));
    assert.deepEqual(columnValues(batches, 1), expected.map((row) => row["word"]));
  });
});

Deno.test("exportRows() gives strings that are too many bytes in a chunk to be gathered", async () => {
  await withSession(async (session) => {
    const sql = "SELECT repeat(i::VARCHAR, 8000) AS s FROM range(1000, 2000) AS r(i)";
    const batches = await exportAll(session, sql);
    const found = columnValues(batches, 0);
    assert.equal(found.length, 1_000);
    found.forEach((text, i) => assert.equal(text, String(1_000 + i).repeat(8_000)));
  });
});
