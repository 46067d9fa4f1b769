import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { listSnapshots, snapshotFile } from "../../../../../engine/snapshots/snapshot_files.ts";
import { openDatabase } from "../../../../../engine/duckdb/database.ts";
import { JobProject } from "../job_fixture.ts";
import { tempFolder } from "../../duckdb/fixtures.ts";

const SYSTEM = { read: () => ({ async *[Symbol.asyncIterator]() {} }) };

Deno.test("a model is published with its exact types, and what its error check refuses is not", async () => {
  await using project = await JobProject.create();
  await using folder = await tempFolder();
  const models = {
    exact: `SELECT 12345678901234567890123456789::HUGEINT AS huge, 1.50::DECIMAL(18,2) AS amount,
      TIMESTAMPTZ '2026-01-02 03:04:05+00' AS at, [1, NULL] AS list, 'a "b"' AS "a column"`,
    bad: `/* @sluice
columns:
  x: { checks: [not_null] }
*/
SELECT NULL::INTEGER AS x`,
  };
  const more = { snapshots: folder.path };
  const first = await project.attempt(SYSTEM, { publish: ["exact"] }, { exact: models.exact }, {
    ...more,
    runId: "one",
  });
  equal(first.error, undefined);
  equal(first.steps.get("snapshot:exact")?.rows, 1);
  const [snapshot, ...others] = await listSnapshots(join(folder.path, "exact"));
  equal(others.length, 0);
  deepEqual(snapshot?.columns.map(({ name, type }) => `${name} ${type}`), [
    "huge HUGEINT",
    "amount DECIMAL(18,2)",
    "at TIMESTAMP WITH TIME ZONE",
    "list INTEGER[]",
    "a column VARCHAR",
  ]);
  equal((await Deno.stat(snapshotFile(join(folder.path, "exact"), snapshot?.id ?? ""))).mode! & 0o777, 0o600);
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [folder.path] });
  await using session = await database.session();
  const [row] = await session.rows(
    `SELECT CAST(huge AS VARCHAR) AS huge, CAST(amount AS VARCHAR) AS amount, "a column" AS named
       FROM read_parquet('${folder.path}/exact/*.parquet')`,
  );
  deepEqual({ ...row }, { huge: "12345678901234567890123456789", amount: "1.50", named: 'a "b"' });

  const refused = await project.attempt(SYSTEM, { publish: ["bad"] }, { bad: models.bad }, {
    ...more,
    runId: "two",
  });
  match(String(refused.error), /bad/);
  equal(refused.steps.get("snapshot:bad")?.state, "skipped");
  deepEqual(await listSnapshots(join(folder.path, "bad")), []);
});

Deno.test("only as many snapshots stay as keep says, and later ones have greater ids", async () => {
  await using project = await JobProject.create();
  await using folder = await tempFolder();
  for (const run of ["one", "two", "three", "four"]) {
    const { error } = await project.attempt(
      SYSTEM,
      { publish: { t: { keep: 3 } } },
      { t: `SELECT '${run}' AS run` },
      { snapshots: folder.path, runId: run },
    );
    equal(error, undefined);
  }
  const kept = await listSnapshots(join(folder.path, "t"));
  deepEqual(kept.map(({ run }) => run), ["four", "three", "two"]);
});
