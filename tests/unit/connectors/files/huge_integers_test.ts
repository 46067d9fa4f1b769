import { deepStrictEqual, ok, throws } from "node:assert/strict";
import { type RecordBatch, RecordBatchFileWriter, tableFromIPC } from "apache-arrow";
import { plainBatch, plainSchema } from "../../../../connectors/files/arrow/huge_integers.ts";
import { exportAll, withSession } from "../../engine/duckdb/fixtures.ts";

const MOST = "99999999999999999999999999999999999999";

async function batchesOf(select: string): Promise<RecordBatch[]> {
  return await withSession((session) => exportAll(session, select));
}

Deno.test("plainBatch() has integers of 128 bits as decimals of the same value, in lists and structs too", async () => {
  const huge =
    `CASE i WHEN 0 THEN -${MOST}::HUGEINT WHEN 1 THEN NULL WHEN 2 THEN ${MOST}::HUGEINT ELSE i END`;
  const select =
    `SELECT i, ${huge} AS h, [${huge}, -1] AS l, {'a': ${huge}, 'b': 'x'} AS s, 7::UHUGEINT AS u ` +
    "FROM range(0, 3000) AS t(i)";
  let row = 0;
  for (const batch of await batchesOf(select)) {
    const schema = plainSchema(batch.schema);
    deepStrictEqual(
      schema.fields.map(({ name, type }) => `${name} ${type}`),
      [
        "i Int64",
        "h Decimal[38e0]",
        "l List<Decimal[38e0]>",
        "s Struct<{a:Decimal[38e0], b:Utf8}>",
        "u Decimal[38e0]",
      ],
    );
    // As a reader of the file sees it; of a part as well, which begins in the middle of the bytes of NULLs.
    for (const [part, first] of [[batch, row], [batch.slice(1), row + 1]] as const) {
      const file = RecordBatchFileWriter.writeAll([plainBatch(part, schema)]).toUint8Array(true);
      const [found] = tableFromIPC(file).batches;
      for (let at = 0; at < part.numRows; at++) {
        const i = first + at;
        const text = i === 0 ? `-${MOST}` : i === 1 ? "null" : i === 2 ? MOST : String(i);
        const values = [1, 2, 3, 4].map((column) => found?.getChildAt(column)?.get(at));
        const [h, l, s, u] = values;
        deepStrictEqual(
          [String(h), String(l?.get(0)), String(l?.get(1)), String(s?.a), s?.b, String(u)],
          [text, text, "-1", text, "x", "7"],
        );
      }
    }
    row += batch.numRows;
  }
  ok(row === 3_000);
});

Deno.test("plainBatch() refuses a number of more digits than a decimal has, with its column", async () => {
  for (
    const value of [
      `${MOST}::HUGEINT + 1`,
      `-${MOST}::HUGEINT - 1`,
      "340282366920938463463374607431768211455::UHUGEINT",
    ]
  ) {
    const [batch] = await batchesOf(`SELECT ${value} AS "big one"`);
    ok(batch !== undefined);
    throws(
      () => plainBatch(batch, plainSchema(batch.schema)),
      /column "big one" has -?\d{39}, which Arrow cannot hold/,
    );
  }
});

Deno.test("plainSchema() is the schema itself where nothing changes", async () => {
  const [batch] = await batchesOf("SELECT 1 AS i, uuid() AS u, [1] AS l");
  ok(batch !== undefined && plainSchema(batch.schema) === batch.schema);
});
