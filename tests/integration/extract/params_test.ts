import { deepEqual, equal, match } from "node:assert/strict";
import { startApi } from "../../support/api_bench.ts";
import { LOOPBACK_POLICY } from "../../support/api_project.ts";
import { acquireMariadb } from "../../support/mariadb.ts";
import { acquirePostgres } from "../../support/postgres.ts";
import { Served, step } from "../../support/served_project.ts";

/** Runs whose params stand in what streams read and loads write. */

const HOSTILE = "'; DROP TABLE orders; -- \\' \" `";

Deno.test("params reach queries, paths, requests and targets of each system as values and as nothing else", async () => {
  await using pg = await acquirePostgres();
  await using source = await pg.createDatabase();
  await source.sql.unsafe(`CREATE TABLE orders (id int PRIMARY KEY, region text, day date, changed timestamp);
    INSERT INTO orders VALUES (1, 'eu', '2026-01-01', '2026-01-01'), (2, 'us', '2026-01-02', '2026-01-02');`);
  await source.sql`INSERT INTO orders VALUES (3, ${HOSTILE}, '2026-01-03', '2026-01-03')`;
  await using mariadb = await acquireMariadb();
  await using shop = await mariadb.createDatabase();
  await shop.run("CREATE TABLE orders (id int PRIMARY KEY, region varchar(100), at datetime(6))");
  await shop.run(
    "INSERT INTO orders VALUES (1, 'eu', '2026-01-01 00:00:00'), (3, ?, '2026-01-03 00:00:00.000001')",
    [
      HOSTILE,
    ],
  );
  const asked: string[] = [];
  await using api = await startApi((url) => {
    asked.push(url.pathname + url.search);
    return [{ id: 1 }];
  });
  const folder = await Deno.makeTempDir({ prefix: "sluice-policy-" });
  await using _folder = { [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
  await Deno.writeTextFile(`${folder}/policy.yaml`, LOOPBACK_POLICY);
  await using served = await Served.start({
    "connectors.yaml": `pg: { type: postgres, url: "${source.url}", ssl: disable }
my: { type: mysql, url: "${shop.url}" }
files: { type: file }
api: { type: http, base_url: "${api.url}/v1" }
`,
    "data/eu.csv": "id\n1\n",
    "data/us.csv": "id\n2\n",
    "pipelines/sql.yaml": `
params: { region: { default: eu }, since: { type: timestamp, default: "2026-01-01T01:00:00+01:00" } }
extract:
  pg_query: { connector: pg, query: "SELECT id FROM orders WHERE region = \${param:region} AND changed >= \${param:since}" }
  pg_where: { connector: pg, stream: orders, where: "region = \${param:region}" }
  my_where: { connector: my, stream: orders, where: "region = \${param:region} AND at >= \${param:since}" }
  file: { connector: files, path: data/eu.csv, where: "\${param:region} <> 'nothing'" }
`,
    "pipelines/places.yaml": `
params: { region: { default: eu }, day: { type: date } }
extract:
  file: { connector: files, path: "data/\${param:region}.csv" }
  rest: { connector: api, endpoint: { path: "r/\${param:region}", params: { day: "\${param:day}" }, paginator: { type: single_page } } }
load:
  file:
    - { connector: pg, table: "copy_\${param:region}", pre_sql: "INSERT INTO orders (id, region) SELECT 99, \${param:region} WHERE NOT EXISTS (SELECT 1 FROM orders WHERE id = 99)" }
    - { connector: files, path: "out/\${param:region}.csv" }
`,
    "pipelines/kept.yaml": `
params: { region: { default: eu } }
extract:
  orders:
    connector: pg
    query: "SELECT * FROM orders WHERE region = \${param:region}"
    mode: incremental
    primary_key: [id]
    update_key: changed
`,
  }, { SLUICE_POLICY: `${folder}/policy.yaml` });
  const rows = async (pipeline: string, table: string) =>
    (await served.warehouse(pipeline, `SELECT id FROM raw.${table} ORDER BY id`)).flat();

  await served.succeed("sql");
  for (const table of ["pg_query", "pg_where", "my_where", "file"]) {
    deepEqual(await rows("sql", table), [1], table);
  }
  const hostile = await served.succeed("sql", { params: { region: HOSTILE, since: "2026-01-02" } });
  for (const table of ["pg_query", "pg_where", "my_where"]) deepEqual(await rows("sql", table), [3], table);
  match(step(hostile, "extract:pg_query").sql ?? "", /region =\s+E'''; DROP/);

  const refused = await served.server.trigger("places", {}).catch((error: unknown) => String(error));
  match(String(refused), /the param day has no value and no default/);
  await served.succeed("places", { params: { region: "us", day: "2026-02-03" } });
  deepEqual(await rows("places", "file"), [2]);
  deepEqual(asked, ["/v1/r/us?day=2026-02-03"]);
  deepEqual((await source.sql`SELECT id::int FROM copy_us`).map(({ id }) => id), [2]);
  deepEqual((await source.sql`SELECT region FROM orders WHERE id = 99`).map(({ region }) => region), ["us"]);
  equal(await Deno.readTextFile(`${served.project.projectDir}/out/us.csv`), "id\n2\n");
  const outside = await served.server.trigger("places", { params: { region: "../eu", day: "2026-02-03" } })
    .catch((error: unknown) => String(error));
  match(
    String(outside),
    /Cannot use the param region in extract.file.path: its value \\?"\.\.\/eu\\?" has one of/,
  );

  // The cursor of one region is not that of another one.
  await served.succeed("kept");
  const mixed = await served.server.trigger("kept", { params: { region: "us" } }).catch((error: unknown) =>
    String(error)
  );
  match(String(mixed), /the stream \\?"orders\\?" goes on from where it was with region = \\?"eu\\?"/);
  const again = { params: { region: "us" }, from: "2026-01-01", to: "2026-02-01" };
  await served.succeed("kept", again);
  deepEqual(await rows("kept", "orders"), [1, 2]);
  await source.sql`INSERT INTO orders VALUES (4, 'eu', '2026-01-01', '2026-01-01 12:00')`;
  await served.succeed("kept");
  deepEqual(await rows("kept", "orders"), [1, 2, 4], "the cursor stayed at that of eu");
});
