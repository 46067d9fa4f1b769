/**
 * MariaDB → warehouse and back by the whole command, and the connector alone, against the physical limit: 2 M
 * rows of a `lineitem`-like table of 16 columns, beside `mariadb --quick` that throws the same rows away, and
 * `LOAD DATA LOCAL` of a file of them into a table of the same columns as ours, one after the other in the
 * same run.
 *
 * deno task bench mysql [--rows 2000000] [--rounds 3]; SLUICE_TEST_MYSQL_URL names a server to use
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { acquireMariadb, type MariadbDatabase } from "../../tests/support/mariadb.ts";
import { openMysql, readBatches } from "../../tests/support/mysql_connector.ts";
import { Costs, stepOf, succeed, timed } from "../lib/costs.ts";
import { buildSluice, type Cost, costOf, sluiceRun, writeProject } from "../lib/sluice_run.ts";

const LINEITEM = (rows: number) =>
  `CREATE TABLE lineitem (
     orderkey BIGINT NOT NULL, partkey INT, suppkey INT, linenumber INT, quantity DECIMAL(15,2),
     extendedprice DECIMAL(15,2), discount DECIMAL(15,2), tax DECIMAL(15,2), returnflag CHAR(1), linestatus CHAR(1),
     shipdate DATE, commitdate DATE, receiptdate DATE, shipinstruct CHAR(25), shipmode CHAR(10), comment VARCHAR(44)
   ) ENGINE = InnoDB;
   INSERT INTO lineitem SELECT
     seq DIV 4, seq * 7 % 200000, seq * 13 % 10000, seq % 7, seq % 50 + 1, seq * 7919 % 10000000 / 100,
     seq % 11 / 100, seq % 9 / 100, SUBSTR('ANR', seq % 3 + 1, 1), SUBSTR('OF', seq % 2 + 1, 1),
     DATE '1992-01-01' + INTERVAL seq % 2500 DAY, DATE '1992-02-01' + INTERVAL seq % 2500 DAY,
     DATE '1992-03-01' + INTERVAL seq % 2500 DAY,
     ELT(seq % 4 + 1, 'DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN'),
     ELT(seq % 5 + 1, 'AIR', 'MAIL', 'SHIP', 'TRUCK', 'RAIL'),
     CONCAT('carefully regular ideas ', seq * 31 % 100000)
   FROM seq_1_to_${rows};
   ANALYZE TABLE lineitem`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: { rows: { type: "string", default: "2000000" }, rounds: { type: "string", default: "3" } },
  });
  const rows = Number(values.rows);
  await using server = await acquireMariadb();
  await using database = await server.createDatabase();
  await database.run(LINEITEM(rows));
  console.log(`${rows.toLocaleString("en")} rows of 16 columns, ${navigator.hardwareConcurrency} cores`);
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    await buildSluice();
    const projects = await writeProjects(folder, database.url);
    const file = join(folder, "lineitem.tsv");
    await client(database, "SELECT * FROM lineitem", file);
    const found = new Costs(rows);
    for (let round = 0; round < Number(values.rounds); round += 1) {
      found.add("mariadb --quick", await client(database, "SELECT * FROM lineitem", "/dev/null"));
      const run = await sluiceRun(folder, projects.bench, "bench");
      found.add("sluice run, whole", run);
      found.add("MariaDB → warehouse", stepOf(run, "extract"));
      found.add("MariaDB → Arrow", await timed(() => readAll(database)));
      await database.run("DROP TABLE IF EXISTS loaded");
      const load = await sluiceRun(folder, projects.back, "back");
      found.add("warehouse → MariaDB", stepOf(load, "load"));
      // Over the old rows.
      found.add("the same again", stepOf(await sluiceRun(folder, projects.back, "back"), "load"));
      await database.run("DROP TABLE IF EXISTS copied; CREATE TABLE copied LIKE loaded");
      const statement = `LOAD DATA LOCAL INFILE '${file}' INTO TABLE copied CHARACTER SET utf8mb4`;
      found.add("LOAD DATA LOCAL of a file", await client(database, statement, "/dev/null"));
      found.addPeak(Math.max(run.peakRssBytes, load.peakRssBytes));
    }
    found.report("mariadb --quick");
    found.report("sluice run, whole", "mariadb --quick");
    found.report("MariaDB → warehouse", "mariadb --quick");
    found.report("MariaDB → Arrow", "mariadb --quick");
    found.report("LOAD DATA LOCAL of a file");
    found.report("warehouse → MariaDB", "LOAD DATA LOCAL of a file");
    found.report("the same again", "LOAD DATA LOCAL of a file");
    console.log(`peak RSS of a run's process: ${(found.peakRssBytes / 1e6).toFixed(0)} MB`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A pipeline with that one stream and nothing else, and one that loads what is made of it. */
async function writeProjects(folder: string, url: string) {
  const connectors = `shop: { type: mysql, url: ${JSON.stringify(url)}, ssl: disable }\n`;
  const extract = "extract: { lineitem: { connector: shop, stream: lineitem } }\n";
  const load = "transform: back\nload: { made: { connector: shop, table: loaded } }\n";
  return {
    bench: await writeProject(folder, "bench", {
      "connectors.yaml": connectors,
      "pipelines/bench.yaml": extract,
    }),
    back: await writeProject(folder, "back", {
      "connectors.yaml": connectors,
      "pipelines/back.yaml": extract + load,
      "transforms/back/made.sql": "SELECT * FROM raw.lineitem\n",
    }),
  };
}

/** A statement by the client that comes with the server, its rows as text into a file. */
function client({ url }: MariadbDatabase, statement: string, file: string): Promise<Cost> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const options = [`--host=${hostname}`, `--port=${port}`, `--user=${username}`, `--password=${password}`];
  const quick = ["--quick", "--skip-column-names", "--batch", "--local-infile=1", `--execute=${statement}`];
  const script = 'file=$1; shift; exec mariadb --no-defaults "$@" > "$file"';
  return costOf(() => succeed("sh", ["-c", script, "sh", file, ...options, ...quick, pathname.slice(1)]));
}

async function readAll(database: MariadbDatabase): Promise<void> {
  await using connection = await openMysql(database.url);
  for await (const _ of readBatches(connection, { stream: "lineitem" })) { /* drained */ }
}

await main();
