import assert from "node:assert/strict";
import type { Column } from "../../../../contract/sql.ts";
import { bindTogether } from "../../../../sql/compile/bind_together.ts";
import { withSession } from "../fixtures.ts";

const TABLE = `CREATE TABLE o (
  id INTEGER, d DECIMAL(18, 3), s STRUCT(a INTEGER), l INTEGER[], n DECIMAL(4, 1)[], ts TIMESTAMPTZ, v VARCHAR, u UUID,
  i INTERVAL, j JSON, e ENUM('a', 'b'), a INTEGER[3], m MAP(VARCHAR, INTEGER), h HUGEINT, b BLOB
)`;

const SELECTS = [
  "SELECT id, 'é' AS é, l, n, d, ts, u, i, NULL AS nothing, v, h, b FROM o;",
  "SELECT [] AS none, [NULL] AS nulls",
  "FROM o",
  "SELECT j, e FROM o",
  "VALUES (1, 'x')",
  "SELECT id AS a_1, id AS b FROM o",
  "SELECT DISTINCT id FROM o ORDER BY id LIMIT 3",
  "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT * FROM t",
  "SELECT 1 -- the end",
  "SELECT current_timestamp AS t, current_date AS d, getvariable('x') AS v",
  "SELECT 1.5 AS x, 1e3 AS y, 12345678901234567890 AS z",
  "SELECT '10:00'::TIME AS t, '10:00+01'::TIMETZ AS tz, '101'::BIT AS bit, ts::TIMESTAMP_NS AS ns FROM o",
  "(SELECT id FROM o) UNION ALL SELECT 2.5",
];

Deno.test("bindTogether() has the columns that DuckDB describes, or says that it has not", async () => {
  await withSession(async (session) => {
    await session.run(TABLE);
    const bound = await bindTogether(session, SELECTS);
    assert.equal(bound?.length, SELECTS.length);
    for (const [index, sql] of SELECTS.entries()) {
      const columns: readonly Column[] | undefined = bound?.[index]?.columns;
      if (columns !== undefined) assert.deepEqual(columns, await session.describe(sql), sql);
    }
    const unknown = SELECTS.filter((_, index) => bound?.[index]?.columns === undefined);
    assert.deepEqual(unknown, ["FROM o", "SELECT j, e FROM o"]);
  });
});

Deno.test("bindTogether() leaves two columns of one name to describe()", async () => {
  await withSession(async (session) => {
    const bound = await bindTogether(session, ["SELECT 1 AS a, 2 AS A", "SELECT 3 AS b"]);
    assert.deepEqual(bound?.map(({ columns }) => columns), [undefined, [{ name: "b", type: "INTEGER" }]]);
  });
});

Deno.test("bindTogether() lets no SELECT see the columns of another", async () => {
  await withSession(async (session) => {
    await session.run("CREATE TABLE o (id INTEGER)");
    assert.equal(await bindTogether(session, ["SELECT id AS x FROM o", "SELECT x FROM o"]), undefined);
  });
});
