import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { acquireMariadb } from "../../support/mariadb.ts";
import { startSqld } from "../../support/sqld.ts";
import { acquirePostgres } from "../../support/postgres.ts";
import { S3_KEYS, S3Bucket, s3Url } from "../../support/s3_bucket.ts";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { attemptInProcess, succeed, type WorkerProject } from "../../support/worker_process.ts";

const VALUES = `SELECT 1 AS id, 'a' AS name, 1.50::DECIMAL(9,2) AS price, true AS ok,
  TIMESTAMPTZ '2024-02-29 12:34:56.5+02' AS seen, DATE '2024-02-29' AS day, 0.1 AS share, [1, 2] AS list
  UNION ALL SELECT 2, NULL, NULL, NULL, NULL, NULL, 'nan'::DOUBLE, NULL`;
const MODES = [
  { mode: "replace" },
  { mode: "append" },
  { mode: "merge", primary_key: ["id"] },
  { mode: "merge", primary_key: ["id"], deletes: "hard", changed_only: true },
  { mode: "delete_insert", partition_by: ["day"] },
  { mode: "scd2", primary_key: ["id"] },
] as const;

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-verify-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const projectOf = (
  folder: string,
  connector: WorkerProject["connectors"][string],
  loads: readonly Readonly<Record<string, unknown>>[],
): WorkerProject => ({
  folder,
  connectors: { it: connector },
  pipeline: {
    load: { t: loads.map((load) => ({ connector: "it", verify: true, ...load })) },
    resources: { threads: 1 },
  },
});

async function verifies(project: WorkerProject, count: number, notANumber = "'nan'::DOUBLE"): Promise<void> {
  const values = VALUES.replace("'nan'::DOUBLE", notANumber);
  for (
    const [i, models] of [{ t: values }, {
      t: `${values} UNION ALL ${values.replace("1 AS id", "3 AS id").replace("SELECT 2", "SELECT 4")}`,
    }].entries()
  ) {
    const { steps } = await succeed(project, { runId: `r${i}`, attempt: 1, models, windowEndMs: i * 1_000 });
    const loads = [...steps.values()].filter(({ kind }) => kind === "load");
    deepStrictEqual(loads.map(({ verified }) => verified), Array(count).fill(true));
  }
}

for (const type of ["sqlite", "duckdb"]) {
  Deno.test(`${type}: a load with verify reads back what it loaded, in every mode`, async () => {
    await withFolder(async (folder) => {
      const loads = MODES.map((keys, i) => ({ table: `t${i}`, ...keys }));
      await verifies(projectOf(folder, { type, path: "it.db" }, loads), loads.length);
    });
  });
}

Deno.test("postgres: a load with verify reads back what it loaded, in every mode", async () => {
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  await withFolder(async (folder) => {
    const loads = MODES.map((keys, i) => ({ table: `made.t${i}`, ...keys }));
    await verifies(projectOf(folder, { type: "postgres", url: database.url }, loads), loads.length);
  });
});

Deno.test("mysql: a load with verify reads back what it loaded, in every mode", async () => {
  await using server = await acquireMariadb();
  await using database = await server.createDatabase();
  await withFolder(async (folder) => {
    const loads = MODES.map((keys, i) => ({ table: `t${i}`, ...keys }));
    // It has no NaN.
    await verifies(projectOf(folder, { type: "mysql", url: database.url }, loads), loads.length, "0.25");
  });
});

Deno.test("libsql: a load with verify reads back what it loaded, in every mode", async () => {
  await using sqld = await startSqld();
  await withFolder(async (folder) => {
    const loads = MODES.map((keys, i) => ({ table: `t${i}`, ...keys }));
    await verifies(projectOf(folder, { type: "libsql", url: sqld.url }, loads), loads.length);
  });
});

