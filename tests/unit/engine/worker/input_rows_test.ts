import { deepEqual, equal, rejects } from "node:assert/strict";
import { inputRows, inputSchemas } from "../../../../engine/worker/extract/others/input_rows.ts";
import { TABLE_WITHOUT_COLUMNS } from "../../../../engine/warehouse/raw_table.ts";
import { withSession } from "../duckdb/fixtures.ts";

const never = new AbortController().signal;

Deno.test("inputRows() gives stream by stream, in batches, and lets its session go however it ends", async () => {
  await withSession(async (session) => {
    await session.run(
      `CREATE SCHEMA raw; CREATE TABLE raw.a AS SELECT i FROM range(5000) r(i); CREATE TABLE raw.none (i INTEGER);
       CREATE TABLE raw.b AS SELECT 'x' AS t;
       CREATE VIEW raw.breaks AS SELECT CASE WHEN i < 4500 THEN i ELSE error('broke') END AS i FROM raw.a`,
    );
    let leased = 0;
    const lease = () => {
      leased++;
      return Promise.resolve({
        session,
        [Symbol.asyncDispose]: () => {
          leased--;
          return Promise.resolve();
        },
      });
    };
    const read = async (streams: readonly string[], most = Infinity) => {
      const found: [string, number][] = [];
      for await (const { stream, batch } of inputRows(lease, streams, 2000, never)) {
        found.push([stream, batch.numRows]);
        if (found.length >= most) break;
      }
      return found;
    };
    deepEqual(await read(["none", "b", "a"]), [["b", 1], ["a", 2000], ["a", 2000], ["a", 1000]]);
    deepEqual(await read(["a"], 1), [["a", 2000]]);
    await rejects(read(["breaks"]), /broke/);
    await rejects(read(["b", "nowhere"]), {
      code: "invalid",
      message: /the input nowhere: it has no table yet/,
    });
    // Without rows too, and nothing of a table whose columns nobody knows yet.
    await session.run(`CREATE TABLE raw.unknown AS ${TABLE_WITHOUT_COLUMNS}`);
    const schemas = await inputSchemas(lease, ["none", "unknown", "b"]);
    deepEqual(schemas.map(({ fields }) => fields.map(({ name, type }) => `${name} ${type}`)), [
      ["i Int32"],
      [],
      ["t Utf8"],
    ]);
    await rejects(inputSchemas(lease, ["nowhere"]), { code: "invalid", message: /it has no table yet/ });
    equal(leased, 0);
    deepEqual(await session.rows("SELECT count(*) AS n FROM raw.a"), [{ n: 5000n }]);
  });
});
