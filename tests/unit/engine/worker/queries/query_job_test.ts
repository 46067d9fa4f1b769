import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import type { Answered, Asked, QueriedDatabase } from "../../../../../contract/jobs/query_job.ts";
import type { Report } from "../../../../../contract/jobs/reports.ts";
import { openDatabase } from "../../../../../engine/duckdb/database.ts";
import { writeParquet } from "../../../../../engine/duckdb/from/parquet_file.ts";
import { queryJob } from "../../../../../engine/worker/queries/query_job.ts";
import { Reporter } from "../../../../../engine/worker/reporter.ts";
import { tempFolder } from "../../duckdb/fixtures.ts";

/** A folder with the warehouses of two pipelines, `shop` and `pay-roll`, and a snapshot of a third. */
async function withWarehouses(
  work: (
    ask: (
      asked: Omit<Asked & { sql: string }, "id" | "wanted"> | { complete: string },
      pipeline?: string | null,
    ) => Promise<Answered>,
    folder: string,
  ) => Promise<void>,
): Promise<void> {
  await using folder = await tempFolder();
  const path = (name: string) => join(folder.path, `${name}.duckdb`);
  for (const [name, rows] of [["shop", 3], ["pay-roll", 2]] as const) {
    await using database = await openDatabase({ path: path(name), allowedDirectories: [folder.path] });
    await using session = await database.session();
    await session.run(
      `CREATE SCHEMA raw; CREATE SCHEMA _sluice; CREATE TABLE _sluice.states AS SELECT 'secret' AS state;
       CREATE TABLE raw.orders AS SELECT range AS id, 'c' || range AS customer FROM range(${rows});
       CREATE TABLE daily AS SELECT DATE '2026-01-01' AS day, count(*) AS n FROM raw.orders;
       CREATE VIEW seen AS SELECT * FROM raw.orders; CREATE MACRO top(k) AS TABLE SELECT * FROM raw.orders LIMIT k`,
    );
    if (name === "shop") {
      await writeParquet(session, "SELECT 7 AS seven", join(folder.path, "sevens.parquet"));
    }
  }
  const databases: QueriedDatabase[] = [
    { pipeline: "shop", path: path("shop") },
    { pipeline: "pay-roll", path: path("pay-roll") },
    { pipeline: "busy", snapshots: [{ model: "sevens", path: join(folder.path, "sevens.parquet") }] },
  ];
  const ask = async (asked: object, pipeline: string | null = "shop") => {
    const answers: Report[] = [];
    const reporter = new Reporter("key", (bytes) => {
      const text = new TextDecoder().decode(bytes);
      answers.push(JSON.parse(text.slice(text.indexOf("{"))));
    });
    async function* asks() {
      yield await Promise.resolve({ id: "1", wanted: { limit: 10, cells: "text" }, ...asked } as Asked);
    }
    await queryJob(
      {
        kind: "query",
        databases,
        pipeline,
        threads: 1,
        projectDir: folder.path,
        tempDir: join(folder.path, "spill"),
        connectors: {},
        duckdb: { directories: [], files: [], memoryLimit: "200MB", spillLimit: "1MB" },
      },
      { reporter, signal: new AbortController().signal },
      asks(),
    );
    for (const report of answers) if (report.type === "asked") return report.answer;
    throw new Error("nothing was answered");
  };
  await work(ask, folder.path);
}

const rowsOf = (answer: Answered) => "rows" in answer ? answer.rows.rows : answer;
const faultOf = (answer: Answered) =>
  "error" in answer ? answer.faults[0]?.message ?? answer.error.message : "no error";

