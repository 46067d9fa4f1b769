import assert from "node:assert/strict";
import { resolveParams } from "../../../../contract/params/values.ts";
import { setRunVariables } from "../../../../sql/build/variables.ts";
import { withSession } from "../fixtures.ts";
import { DEFINITIONS } from "../../contract/params/fixtures.ts";

Deno.test("setRunVariables() sets each variable with its type, NULL or not", async () => {
  await withSession(async (session) => {
    await setRunVariables(session, {
      runId: "r1",
      pipeline: "orders",
      runStart: new Date("2024-03-01T10:00:00.123Z"),
      windowStart: null,
      windowEnd: new Date("2024-03-01T00:00:00Z"),
      definitions: DEFINITIONS,
      params: resolveParams(DEFINITIONS, { count: "9007199254740993" }),
    });
    const rows = await session.rows(
      "SELECT name, value::VARCHAR AS value, type FROM duckdb_variables() ORDER BY name",
    );
    assert.deepEqual(rows.map((row) => Object.values(row).join(" | ")), [
      "count | 9007199254740993 | BIGINT",
      "day | 2024-02-29 | DATE",
      "dry | false | BOOLEAN",
      "nothing | NULL | TIMESTAMP WITH TIME ZONE",
      "pipeline | orders | VARCHAR",
      "ratio | 0.5 | DOUBLE",
      "region | eu | VARCHAR",
      "run_id | r1 | VARCHAR",
      "run_start | 2024-03-01 10:00:00.123+00 | TIMESTAMP WITH TIME ZONE",
      "select | it's | VARCHAR",
      "since | 2024-01-01 00:00:00+00 | TIMESTAMP WITH TIME ZONE",
      "window_end | 2024-03-01 00:00:00+00 | TIMESTAMP WITH TIME ZONE",
      "window_start | NULL | TIMESTAMP WITH TIME ZONE",
    ]);
  });
});
