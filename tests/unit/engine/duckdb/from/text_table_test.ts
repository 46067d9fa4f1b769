import { deepEqual, equal } from "node:assert/strict";
import { openDatabase } from "../../../../../engine/duckdb/database.ts";
import type { DuckSession } from "../../../../../engine/duckdb/session.ts";

const LIMITS = { cells: 10_000, bytes: 100_000 };

async function withSession(work: (session: DuckSession) => Promise<void>): Promise<void> {
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [] });
  await using session = await database.session();
  await work(session);
}

const VALUES: Readonly<Record<string, readonly string[]>> = {
  "BOOLEAN": ["true", "false"],
  "TINYINT": ["-128", "127"],
  "UTINYINT": ["255"],
  "SMALLINT": ["-32768"],
  "USMALLINT": ["65535"],
  "INTEGER": ["-2147483648", "2147483647"],
  "UINTEGER": ["4294967295"],
  "BIGINT": ["-9223372036854775808", "9223372036854775807"],
  "UBIGINT": ["18446744073709551615"],
  "HUGEINT": ["'-170141183460469231731687303715884105728'", "170141183460469231731687303715884105727"],
  "UHUGEINT": ["'340282366920938463463374607431768211455'"],
  "DECIMAL(4,1)": ["-0.1", "999.9"],
  "DECIMAL(9,0)": ["123456789"],
  "DECIMAL(18,2)": ["0", "-0.05", "1234567890123456.78"],
  "DECIMAL(38,10)": ["'-1234567890123456789012345678.0000000001'"],
  "DOUBLE": [
    "0",
    "'-0.0'",
    "'nan'",
    "'inf'",
    "'-inf'",
    "0.1",
    "1e15",
    "1e16",
    "1e22",
    "1e-5",
    "5e-324",
    "1e308",
  ],
  "FLOAT": ["0", "'-0.0'", "'nan'", "'inf'", "0.1", "16777216", "1e20", "1e-10", "3.4e38"],
  "VARCHAR": ["''", "'a'", "'thirteen bytes'", "'ä😀'", "'a' || chr(0) || 'b'", "repeat('x', 1000)"],
  "JSON": ["'{\"a\": 1}'"],
  "ENUM('a', 'longer than twelve')": ["'a'", "'longer than twelve'"],
  "UUID": ["'80000000-0000-0000-0000-000000000000'", "'00000000-0000-0000-0000-000000000001'"],
  "DATE": ["'1970-01-01'", "'0001-01-01'", "'0044-03-15 (BC)'", "'12345-01-01'", "'infinity'", "'-infinity'"],
  "TIME": ["'00:00:00'", "'23:59:59.999999'", "'24:00:00'"],
  "TIMETZ": ["'00:00:00+00'", "'12:34:56.7+05:30'", "'01:00:00-15:59:59'"],
  "TIMESTAMP": ["'1970-01-01'", "'2026-01-01 10:00:00.000001'", "'0044-03-15 (BC) 01:02:03'", "'infinity'"],
  "TIMESTAMP_S": ["'1970-01-01 00:00:01'"],
  "TIMESTAMP_MS": ["'1970-01-01 00:00:00.001'"],
  "TIMESTAMP_NS": ["'1970-01-01 00:00:00.000000001'", "'2026-01-01'"],
  "TIMESTAMPTZ": ["'2026-01-01 00:00:00+01'", "'0044-03-15 (BC) 01:02:03+00'", "'infinity'", "'-infinity'"],
  "INTERVAL": ["'0 days'", "'1 month'", "'-1 month 3 days'", "'25 hours 0.000001 seconds'", "'14 months'"],
};

Deno.test("texts() gives each value as DuckDB casts it", async () => {
  await withSession(async (session) => {
    for (const [type, values] of Object.entries(VALUES)) {
      const cells = [...values, "NULL"].map((value) => `(CAST(${value} AS ${type}))`).join(", ");
      const from = `FROM (VALUES ${cells}) AS t(v)`;
      const { columns, rows } = await session.texts(`SELECT v ${from}`, LIMITS);
      const cast = await session.rows(`SELECT CAST(v AS VARCHAR) AS v, typeof(v) AS type ${from}`);
      deepEqual(rows, cast.map(({ v }) => [v]), type);
      equal(rows?.length, values.length + 1);
      if (!type.startsWith("ENUM")) equal(columns[0]?.type, cast[0]?.["type"], type);
    }
  });
});

Deno.test("texts() gives columns alone where values are nested, bytes, too many or too long", async () => {
  await withSession(async (session) => {
    for (
      const value of ["[1]", "{'a': 1}", "MAP {'a': 1}", "'a'::BLOB", "'01'::BIT", "[1]::INTEGER[1]"]
    ) {
      const { columns, rows } = await session.texts(`SELECT 1 AS id, ${value} AS v`, LIMITS);
      deepEqual([columns.length, rows], [2, undefined], value);
    }
    const pairs = "SELECT i, 'é' AS e FROM range(50) AS r(i)";
    equal((await session.texts(pairs, { cells: 100, bytes: 100 })).rows?.length, 50);
    equal((await session.texts(pairs, { cells: 99, bytes: 100 })).rows, undefined);
    equal((await session.texts(pairs, { cells: 100, bytes: 99 })).rows, undefined);
    deepEqual((await session.texts(`${pairs} WHERE false`, LIMITS)).rows, []);
  });
});
