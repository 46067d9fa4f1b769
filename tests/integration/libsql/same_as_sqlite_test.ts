import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { type RecordBatch, Table, tableToIPC } from "apache-arrow";
import { sqlite } from "../../../connectors/sqlite/connector.ts";
import type { Connection } from "../../../contract/connector/connector.ts";
import { AppError } from "../../../contract/errors.ts";
import { CONTRACT_TYPES, HOSTILE_NAMES } from "../../conformance/fixture.ts";
import { connectorContext } from "../../support/connections.ts";
import { makeSqlite } from "../../support/sqlite_file.ts";
import { type SqldServer, startSqld } from "../../support/sqld.ts";
import { connect, load, read } from "./bench.ts";

/** A table in a file and the same table behind a server are one to a pipeline. */

interface Pair {
  readonly server: SqldServer;
  readonly path: string;
  readonly file: Connection;
  readonly remote: Connection;
}

async function withPair(work: (pair: Pair) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-same-" });
  try {
    await using server = await startSqld();
    await using file: Connection = await sqlite.open({ path: "it.db" }, connectorContext(folder));
    await using remote = await connect({ url: server.url });
    await work({ server, path: join(folder, "it.db"), file, remote });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The bytes of what a read gives, or the error. */
async function outcome(connection: Connection, own: Readonly<Record<string, unknown>>): Promise<unknown> {
  try {
    const { batches } = await read(connection, own);
    const joined = new Table([...batches] as RecordBatch[]);
    return tableToIPC(joined.select(joined.schema.names)).toHex();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { code: error.code, message: error.message };
  }
}

const SELECT_EVERY_TYPE = Object.entries(CONTRACT_TYPES).map(([type, values], i) => {
  const list = [...values, "NULL"].map((value) => `CAST(${value} AS ${type})`);
  // As many rows as the longest list, each value in turn.
  return `[${list.join(", ")}][1 + r.i % ${list.length}] AS c${i}`;
}).join(", ");

for (const mode of ["replace", "append", "merge"] as const) {
  Deno.test(`a ${mode} of every type leaves the same values in a file and behind a server`, async () => {
    await withPair(async ({ server, path, file, remote }) => {
      const select = `SELECT i AS id, ${SELECT_EVERY_TYPE} FROM range(20) AS r(i)`;
      for (const connection of [file, remote]) {
        await load(connection, select, { loadId: "first", mode });
        await load(connection, `SELECT * REPLACE (id + 10 AS id) FROM (${select})`, {
          loadId: "second",
          mode,
        });
      }
      const names = ["id", ...Object.keys(CONTRACT_TYPES).map((_, i) => `c${i}`)];
      // How a real is written depends on SQLite's version, so that it is compared as it is.
      const cells = names.map((name) =>
        `typeof("${name}"), CASE typeof("${name}") WHEN 'real' THEN "${name}"
           ELSE substr(quote("${name}"), 1, 200) || length("${name}") END AS "${name}"`
      );
      const query = `SELECT ${
        cells.map((cell, i) => cell.replace(",", ` AS t${i},`)).join(", ")
      } FROM t ORDER BY rowid`;
      using database = new DatabaseSync(path, { readOnly: true });
      const inFile = database.prepare(query).all().map((row) =>
        Object.values(row).map((value) => value === null ? null : String(value))
      );
      ok(inFile.length >= 20);
      deepStrictEqual(await server.query(query), inFile);
      const definition = "SELECT sql FROM sqlite_master WHERE name = 't'";
      deepStrictEqual(await server.query(definition), [
        Object.values(database.prepare(definition).get() ?? {}),
      ]);
      equal(await outcome(remote, { stream: "t" }), await outcome(file, { stream: "t" }));
    });
  });
}

/** Tables whose values are odd, or do not fit; each is read whole. */
const TABLES: readonly string[] = [
  "CREATE TABLE t (a INTEGER, b REAL, c TEXT, d BLOB, e)",
  "CREATE TABLE t (a DECIMAL(10,2), b DECIMAL_TEXT(38,10), c NUMERIC); INSERT INTO t VALUES (1.25, '1e2', 3), (7, '0.5', NULL)",
  "CREATE TABLE t (a DECIMAL(10,2)); INSERT INTO t VALUES (1.255)",
  "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1), ('x')",
  "CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('x'), (x'00')",
  "CREATE TABLE t (a ANY); INSERT INTO t VALUES (1), ('x')",
  "CREATE TABLE t (a); INSERT INTO t VALUES (1), (2.5), (NULL)",
  "CREATE TABLE t (a DATE, b TIME, c TIMESTAMP, d TIMESTAMPTZ); INSERT INTO t VALUES ('2024-02-29', '23:59:59.999999', '0001-01-01', '2024-01-01T00:00:00+02:00'), ('infinity', '24:00', '-infinity', 'infinity')",
  "CREATE TABLE t (a DATE); INSERT INTO t VALUES ('2024-02-30')",
  "CREATE TABLE t (a BOOLEAN, b UUID, c JSON, d HUGE_TEXT); INSERT INTO t VALUES (1, '6ba7b810-9dad-11d1-80b4-00c04fd430c8', '{\"a\":1}', '99999999999999999999'), ('false', x'00112233445566778899aabbccddeeff', 5, 7)",
  "CREATE TABLE t (k TEXT PRIMARY KEY, v INTEGER) WITHOUT ROWID; INSERT INTO t VALUES ('b', 1), ('a', 2)",
  "CREATE TABLE t (rowid TEXT, _rowid_ TEXT, a INTEGER); INSERT INTO t VALUES ('r', 's', 1)",
  "CREATE TABLE t (a INTEGER, b AS (a * 2), c INTEGER GENERATED ALWAYS AS (a + 1) STORED); INSERT INTO t (a) VALUES (1)",
  "CREATE TABLE u (a INTEGER, n TEXT); INSERT INTO u VALUES (1, 'x'), (2, 'y'); CREATE VIEW t AS SELECT n, sum(a) AS s FROM u GROUP BY n",
  `CREATE TABLE t (${
    HOSTILE_NAMES.map((name) => `"${name.replaceAll('"', '""')}" TEXT`).join(", ")
  }); INSERT INTO t DEFAULT VALUES`,
  "CREATE TABLE t (a REAL); INSERT INTO t VALUES (9e999), (-9e999), ('NaN'), (1), (0.1)",
  "CREATE TABLE t (a TEXT); INSERT INTO t VALUES (CAST(x'ff' AS TEXT))",
];

Deno.test("odd tables are read in the same way from a file and from a server, to the byte or the message", async () => {
  for (const sql of TABLES) {
    await withPair(async ({ server, path, file, remote }) => {
      makeSqlite(path, sql);
      await server.query(...sql.split(/; (?=[A-Z])/));
      deepStrictEqual(await outcome(remote, { stream: "t" }), await outcome(file, { stream: "t" }), sql);
      const query = { query: "SELECT * FROM t", options: { columns: {} } };
      deepStrictEqual(await outcome(remote, query), await outcome(file, query), sql);
    });
  }
});
