import { equal, notEqual } from "node:assert/strict";
import fc from "fast-check";
import { openDatabase } from "../../../../../engine/duckdb/database.ts";
import type { DuckSession } from "../../../../../engine/duckdb/session.ts";
import { MAX_HASHED_VALUES, tableFacts } from "../../../../../engine/warehouse/models/table_facts.ts";

async function withSession(work: (session: DuckSession) => Promise<void>, threads = 2): Promise<void> {
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [], threads });
  await using session = await database.session();
  await work(session);
}

async function hashOf(session: DuckSession, query: string): Promise<string> {
  await session.run(`CREATE OR REPLACE TEMP TABLE "a ""t" AS ${query}`);
  const facts = await tableFacts(session, { relation: '"a ""t"', table: "main.t" });
  return facts?.hash ?? "none";
}

/** Values of one type, no two of which are the same. */
const DIFFERENT: Readonly<Record<string, readonly string[]>> = {
  "VARCHAR": ["NULL", "''", "' '", "'NULL'", "'a'", "'A'", "'ä'", "chr(0)", "'a' || chr(0)"],
  "INTEGER": ["NULL", "0", "1", "-1", "2147483647"],
  "HUGEINT": ["NULL", "0", "18446744073709551616", "-1", "1", "18446744073709551617"],
  "DECIMAL(18,2)": ["NULL", "0", "0.01", "1", "10", "-0.01"],
  "DECIMAL(38,10)": ["NULL", "0", "0.0000000001", "-0.0000000001", "1234567890123456789.5"],
  "DOUBLE": ["NULL", "0.0", "'-0.0'", "'nan'", "'inf'", "'-inf'", "1e-308", "5e-324", "0.1"],
  "FLOAT": ["NULL", "0.0", "'-0.0'", "'nan'", "'inf'", "0.1"],
  "BOOLEAN": ["NULL", "true", "false"],
  "BLOB": ["NULL", "''", String.raw`'\x00'`, String.raw`'\x00\x00'`, "'a'"],
  "BIT": ["NULL", "'0'", "'00'", "'1'", "'01'"],
  "UUID": [
    "NULL",
    "'80000000-0000-0000-0000-000000000000'",
    "'80000000-0000-0001-0000-000000000001'",
    "'00000000-0000-0000-0000-000000000000'",
    "'00000000-0000-0000-0000-000000000001'",
  ],
  "DATE": ["NULL", "'1970-01-01'", "'2026-01-01'", "'infinity'", "'-infinity'"],
  "TIME": ["NULL", "'00:00:00'", "'00:00:00.000001'"],
  "TIMETZ": ["NULL", "'00:00:00+00'", "'01:00:00+01'", "'00:00:00+01'"],
  "TIMESTAMP": ["NULL", "'1970-01-01 00:00:00'", "'1970-01-01 00:00:00.000001'", "'infinity'"],
  "TIMESTAMP_NS": ["NULL", "'1970-01-01 00:00:00'", "'1970-01-01 00:00:00.000000001'"],
  "TIMESTAMPTZ": ["NULL", "'2026-01-01 00:00:00+00'", "'2026-01-01 00:00:00+01'"],
  "INTERVAL": ["NULL", "'0 days'", "'1 month'", "'30 days'", "'720 hours'", "'1 day'", "'24 hours'"],
  "ENUM('a', 'b')": ["NULL", "'a'", "'b'"],
  "JSON": ["NULL", "'null'", "'{}'", "'[]'", "'{\"a\": 1}'", "'{\"a\":1}'"],
  "INTEGER[]": ["NULL", "[]", "[NULL]", "[NULL, NULL]", "[1]", "[1, 2]", "[2, 1]", "[1, NULL]"],
  "VARCHAR[]": [
    "NULL",
    "[]",
    "[NULL]",
    "['NULL']",
    "['']",
    "['a, b']",
    "['a', 'b']",
    "['a]', '[b']",
    "['a'', ''b']",
  ],
  "INTEGER[][]": [
    "NULL",
    "[[1, 2]]",
    "[[1], [2]]",
    "[[1, 2], []]",
    "[[1], [2], []]",
    "[[], [1, 2]]",
    "[NULL]",
    "[[]]",
  ],
  "DOUBLE[]": ["NULL", "[0.0]", "['-0.0'::DOUBLE]", "['nan'::DOUBLE]"],
  "INTEGER[2]": ["NULL", "[1, 2]", "[2, 1]", "[NULL, 1]"],
  "STRUCT(a INTEGER, b VARCHAR)": [
    "NULL",
    "{'a': NULL, 'b': NULL}",
    "{'a': 1, 'b': NULL}",
    "{'a': NULL, 'b': '1'}",
    "{'a': 1, 'b': 'NULL'}",
    "{'a': 1, 'b': ''}",
  ],
  "MAP(VARCHAR, INTEGER)": [
    "NULL",
    "MAP {}",
    "MAP {'a': 1}",
    "MAP {'a': NULL}",
    "MAP {'a=1': 2}",
    "MAP {'a': 1, 'b': 2}",
  ],
  "UNION(a INTEGER, b INTEGER)": [
    "NULL",
    "union_value(a := 1)",
    "union_value(b := 1)",
    "union_value(a := 2)",
  ],
};

