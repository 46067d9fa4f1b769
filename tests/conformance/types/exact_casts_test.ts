import { deepStrictEqual, ok } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { DuckDBInstance } from "@duckdb/node-api";
import type { Data, Field, RecordBatch } from "apache-arrow";
import { castTo, isChangedByCast } from "../../../connectors/duckdb/load/exact_casts.ts";
import { columnsOf } from "../../../connectors/mysql/load/catalogue.ts";
import { dialectOf } from "../../../connectors/mysql/load/dialect.ts";
import { shortestSingle } from "../../../connectors/mysql/load/encode/digits.ts";
import { LoadSession } from "../../../connectors/mysql/load/session.ts";
import { PostgresCatalogue } from "../../../connectors/postgres/load/catalogue.ts";
import { dialect } from "../../../connectors/postgres/load/dialect.ts";
import { fittedReader, UnfitValueError } from "../../../connectors/sqlite/load/fit.ts";
import { AppError } from "../../../contract/errors.ts";
import { openDatabase } from "../../../engine/duckdb/database.ts";
import { exportRows } from "../../../engine/duckdb/from/export.ts";
import { never } from "../../support/connections.ts";
import { openSession } from "../../support/mysql_session.ts";
import { mariadbOfTests, MysqlLoader } from "../../support/mysql_loader.ts";
import { acquirePostgres } from "../../support/postgres.ts";
import { isSameValue, type Kind } from "../../support/same_value.ts";

/**
 * Every type of rows into every type of column that is there already: a value becomes the same value in
 * the column's type, or is refused, and is never changed. What a load does with the refused ones is
 * tested with each destination.
 */

const server = await acquirePostgres();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());
const mariadb = await mariadbOfTests();

/** Texts that look like values of a kind and are, or are not quite, some. */
const TEXTS: Readonly<Record<"text" | "number" | "time" | "other", readonly string[]>> = {
  text: ["", "abcd ", "é", "A", "red", "x".repeat(70), "true", "yes"],
  number: [
    ...[
      "0",
      "-1",
      "42",
      "007",
      "+5",
      " 12",
      "1.50",
      ".5",
      "1e3",
      "0x1F",
      "1_000",
      "1,5",
      "$1.50",
      "16777217",
    ],
    ...["9007199254740993", "12345678901234567890", "0.1", "1e-400", "1e400", "NaN", "-infinity"],
  ],
  time: [
    ...["2024-01-02", "2024-1-2", "01/02/2024", "20240102", "now", "2024-02-30", "Jan 2 2024", "infinity"],
    ...["2024-01-02 10:11:12", "2024-01-02T10:11:12.1234567", "2024-01-02 10:11:12+05"],
    ...["2024-01-02 10:11:12 IST", "10:11", "10:11:12.5", "24:00:00", "23:59:60", "10:11:12+02", "10:11 PM"],
    ...["2024-06-01 23:59:60", "1 day", "1.5 months", "1:30", "00:00:01.5"],
  ],
  other: [
    ...[
      "101",
      "11111",
      "\\x4142",
      "a\\134b",
      "{1,2}",
      '{"a": 1}',
      "[1, 2]",
      "10.0.0.0/8",
      "10.0.0.1",
      "10",
      "[1,5]",
      "[1,6)",
    ],
    ...["6ba7b810-9dad-11d1-80b4-00c04fd430c8", "the quick the", "on", "1"],
  ],
};

