import { deepEqual, doesNotMatch, equal, match } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { type Table, tableFromIPC } from "apache-arrow";
import { openDatabase } from "../../../engine/duckdb/database.ts";
import { acquirePostgres } from "../../support/postgres.ts";
import {
  type Attempted,
  attemptInProcess,
  succeed,
  type WorkerProject,
} from "../../support/worker_process.ts";

/** Loads that take their rows while they are read, between real systems, beside those from the table. */

const server = await acquirePostgres();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const PASSES = /Takes the rows while they are read/;
const LOAD = "load:s→there";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-pass-" });
  try {
    await Deno.mkdir(`${folder}/project`);
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs the pipeline with the load in the stream's pass. */
async function inOnePass(project: WorkerProject): Promise<Attempted> {
  const passed = await succeed(project, { runId: "passed", attempt: 1, models: {} });
  match(passed.log.join("\n"), PASSES);
  return passed;
}

/** The same, but the load comes from the table: the process dies when it is stored, and another goes on. */
async function fromTable(project: WorkerProject): Promise<Attempted> {
  const died = await attemptInProcess(project, {
    runId: "table",
    attempt: 1,
    models: {},
    dieAt: "extract:s after commit",
  });
  equal(died.signal, "SIGKILL");
  const loaded = await succeed(project, { runId: "table", attempt: 2, models: {} });
  doesNotMatch(loaded.log.join("\n"), PASSES);
  return loaded;
}

/** Of the load's step. */
const receiptOf = ({ steps }: Attempted) => {
  const step = steps.get(LOAD);
  return { rows: step?.rows, bytes: step?.size_bytes, inserted: step?.inserted, hash: step?.hash };
};

const TYPES = `
  CREATE TYPE mood AS ENUM ('glad', 'sad');
  CREATE TABLE s AS SELECT g AS id, (g % 2 = 0) AS flag, g::smallint AS small, (g * 3000000000)::bigint AS big,
    (g / 7.0)::real AS single, (g / 7.0)::double precision AS wide, (g * 1.005)::numeric(12,3) AS money,
    (g::numeric ^ 20) AS huge, 'täxt ' || g AS name, ('x' || g)::char(8) AS padded, decode(lpad(to_hex(g), 8, '0'), 'hex') AS bytes,
    date '2024-02-28' + g AS day, time '23:59:59.999999' AS clock, timestamp '2024-01-01' + g * interval '1.000001 s' AS moment,
    timestamptz '2024-07-01 12:00+02' + g * interval '1 day' AS instant,
    ('00000000-0000-4000-8000-' || lpad(g::text, 12, '0'))::uuid AS uid, jsonb_build_object('n', g) AS doc,
    json '{"a" : 1, "a": 2}' AS raw_json, ARRAY[g, NULL, g + 1] AS list, ARRAY['a', NULL, ''] AS words,
    (CASE WHEN g % 3 = 0 THEN 'glad' ELSE 'sad' END)::mood AS mood, '10.0.0.0/8'::inet AS net
  FROM generate_series(1, 500) AS g;
  INSERT INTO s (id, single, wide, moment, day) VALUES
    (501, 'NaN', '-Infinity', 'infinity', '-infinity'), (502, '-0', 'Infinity', '-infinity', 'infinity');
  INSERT INTO s (id) VALUES (503)`;

Deno.test("PostgreSQL to PostgreSQL: all types and values arrive in one pass as they do from the table", async () => {
  await using source = await server.createDatabase();
  await source.sql.unsafe(TYPES);
  const found: unknown[] = [];
  for (const way of [inOnePass, fromTable]) {
    await inFolder(async (folder) => {
      await using target = await server.createDatabase();
      const attempted = await way({
        folder,
        connectors: {
          here: { type: "postgres", url: source.url, mask_salt: "pepper" },
          there: { type: "postgres", url: target.url },
        },
        pipeline: {
          extract: { s: { connector: "here", stream: "s", mask: { name: "hash" }, exclude: ["padded"] } },
          load: { s: { connector: "there", table: "t" } },
        },
      });
      found.push({
        ...receiptOf(attempted),
        columns: await target.sql`SELECT column_name, data_type, numeric_precision, numeric_scale
          FROM information_schema.columns WHERE table_name = 't' ORDER BY ordinal_position`,
        values: await target.sql`SELECT t::text FROM t ORDER BY id`,
      });
    });
  }
  equal(JSON.stringify(found[0]), JSON.stringify(found[1]));
  match(JSON.stringify(found[0]), /"rows":503,.*"hash":"[0-9a-f]{32}"/);
});

Deno.test("SQLite to PostgreSQL and to an Arrow file: one pass gives what the table gives", async () => {
  const fill = (folder: string) => {
    using database = new DatabaseSync(`${folder}/project/s.db`);
    database.exec(
      `CREATE TABLE s (id INTEGER PRIMARY KEY, t TEXT, r REAL, b BLOB, d DATE, n DECIMAL(10,2), j JSON);
      INSERT INTO s VALUES (1, 'ä', 1.5, x'00ff', '2024-02-29', 12.5, '{"a":1}'), (2, '', -0.0, x'', NULL, NULL, NULL),
        (3, NULL, NULL, NULL, '0001-01-01', -1, '[]')`,
    );
  };
  const connectors = { here: { type: "sqlite", path: "s.db" } };
  const extract = { s: { connector: "here", stream: "s" } };
  const inPostgres: unknown[] = [];
  const inFile: unknown[] = [];
  for (const way of [inOnePass, fromTable]) {
    await inFolder(async (folder) => {
      await using target = await server.createDatabase();
      fill(folder);
      const attempted = await way({
        folder,
        connectors: { ...connectors, there: { type: "postgres", url: target.url } },
        pipeline: { extract, load: { s: { connector: "there", table: "t" } } },
      });
      inPostgres.push([receiptOf(attempted), await target.sql`SELECT t::text FROM t ORDER BY id`]);
    });
    await inFolder(async (folder) => {
      fill(folder);
      await way({
        folder,
        connectors: { ...connectors, there: { type: "file" } },
        pipeline: { extract, load: { s: { connector: "there", path: "out/s.arrow" } } },
      });
      inFile.push(describe(tableFromIPC(await Deno.readFile(`${folder}/project/out/s.arrow`))));
    });
  }
  equal(JSON.stringify(inPostgres[0]), JSON.stringify(inPostgres[1]));
  equal(inFile[0], inFile[1]);
  match(String(inFile[0]), /2024|ä/);
});

const describe = (table: Table): string =>
  [String(table.schema), ...table.toArray().map((row) => String(row))].join("\n");

Deno.test("types that the table stores otherwise are loaded from the table", async () => {
  await inFolder(async (folder) => {
    await using database = await server.createDatabase();
    await database.sql.unsafe("CREATE TABLE s AS SELECT 1 AS id, interval '1 month 2.5 s' AS span");
    const attempted = await succeed({
      folder,
      connectors: { there: { type: "postgres", url: database.url } },
      pipeline: {
        extract: { s: { connector: "there", stream: "s" } },
        load: { s: { connector: "there", table: "t" } },
      },
    }, { runId: "r", attempt: 1, models: {} });
    match(attempted.log.join("\n"), /load:s→there: The rows come from the table after all/);
    const [row] = await database.sql`SELECT t::text AS t FROM t`;
    equal(row?.["t"], `(1,"1 mon 00:00:02.5")`);
  });
});

Deno.test("a large table goes from one database into the same one, with just the two connections that this takes", async () => {
  for (const [connections, passes] of [[2, true], [1, false]] as const) {
    await inFolder(async (folder) => {
      await using database = await server.createDatabase();
      await database.sql.unsafe(
        "CREATE TABLE s AS SELECT g AS id, 'row ' || g AS t FROM generate_series(1, 150000) AS g; ANALYZE s",
      );
      const attempted = await succeed({
        folder,
        connectors: { there: { type: "postgres", url: database.url, max_connections: connections } },
        pipeline: {
          extract: { s: { connector: "there", stream: "s" } },
          load: { s: { connector: "there", table: "t" } },
        },
      }, { runId: "r", attempt: 1, models: {} });
      equal(PASSES.test(attempted.log.join("\n")), passes);
      const [row] = await database.sql`SELECT count(*)::int AS n,
        (SELECT count(*) FROM (TABLE s EXCEPT TABLE t) AS missing)::int AS missing FROM t`;
      deepEqual({ ...row }, { n: 150_000, missing: 0 });
    });
  }
});

Deno.test("a source that errors at some row leaves the destination's rows, and nothing half read in the warehouse", async () => {
  await inFolder(async (folder) => {
    await using source = await server.createDatabase();
    await using target = await server.createDatabase();
    await target.sql.unsafe("CREATE TABLE t (id integer, t text); INSERT INTO t VALUES (0, 'old')");
    const project = (query: string): WorkerProject => ({
      folder,
      connectors: {
        here: { type: "postgres", url: source.url },
        there: { type: "postgres", url: target.url },
      },
      pipeline: {
        extract: { s: { connector: "here", query } },
        load: { s: { connector: "there", table: "t" } },
      },
    });
    const broken = "SELECT g AS id, (1 / (150000 - g))::text AS t FROM generate_series(1, 200000) AS g";
    const failed = await attemptInProcess(project(broken), { runId: "r", attempt: 1, models: {} });
    match(failed.error?.message ?? "", /division by zero/);
    match(failed.log.join("\n"), PASSES);
    equal(failed.steps.get("extract:s")?.state, "failed");
    equal(failed.steps.get(LOAD)?.state, "skipped");
    deepEqual((await target.sql`SELECT id, t FROM t`).map((row) => ({ ...row })), [{ id: 0, t: "old" }]);
    const whole = "SELECT g AS id, g::text AS t FROM generate_series(1, 200000) AS g";
    const passed = await succeed(project(whole), { runId: "r", attempt: 2, models: {} });
    match(passed.log.join("\n"), PASSES);
    const [row] = await target.sql`SELECT count(*)::int AS n, min(id) AS least FROM t`;
    deepEqual({ ...row }, { n: 200_000, least: 1 });
  });
});

Deno.test("a destination that refuses a row in the middle fails its load; the stream is stored, and the retry loads it", async () => {
  await inFolder(async (folder) => {
    await using source = await server.createDatabase();
    await using target = await server.createDatabase();
    await source.sql.unsafe(
      "CREATE TABLE s AS SELECT g AS id FROM generate_series(1, 200000) AS g; ANALYZE s",
    );
    await target.sql.unsafe(
      "CREATE TABLE t (id integer CONSTRAINT small CHECK (id < 70000)); INSERT INTO t VALUES (0)",
    );
    const project: WorkerProject = {
      folder,
      connectors: {
        here: { type: "postgres", url: source.url },
        there: { type: "postgres", url: target.url },
      },
      pipeline: {
        extract: { s: { connector: "here", stream: "s" } },
        load: { s: { connector: "there", table: "t" } },
      },
    };
    const failed = await attemptInProcess(project, { runId: "r", attempt: 1, models: {} });
    match(failed.error?.message ?? "", /load:s→there: .*small/);
    match(failed.log.join("\n"), PASSES);
    equal(failed.steps.get("extract:s")?.rows, 200_000);
    equal(failed.steps.get(LOAD)?.state, "failed");
    deepEqual((await target.sql`SELECT id FROM t`).map((row) => ({ ...row })), [{ id: 0 }]);
    await target.sql.unsafe("ALTER TABLE t DROP CONSTRAINT small");
    await source.sql.unsafe("DROP TABLE s");
    const retried = await succeed(project, { runId: "r", attempt: 2, models: {} });
    equal(retried.steps.get(LOAD)?.rows, 200_000);
    const [row] = await target.sql`SELECT count(*)::int AS n FROM t`;
    equal(row?.["n"], 200_000);
    await using database = await openDatabase({
      path: `${folder}/data/p.duckdb`,
      allowedDirectories: [folder],
    });
    await using session = await database.session();
    deepEqual(await session.rows("SELECT count(*)::INTEGER AS n FROM raw.s"), [{ n: 200_000 }]);
  });
});
