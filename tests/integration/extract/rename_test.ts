import { deepEqual, equal, match } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { acquirePostgres } from "../../support/postgres.ts";
import { Served } from "../../support/served_project.ts";

const KEYS = `mode: incremental, primary_key: [id], update_key: changed,
    rename: { OrderNo: id, "Last Change": changed, Mail: email }, mask: { Mail: last4 }`;

async function sqliteFile(...statements: readonly string[]): Promise<Uint8Array> {
  const path = await Deno.makeTempFile({ prefix: "sluice-rename-" });
  try {
    {
      using database = new DatabaseSync(path);
      for (const statement of statements) database.exec(statement);
    }
    return await Deno.readFile(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("renamed columns keep their meaning for keys, cursors, masks and conditions, whatever the source", async () => {
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  const table = (values: string) =>
    `CREATE TABLE orders ("OrderNo" integer PRIMARY KEY, "Last Change" date, "Mail" text, note text);
     INSERT INTO orders VALUES ${values};`;
  const ROWS = "(1, '2026-01-01', 'ann@example.org', 'a'), (2, '2026-01-02', 'bo@example.org', 'b')";
  await database.sql.unsafe(table(ROWS));
  const csv =
    "OrderNo,Last Change,Mail,note\n1,2026-01-01,ann@example.org,a\n2,2026-01-02,bo@example.org,b\n";
  await using served = await Served.start({
    "connectors.yaml": `files: { type: file }\nlite: { type: sqlite, path: shop.db }\n` +
      `pg: { type: postgres, url: "${database.url}", ssl: disable }\n`,
    "shop.db": await sqliteFile(table(ROWS)),
    "orders.csv": csv,
    "pipelines/shop.yaml": `extract:
  from_csv: { connector: files, path: orders.csv, where: '"OrderNo" < 9', exclude: [note], ${KEYS} }
  from_lite: { connector: lite, stream: orders, where: '"OrderNo" < 9', exclude: [note], ${KEYS} }
  from_pg: { connector: pg, stream: orders, where: '"OrderNo" < 9', exclude: [note], ${KEYS} }
`,
    "transforms/shop/all_mails.sql": `SELECT id, changed, email FROM raw.from_csv
UNION ALL SELECT id, changed, email FROM raw.from_lite UNION ALL SELECT id, changed, email FROM raw.from_pg
`,
  });
  await served.succeed("shop");
  const more = "(3, '2026-01-03', 'cy@example.org', 'c'), (9, '2026-01-04', 'no', 'd')";
  await database.sql.unsafe(
    `UPDATE orders SET "Last Change" = '2026-01-03', "Mail" = 'ann@sample.com' WHERE "OrderNo" = 1;
    INSERT INTO orders VALUES ${more}`,
  );
  const changed = ROWS.replace("'2026-01-01', 'ann@example.org'", "'2026-01-03', 'ann@sample.com'");
  await Deno.writeFile(
    `${served.project.projectDir}/shop.db`,
    await sqliteFile(table(`${changed}, ${more}`)),
  );
  await Deno.writeTextFile(
    `${served.project.projectDir}/orders.csv`,
    "OrderNo,Last Change,Mail,note\n1,2026-01-03,ann@sample.com,a\n2,2026-01-02,bo@example.org,b\n" +
      "3,2026-01-03,cy@example.org,c\n9,2026-01-04,no,d\n",
  );
  const second = await served.succeed("shop");
  deepEqual(second.steps.slice(0, 3).map(({ rows }) => rows), [3, 3, 3], "each begins at its cursor");
  const expected = [
    ["1", "2026-01-03", "****.com"],
    ["2", "2026-01-02", "****.org"],
    ["3", "2026-01-03", "****.org"],
  ];
  for (const stream of ["from_csv", "from_lite", "from_pg"]) {
    deepEqual(
      await served.warehouse("shop", `SELECT id, changed::VARCHAR, email FROM raw.${stream} ORDER BY id`),
      expected,
      stream,
    );
    deepEqual(
      await served.warehouse(
        "shop",
        `SELECT column_name FROM duckdb_columns() WHERE table_name = '${stream}' ORDER BY column_index`,
      ),
      [["id"], ["changed"], ["email"]],
    );
  }
});

Deno.test("a renamed stream is loaded while it is read, and in parts, under its new names", async () => {
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  await database.sql.unsafe(
    `CREATE TABLE "Orders" AS SELECT g AS "No", 'x' || g AS "Text" FROM generate_series(1, 50) g`,
  );
  await using served = await Served.start({
    "connectors.yaml": `pg: { type: postgres, url: "${database.url}", ssl: disable }\n`,
    "pipelines/shop.yaml": `extract:
  orders: { connector: pg, stream: '"Orders"', rename: { "No": id, "Text": text } }
  parts: { connector: pg, stream: '"Orders"', rename: { "No": id }, partition: { column: "No", size: 20 } }
load: { orders: { connector: pg, table: copy } }
`,
  });
  await served.succeed("shop");
  deepEqual([...await database.sql`SELECT count(*)::int AS n, min(text) AS t, sum(id)::int AS s FROM copy`], [
    { n: 50, t: "x1", s: 1_275 },
  ]);
  deepEqual(await served.warehouse("shop", `SELECT count(DISTINCT id), min("Text") FROM raw.parts`), [
    ["50", "x1"],
  ]);
});

Deno.test("check tells of renames that cannot be", async () => {
  await using served = await Served.start({
    "orders.csv": "a,b,c\n1,2,3\n",
    "pipelines/keys.yaml":
      "extract: { o: { connector: files, path: orders.csv, mode: append, update_key: a, rename: { a: x, B: X } } }\n",
    "pipelines/gone.yaml": "extract: { o: { connector: files, path: orders.csv, rename: { z: x } } }\n",
    "pipelines/twice.yaml": "extract: { o: { connector: files, path: orders.csv, rename: { a: C } } }\n",
  });
  const { code, stdout, stderr } = await served.project.sluice("check");
  equal(code, 2);
  const said = stdout + stderr;
  match(said, /update_key: "a" is renamed to "x": keys use the new name/);
  match(said, /rename: "a" and "B" would both be "X"/);
  match(said, /has no column "z" \(it has a, b, c\)/);
  match(said, /rename gives the columns "a" and "c" one name, "C"/i);
});
