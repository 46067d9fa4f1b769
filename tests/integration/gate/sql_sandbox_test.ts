import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { buildGraph } from "../../../sql/language/graph/analyze_graph.ts";
import { AppError } from "../../../contract/errors.ts";
import { openDatabase } from "../../../engine/duckdb/database.ts";
import { parseModel } from "../../../sql/language/model.ts";
import { attemptInProcess } from "../../support/worker_process.ts";

/** What SQL of a project tries to reach. Each is a whole query; FILE is a file of the project. */
const QUERIES: Readonly<Record<string, string>> = {
  "a file by read_csv": "SELECT * FROM read_csv('FILE')",
  "a file by read_text": "SELECT content FROM read_text('FILE')",
  "a file by parquet_scan": "SELECT * FROM parquet_scan('FILE')",
  "a file by its name": "SELECT * FROM 'FILE'",
  // Lower case by Unicode makes a k of the sign of kelvin; to DuckDB they are two names.
  "a file that a common table expression seems to hide":
    `WITH "mar\u212Aet.csv" AS (SELECT 1) SELECT * FROM "market.csv"`,
  "a file whose name begins as a schema of DuckDB's": "SELECT * FROM information_schema.csv",
  "a file whose name begins as the schema of streams": "SELECT * FROM raw.csv",
  "a file whose name begins as DuckDB's own database": "SELECT * FROM system.main.csv",
  "a file by query_table": "SELECT * FROM query_table('FILE')",
  "a list of files": "SELECT * FROM glob('*')",
  "a page": "SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')",
  "a bucket": "SELECT * FROM 's3://bucket/x.parquet'",
  "a file inside a subquery": "SELECT (SELECT max(content) FROM read_text('FILE')) AS c",
  "a file in a list comprehension":
    "SELECT [x FOR x IN [1] IF (SELECT count(*) FROM read_text('FILE')) > 0] AS c",
  "SQL in a text": "SELECT * FROM query('FROM read_text(''FILE'')')",
  "a table by a computed name": "SELECT * FROM query_table('raw.' || 'other')",
  "SQL that is serialized": "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
  "a plan of SQL in a text": "SELECT json_serialize_plan('FROM read_text(''FILE'')') AS p",
  "the environment": "SELECT getenv('PATH') AS p",
  "secrets": "SELECT * FROM duckdb_secrets()",
  "settings by a function": "SELECT * FROM duckdb_settings()",
  "settings by name": "SELECT current_setting('allowed_directories') AS s",
  "settings by a view": "SELECT * FROM pg_catalog.pg_settings",
  "files of databases": "SELECT * FROM duckdb_databases",
  "files of databases by PRAGMA's view": "SELECT * FROM pragma_database_list",
  "a log that goes into a file": "SELECT * FROM enable_logging(storage := 'file', storage_path := 'FILE')",
  "a log that goes into the reports": "SELECT * FROM enable_logging(storage := 'stdout')",
  "a profile that goes into a file":
    "SELECT * FROM enable_profiling(format := 'json', save_location := 'FILE')",
  "our own tables": "SELECT * FROM _sluice.steps",
  "our own tables by the catalogue": "SELECT * FROM w._sluice.steps",
  "our own tables by a text": `SELECT * FROM query_table('_slu"ice".steps')`,
  "what is hidden behind a column": "SELECT s.current_setting() AS c FROM (SELECT 'threads' AS s)",
  "another database": "SELECT * FROM other.main.t",
  "tables of a session": "SELECT * FROM temp.information_schema.tables",
  "a checkpoint": "SELECT * FROM checkpoint()",
};

/** Statements that are no query. */
const STATEMENTS: readonly string[] = [
  "ATTACH 'FILE' AS other",
  "COPY (SELECT 1) TO 'FILE'",
  "EXPORT DATABASE 'FILE'",
  "IMPORT DATABASE 'FILE'",
  "INSTALL httpfs",
  "LOAD httpfs",
  "SET threads = 1",
  "RESET threads",
  "PRAGMA database_list",
  "CALL enable_logging()",
  "CREATE TABLE other AS SELECT 1",
  "CREATE SECRET s (TYPE s3)",
  "DELETE FROM raw.s",
  "SELECT 1; SELECT 2",
];

const text = (sql: string) => sql.replaceAll("FILE", "orders.csv");
const indented = (sql: string) => JSON.stringify(text(sql));

