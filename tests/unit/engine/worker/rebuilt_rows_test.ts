import { deepEqual, equal, match } from "node:assert/strict";
import { jsonText } from "../../../../connectors/destination/json_text.ts";
import { openDatabase } from "../../../../engine/duckdb/database.ts";
import { exportRows } from "../../../../engine/duckdb/from/export.ts";
import { rebuildRows } from "../../../../engine/worker/rejects/rebuilt_rows.ts";

Deno.test("rows are made again of what is kept of them, or left out where a value would change", async () => {
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [] });
  await using session = await database.session();
  const { signal } = new AbortController();
  const rebuilt = async (select: string, change = (json: string) => json) => {
    const { batches } = await exportRows(session, select, { signal });
    const kept = [];
    for await (const batch of batches) {
      kept.push({ id: "x", tries: 0, position: "row 1", json: change(jsonText(batch.data, 0)) });
    }
    const { rows, reason } = await rebuildRows(session, await session.describe(select), kept, signal);
    const fields = rows[0]?.batch.schema.fields.map(({ type }) => String(type));
    return { texts: rows.map(({ batch }) => jsonText(batch.data, 0)), kept, reason, fields };
  };
  const exact = [
    "170141183460469231731687303715884105727::HUGEINT AS v",
    "0.12345678901234567890123456789::DECIMAL(38,30) AS v",
    "'NaN'::DOUBLE AS v, '-Infinity'::FLOAT AS w, 0.1::FLOAT AS x, 1e-300 AS y",
    "'\\x00\\xFF'::BLOB AS v, uuid() AS w, 'a'::ENUM('a', 'b') AS x",
    `'é"\\' || chr(10) || '𝄞' AS v, '' AS "a b", true AS "ä"`,
    "TIMESTAMP_NS '2026-01-02 03:04:05.123456789' AS v, TIME '10:11:12.5' AS w, DATE 'infinity' AS x",
    "TIMESTAMPTZ '2026-01-02 03:04:05+00' AS v, [[1, NULL], []]::HUGEINT[][] AS w",
    "MAP {'k': 1.50::DECIMAL(9,2)} AS v, {a: [{b: '12.50'}]} AS w",
    `'{"a":  [1.500, 12345678901234567890.5] }'::JSON AS v, NULL::STRUCT(a INTEGER) AS w`,
  ];
  for (const columns of exact) {
    const { texts, kept, reason } = await rebuilt(`SELECT ${columns}`);
    deepEqual([texts, reason], [kept.map(({ json }) => json), null], columns);
  }
  const left = {
    "INTERVAL 1 DAY AS v": /cannot be told exactly/,
    "{a: '\\x00'::BLOB} AS v": /cannot be told exactly/,
  };
  for (const [columns, expected] of Object.entries(left)) {
    const { texts, reason } = await rebuilt(`SELECT ${columns}`);
    deepEqual(texts, [], columns);
    match(reason ?? "", expected, columns);
  }
  for (const json of ['{"v":1,"more":2}', '{"w":1}', "[1]"]) {
    match((await rebuilt("SELECT 1 AS v", () => json)).reason ?? "", /row 1: its columns are no more those/);
  }
  equal((await rebuilt("SELECT 1 AS v", () => '{"v":1.5}')).texts.length, 0);
});