Deno.test("file: a load with verify reads back Parquet and Arrow, and CSV and JSON as they were written", async () => {
  await withFolder(async (folder) => {
    const loads = [
      { path: "out/a.parquet" },
      { path: "out/b/", mode: "append" },
      { path: "out/c/", mode: "delete_insert", partition_by: ["day"] },
      { path: "out/d.arrow" },
      { path: "out/e.parquet", mode: "merge", primary_key: ["id"] },
      { path: "out/f.csv" },
      {
        path: "out/g.csv.gz",
        options: { delimiter: ";", decimal_separator: ",", date_format: "%d/%m/%Y", bom: true, null: "-" },
      },
      { path: "out/h/", mode: "append", options: { format: "csv", compression: "gzip" } },
      { path: "out/m/", mode: "delete_insert", partition_by: ["day"], options: { format: "csv" } },
      { path: "out/n/", options: { format: "csv", partition_by: ["name"], compression: "gzip" } },
      { path: "out/i.tsv", mode: "merge", primary_key: ["id"], options: { quote_style: "all" } },
    ];
    await verifies(projectOf(folder, { type: "file" }, loads), loads.length);
  });
});

Deno.test("file: a load with verify reads back JSON as it was written", async () => {
  await withFolder(async (folder) => {
    const loads = [
      { path: "out/j.json" },
      { path: "out/k.ndjson.zst" },
      { path: "out/l/", mode: "append", options: { format: "ndjson" } },
    ];
    // It has no NaN.
    await verifies(projectOf(folder, { type: "file" }, loads), loads.length, "0.25");
  });
});

Deno.test("s3: a load with verify reads back objects, and all files of a folder", async () => {
  await using bucket = await S3Bucket.create();
  await withFolder(async (folder) => {
    const entry = { type: "s3", bucket: bucket.name, endpoint: s3Url(), region: "us-east-1", ...S3_KEYS };
    const loads = [
      { path: "a.parquet" },
      { path: "b/", mode: "append" },
      { path: "c/", mode: "append", options: { format: "csv" } },
      { path: "d.csv.gz" },
    ];
    await verifies(projectOf(folder, entry, loads), loads.length);
  });
});

Deno.test("a load with verify fails where the target holds other rows, and says which and in what", async () => {
  await withFolder(async (folder) => {
    const project = projectOf(folder, { type: "sqlite", path: "it.db" }, [
      { table: "t", mode: "merge", primary_key: ["id"] },
    ]);
    const models = { t: "SELECT range AS id, 'n' || range AS name FROM range(5)" };
    await succeed(project, { runId: "a", attempt: 1, models });
    using database = new DatabaseSync(join(folder, "project", "it.db"));
    database.exec(`CREATE TRIGGER spoil AFTER UPDATE ON t WHEN NEW.id = 3 AND NEW.name <> 'x'
      BEGIN UPDATE t SET name = 'x' WHERE id = 3; END`);
    const { error, steps } = await attemptInProcess(project, { runId: "b", attempt: 1, models });
    strictEqual(error?.code, "conflict");
    const { message } = error;
    for (const part of ["t of it", "1 rows are not there as they were sent", "'id': 3", 'differ in "name"']) {
      ok(message.includes(part), `${part}: ${message}`);
    }
    strictEqual(steps.get("load:t→it")?.state, "failed");
    database.exec("DROP TRIGGER spoil; UPDATE t SET name = 'n3'");
    database.exec("UPDATE t SET name = 'n' || id");
    strictEqual(
      (await succeed(project, { runId: "b", attempt: 2, models })).steps.get("load:t→it")?.verified,
      true,
    );
  });
});

Deno.test("a load with verify tells values apart that DuckDB's hash() takes for one", async () => {
  const values = {
    d: ["0::DECIMAL(38, 2)", "-0.01"],
    h: ["0::HUGEINT", "-1"],
  };
  await withFolder(async (folder) => {
    for (const [column, [value, other]] of Object.entries(values)) {
      const project = projectOf(folder, { type: "duckdb", path: `${column}.duckdb` }, [
        { table: "t", post_sql: `UPDATE t SET ${column} = ${other}` },
      ]);
      const models = { t: `SELECT 1 AS id, ${value} AS ${column}` };
      const { error } = await attemptInProcess(project, { runId: column, attempt: 1, models });
      strictEqual(error?.code, "conflict", `${column}: ${error?.message}`);
    }
  });
});