/** The same attempt from each place of a model that has SQL, by the model's name. */
function placesOf(name: string, sql: string): Record<string, string> {
  return {
    [`${name}_table`]: text(sql),
    [`${name}_view`]: `/* @sluice\nmaterialized: view\n*/\n${text(sql)}`,
    [`${name}_check`]: `/* @sluice\nchecks: [{name: c, sql: ${indented(sql)}}]\n*/\nSELECT 1 AS id`,
    [`${name}_expression`]: `/* @sluice\ncolumns: {id: {checks: [{sql: ${
      indented(`EXISTS (${sql})`)
    }}]}}\n*/\nSELECT 1 AS id`,
  };
}

function attempts(): Record<string, string> {
  const places: Record<string, string> = {};
  for (const [at, sql] of Object.values(QUERIES).entries()) Object.assign(places, placesOf(`q${at}`, sql));
  for (const [at, sql] of STATEMENTS.entries()) Object.assign(places, placesOf(`s${at}`, sql));
  return places;
}

Deno.test("a pipeline's graph, which checks and runs begin with, refuses SQL that reaches beyond its tables", async () => {
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [] });
  await using session = await database.session();
  for (const [name, content] of Object.entries(attempts())) {
    const model = parseModel({ path: `transforms/p/${name}.sql`, content });
    const error = await buildGraph(session, { models: [model], streams: ["s"] }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    ok(error instanceof AppError && error.faults.length > 0, content);
    equal(error.faults[0]?.file, model.path);
  }
});

/** In the check's own SQL the file stands in a text, in the query that counts several checks at once it does not. */
const OPEN_QUOTE = `/* @sluice
columns:
  a:
    checks:
      - accepted_values: ["$$ OR true) --"]
        where: a = $$ OR EXISTS (FROM read_text($f$orders.csv$f$))
*/
SELECT 'x' AS a`;

Deno.test("a check's condition is whole by itself, so that no text of one query is SQL in another", async () => {
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [] });
  await using session = await database.session();
  const faultsOf = async (content: string) => {
    const model = parseModel({ path: "transforms/p/m.sql", content });
    const error = await buildGraph(session, { models: [model], streams: [] }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    return error instanceof AppError ? error.faults.map(({ line, message }) => `${line} ${message}`) : [];
  };
  const whole = "expected one expression, whose quotes and brackets are closed where it ends";
  deepEqual(await faultsOf(OPEN_QUOTE), [`6 accepted_values(a): ${whole}`]);
  const expression = (sql: string) =>
    `/* @sluice\nchecks: [{expression: ${JSON.stringify(sql)}}]\n*/ SELECT 1 AS a`;
  deepEqual(await faultsOf(expression("a > 0) OR (true")), [`2 expression(a > 0) OR (true): ${whole}`]);
  for (
    const sql of [
      "a > 0 -- not 0",
      "a IN (SELECT 1)",
      "row_number() OVER (ORDER BY a) > 0",
      "(a, 1) = (1, 1)",
    ]
  ) {
    deepEqual(await faultsOf(expression(sql)), [], sql);
  }
});

Deno.test("a run refuses it too where nobody has checked the pipeline, and leaves everything as it was", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-sandbox-" });
  try {
    await Deno.mkdir(join(folder, "project"), { recursive: true });
    const orders = join(folder, "project", "orders.csv");
    await Deno.writeTextFile(orders, "id\n1\n");
    const project = {
      folder,
      connectors: { files: { type: "file" } },
      pipeline: { extract: { s: { connector: "files", path: "*.csv" } } },
    };
    const refused = await attemptInProcess(project, { runId: "r1", attempt: 1, models: attempts() });
    equal(refused.error?.code, "invalid");
    deepEqual([...refused.steps.values()].filter(({ state }) => state === "succeeded"), []);

    equal(await Deno.readTextFile(orders), "id\n1\n");
    deepEqual([...Deno.readDirSync(join(folder, "project"))].map(({ name }) => name), ["orders.csv"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the condition of a stream computes with its row and reads nothing else", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-sandbox-" });
  try {
    await Deno.mkdir(join(folder, "project"), { recursive: true });
    await Deno.writeTextFile(join(folder, "project", "orders.csv"), "id\n1\n");
    const wheres = [
      "EXISTS (FROM read_text('orders.csv'))",
      "EXISTS (FROM 'orders.csv')",
      "current_setting('allowed_directories') <> ''",
      "true) OR EXISTS (FROM pg_settings",
      "(SELECT count(*) FROM duckdb_databases) > 0",
    ];
    for (const [at, where] of wheres.entries()) {
      const pipeline = { extract: { s: { connector: "files", path: "*.csv", where } } };
      const project = { folder, connectors: { files: { type: "file" } }, pipeline };
      const { error } = await attemptInProcess(project, { runId: `w${at}`, attempt: 1, models: {} });
      match(error?.message ?? "", /where: /, where);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