/** Those that may go into a column of the kind, and a few that may not. */
function textsFor(kind: Kind): readonly string[] {
  if (kind === "number") return [...TEXTS.number, "abcd ", "2024-01-02"];
  if (["date", "time", "timestamp", "timestamptz", "interval"].includes(kind)) {
    return [...TEXTS.time, "42", ""];
  }
  return [...TEXTS.text, ...TEXTS.other, "007", "1.50"];
}

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** Types of rows, in DuckDB's words, with values at their edges; texts as textsFor() says. */
const SOURCES: readonly (readonly [type: string, kind: Kind, values: readonly string[]])[] = [
  ["BOOLEAN", "bool", ["true", "false"]],
  ["TINYINT", "number", ["-128", "65"]],
  ["INTEGER", "number", ["2147483647", "16777217", "1"]],
  ["BIGINT", "number", ["9223372036854775807", "9007199254740993", "12345"]],
  ["UBIGINT", "number", ["18446744073709551615"]],
  ["HUGEINT", "number", ["99999999999999999999999999999999999999"]],
  ["FLOAT", "float4", ["3", "-0.1", "123456.789", "1e-40", "'NaN'", "'inf'"]],
  ["DOUBLE", "number", [
    "0.1",
    "123456789",
    "1.005",
    "0.30000000000000004",
    "1e300",
    "5e-324",
    "'-inf'",
    "3",
  ]],
  ["DECIMAL(9,2)", "number", ["1234567.89", "-0.01", "5.50"]],
  ["DECIMAL(38,10)", "number", ["1234567890123456789012345678.0123456789", "0.1000000000"]],
  ["VARCHAR", "text", []],
  ["JSON", "json", [`'{"a": 1}'`, "'1.10'", "'true'", `'"2024-01-02"'`]],
  ["BLOB", "bytes", ["''", "'\\x00\\xFF'", "'abc'"]],
  ["UUID", "uuid", ["'6ba7b810-9dad-11d1-80b4-00c04fd430c8'"]],
  ["DATE", "date", ["'1969-12-31'", "'0001-01-01'", "'infinity'"]],
  ["TIME", "time", ["'23:59:59.999999'", "'10:11:12'"]],
  ["TIMESTAMP", "timestamp", ["'1969-12-31 23:59:59.999999'", "'2024-02-29'", "'infinity'"]],
  ["TIMESTAMP_NS", "timestamp", ["'2024-02-29 12:34:56.123456789'", "'2024-02-29 12:34:56'"]],
  ["TIMESTAMP WITH TIME ZONE", "timestamptz", ["'2024-02-29 12:34:56.5+02'", "'2024-02-29 00:00:00+00'"]],
  ["INTERVAL", "interval", ["INTERVAL '1 month 3 days'", "INTERVAL '1.5 seconds'", "INTERVAL '-25 hours'"]],
];

interface Source {
  readonly type: string;
  readonly kind: Kind;
  /** As SQL of DuckDB. */
  readonly value: string;
  /** As DuckDB writes it. */
  readonly text: string;
}

/** What a value becomes in a column, as the database writes it; undefined where it is refused, null where it is sent as it is. */
type Convert = (source: Source) => Promise<string | null | undefined>;