Deno.test("a query reads the pipeline that it is about by bare names, others by theirs, and snapshots", async () => {
  await withWarehouses(async (ask) => {
    const rows = async (sql: string, pipeline?: string | null) => rowsOf(await ask({ sql }, pipeline));
    deepEqual(await rows("SELECT * FROM daily"), [["2026-01-01", "3"]]);
    deepEqual(await rows("FROM raw.orders ORDER BY id DESC LIMIT 1"), [["2", "c2"]]);
    deepEqual(
      await rows(`SELECT a.n, b.n, seven FROM daily a, "pay-roll".daily b, busy.sevens;`),
      [["3", "2", "7"]],
    );
    deepEqual(await rows(`SELECT count(*) FROM "pay-roll".raw.orders`, null), [["2"]]);
    deepEqual(await rows("SELECT count(*) FROM seen"), [["3"]]);
    deepEqual(await rows("FROM top(2)"), [["0", "c0"], ["1", "c1"]]);
    deepEqual(await rows("DESCRIBE daily"), [["day", "DATE", "YES", null, null, null], [
      "n",
      "BIGINT",
      "YES",
      null,
      null,
      null,
    ]]);
    deepEqual((await rows("SUMMARIZE daily") as string[][]).map(([name]) => name), ["day", "n"]);
    deepEqual(await rows("SHOW TABLES"), [["daily"], ["seen"]]);
    match(JSON.stringify(await rows("EXPLAIN SELECT * FROM daily")), /SEQ_SCAN/);
    match(JSON.stringify(await rows("-- how\nexplain /* x */ analyze FROM daily")), /Total Time/);
  });
});

Deno.test("a query can write nothing, reach no file and change no setting", async () => {
  await withWarehouses(async (ask, folder) => {
    const secret = join(folder, "secret.csv");
    await Deno.writeTextFile(secret, "a\n1\n");
    const before = await Deno.readFile(join(folder, "shop.duckdb"));
    const refused: readonly string[] = [
      "INSERT INTO daily SELECT * FROM daily",
      "UPDATE daily SET n = 1",
      "DELETE FROM daily",
      "CREATE TABLE mine AS SELECT 1 AS n",
      "CREATE TEMP TABLE mine AS SELECT 1 AS n",
      "CREATE MACRO f() AS 1",
      "DROP TABLE daily",
      "ALTER TABLE daily ADD COLUMN x INTEGER",
      "SELECT 1; DROP TABLE daily",
      `COPY daily TO '${folder}/out.csv'`,
      `COPY (SELECT 1) TO '${folder}/out.csv'`,
      `EXPORT DATABASE '${folder}/out'`,
      `ATTACH '${folder}/other.duckdb'`,
      "DETACH shop",
      'USE "pay-roll"',
      "SET threads = 9",
      "RESET threads",
      "SET VARIABLE x = 1",
      "PRAGMA database_list",
      "PRAGMA enable_profiling",
      "CALL pragma_version()",
      "CHECKPOINT",
      "VACUUM",
      "INSTALL httpfs",
      "LOAD httpfs",
      "BEGIN",
      "PREPARE p AS SELECT 1",
      "EXECUTE p",
      "EXPLAIN DROP TABLE daily",
      "EXPLAIN ANALYZE INSERT INTO daily SELECT * FROM daily",
      "EXPLAIN EXPLAIN DELETE FROM daily",
      `SELECT * FROM read_csv('${secret}')`,
      `SELECT * FROM read_text('${secret}')`,
      `SELECT * FROM '${secret}'`,
      `SELECT * FROM "${secret}"`,
      `DESCRIBE SELECT * FROM read_csv('${secret}')`,
      `SUMMARIZE '${secret}'`,
      `DESCRIBE TABLE '${secret}'`,
      `SELECT * FROM '${folder}/shop.duckdb'`,
      `SELECT * FROM query('SELECT 1')`,
      `SELECT * FROM query_table(['${secret}'])`,
      `FROM glob('${folder}/*')`,
      `SELECT (SELECT count(*) FROM read_blob('${secret}'))`,
      `WITH x AS (SELECT * FROM read_json('${secret}')) FROM x`,
      `SELECT * FROM sniff_csv('${secret}')`,
      `SELECT * FROM parquet_scan('${folder}/sevens.parquet')`,
      "SELECT * FROM enable_profiling(format := 'json', save_location := '/tmp/x.json')",
      "SELECT * FROM enable_logging(storage := 'stdout')",
      "SELECT * FROM duckdb_settings()",
      "SELECT * FROM duckdb_secrets()",
      "SELECT * FROM duckdb_databases()",
      "SELECT * FROM duckdb_databases",
      "SELECT * FROM pragma_database_list",
      "SELECT * FROM pg_catalog.pg_settings",
      "SELECT current_setting('temp_directory')",
      "SELECT getenv('HOME')",
      "SELECT json_serialize_plan('SELECT 1')",
      "SELECT write_log('x')",
      "SELECT nextval('s')",
      "SELECT * FROM _sluice.states",
      "SELECT * FROM shop._sluice.states",
      `SELECT * FROM "pay-roll"."_SLUICE".states`,
      `SELECT * FROM query_table('_slu"ice".states')`,
      `SELECT * FROM query_table(['"_sluice"".".states'])`,
      `WITH "${folder}/shop.duc\u212Adb" AS (SELECT 1) SELECT * FROM '${folder}/shop.duckdb'`,
      "SELECT * FROM sql_auto_complete('SEL')",
      "SELECT * FROM pragma_table_info('daily')",
      "SELECT * FROM test_vector_types(NULL, 1), force_checkpoint()",
    ];
    for (const sql of refused) {
      const answer = await ask({ sql });
      ok("error" in answer, `${sql} gave ${JSON.stringify(answer)}`);
      ok(
        ["invalid", "forbidden", "not_found"].includes(answer.error.code),
        `${sql}: ${JSON.stringify(answer.error)}`,
      );
      ok(!JSON.stringify(answer).includes("internal"), sql);
    }
    deepEqual(await Deno.readFile(join(folder, "shop.duckdb")), before);
    deepEqual(
      Array.from(Deno.readDirSync(folder), ({ name }) => name).filter((name) => name !== "spill").sort(),
      ["pay-roll.duckdb", "secret.csv", "sevens.parquet", "shop.duckdb"],
    );
  });
});

