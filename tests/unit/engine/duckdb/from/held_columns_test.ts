import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { copyRows } from "../../../../../engine/duckdb/from/copy.ts";
import { openDatabase } from "../../../../../engine/duckdb/database.ts";
import type { DuckSession } from "../../../../../engine/duckdb/session.ts";
import { tempFolder } from "../fixtures.ts";

async function withFile(work: (session: DuckSession, folder: string) => Promise<void>): Promise<void> {
  await using folder = await tempFolder();
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [folder.path] });
  await using session = await database.session();
  await work(session, folder.path);
}

Deno.test("what is written as JSON is JSON for every parser, and no digit of it is lost", async () => {
  await withFile(async (session, folder) => {
    const values: [string, string][] = [
      ["0.5::DECIMAL(18,18)", "0.500000000000000000"],
      ["-0.5::DECIMAL(4,4)", "-0.5"],
      ["0.5::DECIMAL(38,38)", `"0.5${"0".repeat(37)}"`],
      ["{'a': [0.25::DECIMAL(2,2), NULL]}", '{"a":[0.25,null]}'],
      ["MAP {'k': -0.25::DECIMAL(2,2)}", '{"k":-0.25}'],
      ["12345678901234567890123456789012345.67::DECIMAL(38,2)", "12345678901234567890123456789012345.67"],
      ["1234567890123456.78::DECIMAL(18,2)", "1234567890123456.78"],
      ["-0.1234567890123456789::DECIMAL(19,19)", "-0.1234567890123456789"],
      ["{'d': 9007199254740993.01::DECIMAL(18,2)}", '{"d":9007199254740993.01}'],
      ["12345678901234567890123::HUGEINT", "12345678901234567890123"],
      ["1e300::DOUBLE", "1e300"],
      ["{'d': 0.1::DOUBLE, 't': 'NaN \"Infinity\"'}", '{"d":0.1,"t":"NaN \\"Infinity\\""}'],
      ['\'{"a": [1.5, 0.30000000000000004, "0.12345678901234567890"]}\'::JSON', ""],
      ['\'{"n": 12345678901234567890123, "e": 1e-10}\'::JSON', ""],
      ["TIMESTAMPTZ '2024-01-02 10:00:00.5+00'", '"2024-01-02 10:00:00.5+00"'],
      ["'a' || chr(0) || chr(31) || '\"\\ü😀'", '"a\\u0000\\u001F\\"\\\\ü😀"'],
      ["INTERVAL '1 month 2 days 3.000001 seconds'", '"1 month 2 days 00:00:03.000001"'],
      ["NULL::DOUBLE", "null"],
      ["NULL::STRUCT(a DOUBLE)", "null"],
    ];
    for (const [sql, expected] of values) {
      await copyRows(session, `SELECT ${sql} AS "the v"`, `${folder}/a.json`, { format: "json" });
      const line = (await Deno.readTextFile(`${folder}/a.json`)).trimEnd();
      JSON.parse(line);
      if (expected !== "") strictEqual(line, `{"the v":${expected}}`);
      else {
        const [row] = await session.rows(`SELECT (${sql})::VARCHAR AS text`);
        const text = String(row?.["text"]).replaceAll(" ", "");
        strictEqual(line.replaceAll(" ", ""), `{"thev":${text}}`);
      }
    }
    const refused = [
      "'nan'::DOUBLE",
      "'-inf'::FLOAT",
      "{'a': [1, 'inf'::DOUBLE]}",
      "MAP {'k': 'nan'::FLOAT}",
      "'{\"a\": 0.1234567890123456789}'::JSON",
      "'{\"a\": 9007199254740993.0}'::JSON",
      "'{\"a\": 1e-400}'::JSON",
      "'[1.5e400]'::JSON",
    ];
    for (const sql of refused) {
      await rejects(
        copyRows(session, `SELECT ${sql} AS v`, `${folder}/b.json`, { format: "json" }),
        (error) => error instanceof Error && error.message.includes('column "v" has '),
        sql,
      );
    }
  });
});

Deno.test("nested values in CSV are JSON, and a NULL among them is none", async () => {
  await withFile(async (session, folder) => {
    const values: [string, string][] = [
      ["[1, NULL]", '"[1,null]"'],
      ["{'a': 1.50::DECIMAL(4,2), 't': 'é \"q\"'}", '"{""a"":1.5,""t"":""é \\""q\\""""}"'],
      ["MAP {'k': [DATE '2024-01-02']}", '"{""k"":[""2024-01-02""]}"'],
      ["{'d': 9007199254740993.01::DECIMAL(18,2)}", '"{""d"":9007199254740993.01}"'],
      ["NULL::INTEGER[]", ""],
      ["'{x}'", "{x}"],
    ];
    for (const [sql, expected] of values) {
      await copyRows(session, `SELECT 1 AS i, ${sql} AS "the v"`, `${folder}/a.csv`, { format: "csv" });
      const [, line] = (await Deno.readTextFile(`${folder}/a.csv`)).split("\n");
      strictEqual(line, `1,${expected}`, sql);
    }
    await rejects(
      copyRows(session, "SELECT [1, 'inf'::DOUBLE] AS v", `${folder}/b.csv`, { format: "csv" }),
      /column "v" has .*Infinity/,
    );
  });
});

Deno.test("Parquet holds as text, or as a list, what it has no type for", async () => {
  await withFile(async (session, folder) => {
    const values: [string, string, string?][] = [
      ["INTERVAL '1 month 3.000001 seconds'", "VARCHAR"],
      ["{'i': [INTERVAL '1.000001 seconds']}", "STRUCT(i VARCHAR[])"],
      ["12345678901234567890123::HUGEINT", "DECIMAL(38,0)"],
      ["[12345678901234567890123::UHUGEINT]", "DECIMAL(38,0)[]"],
      ["MAP {'k': -1::HUGEINT}", "MAP(VARCHAR, DECIMAL(38,0))"],
      ["'10:00:00+02'::TIMETZ", "VARCHAR"],
      ["'10:00:00.123456789'::TIME_NS", "VARCHAR"],
      ["[1, NULL]::INTEGER[2]", "INTEGER[]"],
      ["[[1], NULL]::INTEGER[1][2]", "INTEGER[][]"],
      ["union_value(a := 1)", "VARCHAR"],
      ["TIMESTAMP_NS '2024-01-02 10:00:00.123456789'", "TIMESTAMP_NS"],
      ["UUID '3f2504e0-4f89-11d3-9a0c-0305e82c3301'", "UUID"],
    ];
    for (const [sql, type] of values) {
      const path = `${folder}/a.parquet`;
      await copyRows(session, `SELECT ${sql} AS v UNION ALL SELECT NULL`, path, { format: "parquet" });
      const rows = await session.rows(
        `SELECT typeof(v) AS type, v::VARCHAR IS NOT DISTINCT FROM (${sql})::VARCHAR AS same FROM '${path}'`,
      );
      deepStrictEqual(rows.map((row) => row["type"]), [type, type]);
      deepStrictEqual(rows.map((row) => row["same"]), [true, false], sql);
    }
    await rejects(copyRows(
      session,
      "SELECT 170141183460469231731687303715884105727 AS v",
      `${folder}/b.parquet`,
      { format: "parquet" },
    ));
  });
});