for (const [type, values] of Object.entries(DIFFERENT)) {
  Deno.test(`a hash tells values of ${type} apart, in a table of one row, of many, and beside others`, async () => {
    await withSession(async (session) => {
      const cells = values.map((value) => `CAST(${value} AS ${type})`);
      const alone = new Map<string, string>();
      for (const cell of cells) {
        const queries = [
          `SELECT ${cell} AS v`,
          `SELECT 1 AS id, ${cell} AS v, 'x' AS w`,
          `SELECT ${cell} AS v FROM range(60)`,
        ];
        for (const query of queries) {
          const hash = await hashOf(session, query);
          equal(alone.get(hash), undefined, `${query} is like ${alone.get(hash)}`);
          alone.set(hash, query);
        }
      }
    });
  });
}

Deno.test("a hash is that of the rows, whatever their order, and of how often each is there", async () => {
  const cell = fc.oneof(
    fc.constant("NULL"),
    fc.integer({ min: -3, max: 3 }).map(String),
  );
  const row = fc.tuple(cell, cell).map(([one, other]) => `(${one}, ${other})`);
  const table = fc.array(row, { minLength: 1, maxLength: 6 });
  const queryOf = (rows: readonly string[]) =>
    `SELECT a::INTEGER AS a, b::INTEGER AS b FROM (VALUES ${rows.join(", ")}) AS t(a, b)`;
  await withSession(async (session) => {
    await fc.assert(
      fc.asyncProperty(table, table, async (one, other) => {
        const hash = await hashOf(session, queryOf(one));
        equal(await hashOf(session, queryOf(one.toReversed())), hash);
        const isSame = one.toSorted().join() === other.toSorted().join();
        equal(await hashOf(session, queryOf(other)) === hash, isSame);
        notEqual(await hashOf(session, queryOf([...one, ...other, ...other])), hash);
      }),
      { numRuns: 60 },
    );
  });
});

Deno.test("a hash is the same with one thread and with several, and in another process's order", async () => {
  const hashes = new Set<string>();
  for (const [threads, order] of [[1, "i"], [2, "i DESC"], [8, "hash(i)"]] as const) {
    await withSession(async (session) => {
      hashes.add(
        await hashOf(
          session,
          `SELECT i, i / 7 AS d, [i, NULL] AS l, 'x' || i AS v FROM range(300000) AS r(i) ORDER BY ${order}`,
        ),
      );
    }, threads);
  }
  equal(hashes.size, 1);
});

Deno.test("a hash tells names and types of columns apart, and tables without rows by them", async () => {
  await withSession(async (session) => {
    const queries = ["1 AS a", "1 AS b", "1::BIGINT AS a", "'1' AS a", "1 AS a, NULL AS b"].flatMap((
      columns,
    ) => [
      `SELECT ${columns}`,
      `SELECT ${columns} WHERE false`,
    ]);
    const hashes = new Set<string>();
    for (const query of queries) hashes.add(await hashOf(session, query));
    equal(hashes.size, queries.length);
  });
});

Deno.test("a table that is not there has no facts, and one with very many values no hash", async () => {
  await withSession(async (session) => {
    equal(await tableFacts(session, { relation: "main.nothing", table: "main.nothing" }), undefined);
    await session.run(`CREATE VIEW huge AS SELECT 1 AS a FROM range(${MAX_HASHED_VALUES + 1})`);
    const facts = await tableFacts(session, { relation: "huge", table: "main.huge" });
    equal(facts?.hash, null);
    equal(facts?.rows, MAX_HASHED_VALUES + 1);
    equal(facts?.left_out, "it has more than 100 million values");
  });
});
