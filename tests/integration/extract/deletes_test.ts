import { deepEqual, equal, match } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { acquirePostgres } from "../../support/postgres.ts";
import { Served, step } from "../../support/served_project.ts";

const KEYS = "mode: incremental, primary_key: [a, b], update_key: changed";

Deno.test("rows that are gone at the source are marked or removed, whatever the source, and come back", async () => {
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  const table = `CREATE TABLE t (a numeric(9,2), "B" text, changed int, note text, PRIMARY KEY (a, "B"));
    INSERT INTO t VALUES (1.50, 'x', 1, 'n'), (1.50, 'y', 2, 'n'), (2.25, 'x', 3, 'n'), (3, '007', 4, 'n');`;
  await database.sql.unsafe(table);
  const lite = `CREATE TABLE t (a DECIMAL(9,2), "B" TEXT, changed INTEGER, note TEXT, PRIMARY KEY (a, "B"));
    INSERT INTO t VALUES ('1.50', 'x', 1, 'n'), ('1.50', 'y', 2, 'n'), ('2.25', 'x', 3, 'n'), ('3', '007', 4, 'n');`;
  const streams = ["pg", "lite", "csv"].flatMap((source) =>
    ["soft", "hard", "ignore"].map((deletes) => {
      const from = source === "csv" ? "connector: files, path: t.csv" : `connector: ${source}, stream: t`;
      return `  ${source}_${deletes}: { ${from}, ${KEYS}, rename: { B: b }, deletes: ${deletes} }\n`;
    })
  );
  await using served = await Served.start({
    "connectors.yaml": `files: { type: file }\nlite: { type: sqlite, path: shop.db }\n` +
      `pg: { type: postgres, url: "${database.url}", ssl: disable }\n`,
    "t.csv": "a,B,changed,note\n1.50,x,1,n\n1.50,y,2,n\n2.25,x,3,n\n3.00,007,4,n\n",
    "pipelines/p.yaml": `extract:\n${streams.join("")}`,
  });
  const path = join(served.project.projectDir, "shop.db");
  const inLite = (sql: string) => {
    using sqlite = new DatabaseSync(path);
    sqlite.exec(sql);
  };
  inLite(lite);
  await served.server.call("POST", "/api/apply");
  await served.succeed("p");
  const goneSql = `DELETE FROM t WHERE "B" IN ('y', '007')`;
  await database.sql.unsafe(goneSql);
  inLite(goneSql);
  await Deno.writeTextFile(
    join(served.project.projectDir, "t.csv"),
    "a,B,changed,note\n1.50,x,1,n\n2.25,x,3,n\n",
  );
  const run = await served.succeed("p");
  for (const source of ["pg", "lite", "csv"]) {
    const rows = (deletes: string, columns = "a::VARCHAR, b") =>
      served.warehouse("p", `SELECT ${columns} FROM raw.${source}_${deletes} ORDER BY a, b`);
    equal(step(run, `extract:${source}_hard`).deleted, 2, source);
    equal(step(run, `extract:${source}_ignore`).deleted, undefined);
    deepEqual((await rows("hard")).map(([, b]) => b), ["x", "x"], source);
    equal((await rows("ignore")).length, 4);
    deepEqual(
      await rows("soft", "b, _sluice_deleted_at IS NOT NULL"),
      [["x", "false"], ["y", "true"], ["x", "false"], ["007", "true"]],
      source,
    );
  }
  // Back, without a change of the update_key: only the keys tell.
  await database.sql.unsafe("INSERT INTO t VALUES (1.50, 'y', 1, 'old')");
  const third = await served.succeed("p");
  equal(step(third, "extract:pg_soft").deleted, 0);
  deepEqual(
    await served.warehouse("p", "SELECT b FROM raw.pg_soft WHERE _sluice_deleted_at IS NOT NULL"),
    [["007"]],
  );
});

Deno.test("a mass deletion fails the step before any row is touched", async () => {
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  await database.sql.unsafe("CREATE TABLE t AS SELECT g AS id, 1 AS changed FROM generate_series(1, 200) g");
  const stream = (more: string) =>
    `{ connector: pg, stream: t, mode: incremental, primary_key: [id], update_key: changed, deletes: hard${more} }`;
  await using served = await Served.start({
    "connectors.yaml": `pg: { type: postgres, url: "${database.url}", ssl: disable }\n`,
    "pipelines/p.yaml": `extract:
  guarded: ${stream("")}
  few: ${stream(", max_deletes: 20")}
  most: ${stream(", max_deletes: 100%")}
`,
  });
  await served.succeed("p");
  await database.sql.unsafe("DELETE FROM t WHERE id <= 21; INSERT INTO t VALUES (1000, 2)");
  const run = await served.runToEnd("p");
  equal(run.state, "failed");
  match(
    step(run, "extract:guarded").error?.message ?? "",
    /21 of 201 rows are gone at the source \(without max_deletes at most 10 % .*\); nothing is deleted/,
  );
  match(step(run, "extract:few").error?.message ?? "", /max_deletes is 20/);
  const count = async (name: string) =>
    (await served.warehouse("p", `SELECT count(*) FROM raw.${name}`)).flat()[0];
  deepEqual([await count("guarded"), await count("few"), await count("most")], ["200", "200", "180"]);
  await database.sql.unsafe("INSERT INTO t SELECT g, 1 FROM generate_series(1, 5) g");
  await served.succeed("p");
  await database.sql.unsafe("DELETE FROM t");
  match(
    step(await served.runToEnd("p"), "extract:guarded").error?.message ?? "",
    /185 of 185 rows are gone/,
  );
  deepEqual([await count("guarded"), await count("most")], ["185", "0"]);
});