/** What is wrong: pairs of types with the value before and after. */
async function faultsOf(
  types: Readonly<Record<string, Kind>>,
  convertTo: (type: string) => Promise<Convert>,
): Promise<string[]> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const faults: string[] = [];
  try {
    await connection.run("SET TimeZone = 'UTC'");
    for (const [target, kind] of Object.entries(types)) {
      const convert = await convertTo(target);
      let taken = 0;
      for (const [type, from, own] of SOURCES) {
        for (const value of from === "text" ? textsFor(kind).map(quoted) : own) {
          const given = await connection.runAndReadAll(`SELECT CAST(CAST(${value} AS ${type}) AS VARCHAR)`);
          const text = String(given.getRows()[0]?.[0]);
          const stored = await convert({ type, kind: from, value, text });
          if (stored === undefined) continue;
          taken++;
          if (stored === null || isSameValue(from, text, kind, stored)) continue;
          faults.push(`${type} -> ${target}: ${text} became ${stored}`);
        }
      }
      ok(taken > 0, `nothing at all goes into ${target}`);
    }
    return faults;
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

interface ArrowRow {
  readonly field: Field;
  readonly data: Data;
  readonly batch: RecordBatch;
}

/** The value as a row of Arrow, as a load gets it. */
async function openArrow() {
  const database = await openDatabase({ path: ":memory:", allowedDirectories: [], threads: 1 });
  const session = await database.session();
  const known = new Map<string, ArrowRow>();
  return {
    async of({ type, value }: Source): Promise<ArrowRow> {
      const select = `SELECT CAST(${value} AS ${type}) AS value`;
      const found = known.get(select);
      if (found !== undefined) return found;
      const { schema, batches } = await exportRows(session, select, { signal: never() });
      const [batch] = await Array.fromAsync(batches);
      const [field, data] = [schema.fields[0], batch?.data.children[0]];
      if (field === undefined || data === undefined || batch === undefined) throw new Error("expected a row");
      known.set(select, { field, data, batch });
      return { field, data, batch };
    },
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

Deno.test("postgres: a value goes into a column of any other type as it is, or is refused", async () => {
  await using database = await server.createDatabase();
  await using arrow = await openArrow();
  const { sql } = database;
  await sql.unsafe(`
    CREATE TYPE color AS ENUM ('red', 'green'); CREATE DOMAIN three AS varchar(3); CREATE DOMAIN nested AS three;
    SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET bytea_output = 'hex'`);
  const rows = async (query: string) =>
    (await sql.unsafe(query).values()).map((row) =>
      row.map((cell: unknown) =>
        typeof cell === "boolean" ? (cell ? "t" : "f") : cell === null ? null : String(cell)
      )
    );
  const faults = await faultsOf(
    {
      "boolean": "bool",
      "smallint": "number",
      "bigint": "number",
      "real": "number",
      "double precision": "number",
      "numeric": "number",
      "numeric(10,2)": "number",
      "text": "text",
      "varchar(3)": "text",
      "nested": "text",
      "name": "text",
      '"char"': "text",
      "bytea": "bytes",
      "uuid": "uuid",
      "date": "date",
      "time(0)": "time",
      "timetz": "time",
      "timestamp": "timestamp",
      "timestamp(0)": "timestamp",
      "timestamptz": "timestamptz",
      "interval": "interval",
      "interval(0)": "interval",
      "json": "json",
      "jsonb": "json",
      "money": "number",
      "varbit(3)": "text",
      "int4range": "text",
      "tsvector": "text",
      "cidr": "text",
      "integer[]": "text",
      "varchar(3)[]": "text",
      "oid": "number",
    },
    async (type) => {
      await sql.unsafe(`DROP TABLE IF EXISTS t; CREATE TABLE t (value ${type})`);
      const name = { quoted: "public.t", shown: "public.t", ledger: "public.l" };
      const target = (await new PostgresCatalogue({ rows }, name).inspect())?.columns[0];
      ok(target !== undefined);
      return async (source) => {
        const { field } = await arrow.of(source);
        const sentSql = dialect.sentAs(field, target);
        // Then the encoder of the column's own type has to take it: copy_codec_test.ts.
        if (sentSql === target.sql) return null;
        // The encoder refuses them too.
        if (source.type === "TIMESTAMP_NS" && /\.\d{7}/.test(source.text)) return undefined;
        const column = { field, name: "value", target, sentSql, targetSql: target.sql };
        const given = source.kind === "bytes" ? `decode('${hexOf(source)}', 'hex')` : quoted(source.text);
        const cast = dialect.cast(column);
        const shown = type === "money" ? `(${cast})::numeric::text` : `format('%s', ${cast})`;
        try {
          const [found] = await rows(
            `SELECT ${shown} FROM (SELECT ${given}::${sentSql} AS value OFFSET 0) AS s
              WHERE NOT (${dialect.isChanged(column)})`,
          );
          return found?.[0] ?? undefined;
        } catch {
          return undefined;
        }
      };
    },
  );
  deepStrictEqual(faults, []);
});

function hexOf({ text }: Source): string {
  return text.replace(
    /\\x([0-9A-F]{2})|([\x20-\x7e])/g,
    (_match, hex, plain) => hex ?? String(plain).charCodeAt(0).toString(16),
  );
}

Deno.test("sqlite: a value goes into a column of any other type as it is, or is refused", async () => {
  await using arrow = await openArrow();
  const database = new DatabaseSync(":memory:");
  try {
    const faults = await faultsOf(
      {
        "": "other",
        "INTEGER": "number",
        "REAL": "number",
        "NUMERIC": "other",
        "DECIMAL(10,2)": "number",
        "DECIMAL(30,10)": "number",
        "TEXT": "text",
        "VARCHAR(3)": "text",
        "BLOB": "bytes",
        "BOOLEAN": "bool",
        "DATE": "date",
        "TIME": "time",
        "TIMESTAMP": "timestamp",
        "TIMESTAMPTZ": "timestamptz",
        "JSON": "json",
        "UUID": "uuid",
        "HUGE_TEXT": "number",
      },
      (type) => {
        database.exec(`DROP TABLE IF EXISTS t; CREATE TABLE t (value ${type})`);
        const insert = database.prepare("INSERT INTO t VALUES (?)");
        const select = database.prepare(`SELECT CASE typeof(value) WHEN 'blob' THEN 'hex:' || hex(value)
          WHEN 'real' THEN value ELSE CAST(value AS TEXT) END AS value FROM t`);
        return Promise.resolve(async (source) => {
          const { field, data } = await arrow.of(source);
          let value;
          try {
            value = fittedReader(field, data, type)(0);
          } catch (error) {
            if (error instanceof UnfitValueError) return undefined;
            throw error;
          }
          database.exec("DELETE FROM t");
          insert.run(value);
          return String(select.get()?.value);
        });
      },
    );
    deepStrictEqual(faults, []);
  } finally {
    database.close();
  }
});

Deno.test("duckdb: a value goes into a column of any other type as it is, or is refused", async () => {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const rows = async (query: string) => (await connection.runAndReadAll(query)).getRows();
  try {
    await connection.run("SET TimeZone = 'UTC'");
    const faults = await faultsOf(
      {
        "BOOLEAN": "bool",
        "TINYINT": "number",
        "BIGINT": "number",
        "UBIGINT": "number",
        "HUGEINT": "number",
        "FLOAT": "number",
        "DOUBLE": "number",
        "DECIMAL(9,2)": "number",
        "DECIMAL(38,10)": "number",
        "VARCHAR": "text",
        "BLOB": "bytes",
        "BIT": "text",
        "UUID": "uuid",
        "DATE": "date",
        "TIME": "time",
        "TIMESTAMP": "timestamp",
        "TIMESTAMP_S": "timestamp",
        "TIMESTAMP_NS": "timestamp",
        "TIMESTAMP WITH TIME ZONE": "timestamptz",
        "INTERVAL": "interval",
        "JSON": "json",
        "INTEGER[]": "text",
        "ENUM('red', 'green')": "text",
      },
      (target) =>
        Promise.resolve(async ({ type, value }) => {
          if (type === target) return null;
          try {
            const [found] = await rows(
              `SELECT CAST(${
                castTo("v", type, target)
              } AS VARCHAR) FROM (SELECT CAST(${value} AS ${type}) AS v)
                WHERE NOT (${isChangedByCast("v", type, target)})`,
            );
            return found === undefined ? undefined : String(found[0]);
          } catch {
            return undefined;
          }
        }),
    );
    deepStrictEqual(faults, []);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
});

Deno.test("mysql: a value goes into a column of any other type as it is, or is refused", async () => {
  await using loader = await MysqlLoader.open(mariadb);
  await using arrow = await openArrow();
  await using opened = await openSession(loader.database.url);
  const session = await LoadSession.begin(opened.session, "Cannot load", never());
  const dialect = dialectOf(session.server, "");
  const faults = await faultsOf(
    {
      "tinyint(1)": "number",
      "smallint unsigned": "number",
      "bigint": "number",
      "bigint(20) unsigned zerofill": "number",
      "decimal(10,2)": "number",
      "decimal(38,10)": "number",
      "float": "number",
      "double": "number",
      "double(8,2)": "number",
      "bit(5)": "number",
      "char(5)": "text",
      "varchar(3)": "text",
      "tinytext": "text",
      "longtext": "text",
      "varchar(100) character set latin1": "text",
      "varchar(100) character set utf8mb3": "text",
      "text character set koi8r": "text",
      "text character set sjis": "text",
      "enum('red','a','')": "text",
      "set('red','a')": "text",
      "binary(3)": "bytes",
      "varbinary(2)": "bytes",
      "longblob": "bytes",
      "date": "date",
      "time": "time",
      "time(6)": "time",
      "datetime": "timestamp",
      "datetime(6)": "timestamp",
      "timestamp(3)": "timestamptz",
      "json": "json",
      "uuid": "uuid",
      "inet4": "text",
    },
    async (type) => {
      await loader.database.run(`CREATE OR REPLACE TABLE t (value ${type})`);
      const shown = /^bit|zerofill/.test(type)
        ? "CAST(value + 0 AS CHAR)"
        : /^(?:var)?binary|blob/.test(type)
        ? "concat('hex:', hex(value))"
        : type === "float"
        ? "CAST(value AS DOUBLE)"
        : type.startsWith("timestamp")
        ? "concat(value, '+00')"
        : "CAST(value AS CHAR)";
      const target = (await columnsOf(session, "t"))[0];
      ok(target !== undefined);
      return async (source) => {
        try {
          const { field, batch } = await arrow.of(source);
          const sentSql = dialect.sentAs(field, target);
          const column = { field, name: "value", target, sentSql, targetSql: target.sql };
          // What is not sent as it is stored is cast by the whole load.
          if (sentSql === target.sql) await session.send("t", [column], one(batch));
          else await loader.load("t", `SELECT CAST(${source.value} AS ${source.type}) AS value`);
          const stored = (await session.rows(`SELECT ${shown} FROM t`))[0]?.[0];
          // The server writes six digits of a float.
          return type === "float" ? shortestSingle(Number(stored)) : stored;
        } catch (error) {
          if (error instanceof AppError && error.code === "invalid") return undefined;
          throw error;
        } finally {
          await session.rollback();
        }
      };
    },
  );
  deepStrictEqual(faults, []);
});

async function* one(batch: RecordBatch) {
  yield await Promise.resolve(batch);
}