Deno.test("a query that fails says where, and one that is too large ends alone", async () => {
  await withWarehouses(async (ask) => {
    const cases: readonly (readonly [string, string, number | undefined, number | undefined])[] = [
      ["SELECT nn FROM daily", 'column "nn" does not exist (candidates: n)', 1, 8],
      ["SELECT n\nFROM dayly", "table dayly does not exist (did you mean daily?)", 2, 6],
      ["SELECT 'é', summ(n) FROM daily", "function summ does not exist (did you mean sum?)", 1, 13],
      [
        "FROM other.raw.t",
        "there is no pipeline other with tables, or its rows are not yours to look at",
        1,
        6,
      ],
      ["SELEC 1", 'syntax error at or near "SELEC"', 1, 1],
      ["SELECT n FROM", "syntax error at end of input", 1, 14],
    ];
    for (const [sql, message, line, column] of cases) {
      const answer = await ask({ sql });
      ok("error" in answer, sql);
      deepEqual(
        answer.faults.map((f) => [f.line, f.column, f.message]),
        [[line, column, message]],
        sql + JSON.stringify(answer.faults),
      );
    }
    match(
      faultOf(await ask({ sql: "SELECT customer::INTEGER FROM raw.orders" })),
      /Could not convert string 'c0' to INT32/,
    );
    match(
      faultOf(await ask({ sql: "SELECT list(range) FROM range(100000000)" })),
      /more memory than the run may take|more room on the disk/,
    );
    equal(rowsOf(await ask({ sql: "SELECT 1" })) instanceof Array, true);
  });
});

Deno.test("completion knows tables, columns, functions and names behind a dot", async () => {
  await withWarehouses(async (ask) => {
    const complete = async (sql: string, pipeline?: string | null) => {
      const answer = await ask({ complete: sql }, pipeline);
      if (!("completion" in answer)) throw new Error(JSON.stringify(answer));
      return { begun: sql.slice(answer.completion.start), words: answer.completion.words };
    };
    const has = async (sql: string, word: string, pipeline?: string | null) => {
      const { words } = await complete(sql, pipeline);
      ok(words.includes(word), `${sql} → ${words.join(", ")}`);
    };
    await has("SELECT * FROM da", "daily");
    await has("SELECT cust", "customer");
    await has("SELECT date_tr", "date_trunc");
    ok((await complete("SELECT * FROM daily WH")).words.some((word) => word.trim() === "WHERE"));
    deepEqual((await complete("SELECT * FROM raw.")).words, ["orders"]);
    deepEqual(await complete("SELECT o.c FROM raw.orders o WHERE o.c"), { begun: "c", words: ["customer"] });
    deepEqual(
      (await complete('SELECT * FROM "pay-roll".')).words,
      ["daily", "orders", "raw", "seen"].filter((word) => word !== "orders"),
    );
    deepEqual((await complete('SELECT * FROM "pay-roll".raw.', null)).words, ["orders"]);
    deepEqual((await complete("SELECT daily.")).words, ["day", "n"]);
    ok(!JSON.stringify(await complete("SELECT * FROM _sluice.")).includes("states"));
    deepEqual((await complete("SELECT 'it''s ; ")).words, []);
  });
});
