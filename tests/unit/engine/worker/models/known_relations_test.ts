import assert from "node:assert/strict";
import { KnownRelations } from "../../../../../engine/worker/models/known_relations.ts";
import { withSession } from "../../duckdb/fixtures.ts";
import { parseModel } from "../../../../../sql/language/model.ts";

Deno.test("what stands in main is known once, then DuckDB is asked", async () => {
  await withSession(async (session) => {
    await session.run(
      'CREATE TABLE main."Daily" AS SELECT 1 AS a; CREATE VIEW main.shown AS SELECT 1 AS a; ' +
        "CREATE SCHEMA raw; CREATE TABLE raw.other AS SELECT 1 AS a; CREATE TABLE main.old AS SELECT 1 AS a",
    );
    const renamed = parseModel({
      path: "transforms/p/renamed.sql",
      content: "/* @sluice\nrenamed_from: old\n*/ SELECT 1 AS a",
    });
    const known = await KnownRelations.read(session, [renamed]);
    const kinds = async () => {
      const found = [];
      for (const name of ["daily", "shown", "other", "old", "renamed", "tables"]) {
        found.push(await known.kindOf(session, name));
      }
      return found;
    };
    await session.run("ALTER TABLE main.old RENAME TO renamed; DROP VIEW main.shown");
    // A renamed model moves its table in the run itself: DuckDB is asked at once.
    assert.deepEqual(await kinds(), ["table", "view", undefined, undefined, "table", undefined]);
    assert.deepEqual(await kinds(), ["table", undefined, undefined, undefined, "table", undefined]);
  });
});
