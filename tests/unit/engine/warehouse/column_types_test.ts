import { deepEqual, equal } from "node:assert/strict";
import { openDatabase } from "../../../../engine/duckdb/database.ts";
import type { DuckSession } from "../../../../engine/duckdb/session.ts";
import { changeType, hasValues, typeOfBoth } from "../../../../engine/warehouse/column_types.ts";

/** Each type with the values at which it differs from its neighbours. */
const EDGES: Readonly<Record<string, readonly string[]>> = {
  BOOLEAN: ["true", "false"],
  TINYINT: ["-128", "127", "0"],
  BIGINT: ["9007199254740993", "-9223372036854775808", "1"],
  UBIGINT: ["18446744073709551615", "0"],
  HUGEINT: ["170141183460469231731687303715884105727", "-1"],
  FLOAT: ["0.1", "16777216", "'-0.0'"],
  DOUBLE: ["0.1", "1e300", "4503599627370497.5", "'nan'", "'-inf'", "'-0.0'"],
  "DECIMAL(5,2)": ["1.10", "-999.99"],
  "DECIMAL(38,10)": ["1234567890123456789012345678.0123456789"],
  VARCHAR: ["'A1'", "'007'", "''", "'true'", "'2024-01-02'"],
  DATE: ["'2024-01-02'", "'0044-03-15 (BC)'", "'infinity'"],
  TIMESTAMP: ["'2024-01-02 03:04:05.123456'", "'0001-01-01'", "'-infinity'"],
  TIMESTAMP_NS: ["'2024-01-02 03:04:05.123456789'"],
  "TIMESTAMP WITH TIME ZONE": ["'2024-01-02 03:04:05+02'"],
  TIME: ["'10:11:12.5'"],
  INTERVAL: ["'1 month 2 days'"],
  UUID: ["'0f8fad5b-d9cb-469f-a165-70867728950e'"],
  BLOB: ["'\\xAA\\x00'::BLOB"],
  "INTEGER[]": ["[1, NULL, 3]"],
  "BIGINT[]": ["[9007199254740993]"],
  "STRUCT(a INTEGER)": ["{'a': 1}"],
  "STRUCT(a INTEGER, b VARCHAR)": ["{'a': 1, 'b': 'é \"q\"'}"],
};

/** What a person would take for the same value: 5, 5.0 and 5e0; a date and its midnight. */
function plain(text: string): string {
  if (/^-?\d+(?:\.\d*)?(?:e[+-]?\d+)?$/i.test(text)) {
    const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
    const [whole = "", fraction = ""] = mantissa.replace("-", "").split(".");
    const digits = (whole + fraction).replace(/^0+/, "");
    const trimmed = digits.replace(/0+$/, "");
    if (trimmed === "") return text.startsWith("-") && /[.e]/i.test(text) ? "-0" : "0";
    const power = Number(exponent) - fraction.length + digits.length - trimmed.length;
    return `${text.startsWith("-") ? "-" : ""}${trimmed}e${power}`;
  }
  return text.replace(/ 00:00:00(?= |$)/, "");
}

const literal = (type: string, value: string): string => value.includes("::") ? value : `(${value})::${type}`;

async function fill(session: DuckSession, table: string, type: string): Promise<string[]> {
  const values = (EDGES[type] ?? []).map((value, i) => `(${i}, ${literal(type, value)})`).join(", ");
  await session.run(`CREATE OR REPLACE TABLE ${table} AS FROM (VALUES ${values}) AS t(i, x)`);
  return await textsOf(session, table, type);
}

async function textsOf(
  session: DuckSession,
  table: string,
  type: string,
  value: string = "x",
): Promise<string[]> {
  const isNested = /[\])]$/.test(type) && !type.startsWith("DECIMAL");
  const text = isNested ? "to_json(x)" : value;
  const rows = await session.rows(`SELECT CAST(${text} AS VARCHAR) AS x FROM ${table} ORDER BY i`);
  return rows.map(({ x }) => plain(String(x)));
}

Deno.test("typeOfBoth() finds a type that holds each value of both columns, for every pair of types", async () => {
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [] });
  await using session = await database.session();
  const none: string[] = [];
  for (const one of Object.keys(EDGES)) {
    for (const other of Object.keys(EDGES)) {
      const before = [await fill(session, "held", one), await fill(session, "given", other)];
      const held = { table: "held", name: "x", type: one };
      const given = { table: "given", name: "x", type: other };
      const type = await typeOfBoth(session, held, given, { isOrdered: false });
      if (type === undefined) {
        none.push(`${one} and ${other}`);
        continue;
      }
      if (one === other) equal(type, one);
      // The same number has more digits as a DOUBLE: 0.1 is 0.10000000149011612.
      if (type === "DOUBLE" && one === "FLOAT") before[0] = await textsOf(session, "held", type, "x::DOUBLE");
      if (type === "DOUBLE" && other === "FLOAT") {
        before[1] = await textsOf(session, "given", type, "x::DOUBLE");
      }
      await changeType(session, held, type);
      await changeType(session, given, type);
      await session.run("INSERT INTO held SELECT i + 100, x FROM given");
      const nested = [one, other].find((name) => /[\])]$/.test(name) && !name.startsWith("DECIMAL"));
      const after = await textsOf(session, "held", type === "VARCHAR" ? type : nested ?? type);
      const expected = type.includes("b VARCHAR")
        ? before.flat().map((text) => text.includes('"b"') ? text : text.replace("}", ',"b":null}'))
        : before.flat();
      deepEqual(after, expected, `${one} and ${other} as ${type}`);
    }
  }
  deepEqual(
    none.filter((pair) => !pair.includes("BLOB")),
    [],
    "text holds the values of all types but BLOB",
  );
});

Deno.test("typeOfBoth() keeps the order of an update_key: numbers and times never become text", async () => {
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [] });
  await using session = await database.session();
  const both = async (one: string, other: string) => {
    await session.run(`CREATE OR REPLACE TABLE held AS SELECT ${one} AS x`);
    await session.run(`CREATE OR REPLACE TABLE given AS SELECT ${other} AS x`);
    const typeOf = async (table: string) => (await session.describe(`FROM ${table}`))[0]?.type ?? "";
    return await typeOfBoth(
      session,
      { table: "held", name: "x", type: await typeOf("held") },
      { table: "given", name: "x", type: await typeOf("given") },
      { isOrdered: true },
    );
  };
  equal(await both("9::BIGINT", "'10'"), undefined);
  equal(await both("9::BIGINT", "10.5::DOUBLE"), "DOUBLE");
  equal(await both("9007199254740993::BIGINT", "10.5::DOUBLE"), undefined);
  equal(await both("DATE '2024-01-02'", "TIMESTAMP '2024-01-02 10:00:00'"), "TIMESTAMP");
  equal(await both("TIMESTAMP '2024-01-02 10:00:00'", "TIMESTAMPTZ '2024-01-02 10:00:00+00'"), undefined);
  equal(await both("'b'", "5"), "VARCHAR");
});

Deno.test("hasValues() says whether a column holds anything but NULL", async () => {
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [] });
  await using session = await database.session();
  await session.run("CREATE TABLE t AS SELECT NULL::VARCHAR AS empty, 1 AS x FROM range(3)");
  const has = (name: string) => hasValues(session, { table: "t", name, type: "any" });
  deepEqual([await has("empty"), await has("x")], [false, true]);
});
